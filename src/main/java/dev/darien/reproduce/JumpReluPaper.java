// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import java.util.List;

/** JumpReLU against TopK, Gated and ReLU at equal L0. */
final class JumpReluPaper implements Paper {
    /** What counts as firing often. */
    private static final double OFTEN = 0.1;

    /** How much longer a step may take and still be called as cheap. */
    private static final double AS_CHEAP = 1.05;

    @Override
    public String number() {
        return "2407.14435";
    }

    @Override
    public String title() {
        return "Rajamanoharan et al. 2024: Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU Sparse"
                + " Autoencoders";
    }

    @Override
    public Results measure(Experiment experiment) {
        try (Sweep sweep = new Sweep(experiment)) {
            ParetoStudy study =
                    new ParetoStudy(sweep, experiment.seeds(), List.of("jumprelu", "topk", "gated", "relu"));
            List<Double> gated = study.mean("gated", run -> run.oftenFiring(OFTEN));
            return new Results(
                    List.of(
                            study.lowerFvu("JumpReLU reconstructs better than TopK at equal L0", "jumprelu", "topk"),
                            study.lowerFvu("TopK reconstructs better than Gated at equal L0", "topk", "gated"),
                            study.lowerFvu("JumpReLU reconstructs better than Gated at equal L0", "jumprelu", "gated"),
                            study.lowerFvu("Gated reconstructs better than ReLU at equal L0", "gated", "relu"),
                            often(study, "JumpReLU", "jumprelu", gated),
                            often(study, "TopK", "topk", gated),
                            Finding.negative(
                                    "a step of JumpReLU costs as much as one of TopK, or less",
                                    "time of JumpReLU's step / TopK's - 1.05, mean of the sparsities",
                                    cost(study)),
                            Finding.notTestable(
                                    "JumpReLU loses least of the model's loss at equal L0",
                                    "Gemma 2 9B there",
                                    "no such model runs here")),
                    List.of(study.table()),
                    List.of(study.figure("2407.14435-pareto")));
        }
    }

    private static Finding often(ParetoStudy study, String name, String architecture, List<Double> gated) {
        return Finding.positive(
                "more latents of " + name + " than of Gated fire on over 10 % of the tokens",
                "difference of the shares, mean of the sparsities",
                ParetoStudy.difference(study.mean(architecture, run -> run.oftenFiring(OFTEN)), gated));
    }

    private static List<Double> cost(ParetoStudy study) {
        List<Double> jump = study.mean("jumprelu", run -> Math.log(run.tokensPerSecond()));
        List<Double> top = study.mean("topk", run -> Math.log(run.tokensPerSecond()));
        return ParetoStudy.difference(top, jump).stream()
                .map(ratio -> Math.exp(ratio) - AS_CHEAP)
                .toList();
    }
}
