// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import java.util.List;

/** Gated SAEs against ReLU SAEs with an L1 penalty. */
final class GatedPaper implements Paper {
    /** What "about half" may be at most. */
    private static final double ABOUT_HALF = 0.6;

    @Override
    public String number() {
        return "2404.16014";
    }

    @Override
    public String title() {
        return "Rajamanoharan et al. 2024: Improving Dictionary Learning with Gated Sparse Autoencoders";
    }

    @Override
    public Results measure(Experiment experiment) {
        try (Sweep sweep = new Sweep(experiment)) {
            ParetoStudy study = new ParetoStudy(sweep, experiment.seeds(), List.of("gated", "relu"));
            List<Double> gated = study.mean("gated", GatedPaper::bias);
            List<Double> relu = study.mean("relu", GatedPaper::bias);
            return new Results(
                    List.of(
                            study.lowerFvu("Gated reconstructs better than ReLU at equal L0", "gated", "relu"),
                            Finding.negative(
                                    "Gated needs about half the active latents for the same fidelity",
                                    "L0 of Gated at the FVU that ReLU has at 16, / 16, - 0.6",
                                    study.l0Needed("gated", "relu").stream()
                                            .map(ratio -> ratio - ABOUT_HALF)
                                            .toList()),
                            Finding.negative(
                                    "Gated has less shrinkage than ReLU",
                                    "distance of the relative bias from 1, of Gated - of ReLU, mean of the sparsities",
                                    ParetoStudy.difference(gated, relu))),
                    List.of(study.table()),
                    List.of(study.figure("2404.16014-pareto")));
        }
    }

    private static double bias(Sweep.Run run) {
        return Math.abs(run.heldOut().relativeBias() - 1);
    }
}
