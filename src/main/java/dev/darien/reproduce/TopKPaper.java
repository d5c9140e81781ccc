// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.train.Auxiliary;
import java.util.List;

/** TopK against ReLU, and what its auxiliary loss does for dead latents. */
final class TopKPaper implements Paper {
    private static final int K = 16;

    @Override
    public String number() {
        return "2406.04093";
    }

    @Override
    public String title() {
        return "Gao et al. 2024: Scaling and evaluating sparse autoencoders";
    }

    @Override
    public Results measure(Experiment experiment) {
        try (Sweep sweep = new Sweep(experiment)) {
            ParetoStudy study = new ParetoStudy(sweep, experiment.seeds(), List.of("topk", "relu"));
            List<Double> dead = experiment.seeds().stream()
                    .map(seed -> sweep.run("topk", K, seed).heldOut().deadFraction()
                            - sweep.run(
                                            new Sweep.Key("topk", K, "no auxiliary loss", seed),
                                            recipe -> recipe.auxiliary(new Auxiliary.None()))
                                    .heldOut()
                                    .deadFraction())
                    .toList();
            return new Results(
                    List.of(
                            study.lowerFvu("TopK reconstructs better than ReLU at equal L0", "topk", "relu"),
                            Finding.negative(
                                    "AuxK leaves fewer latents dead", "silent share with AuxK - without, k=16", dead),
                            Finding.notTestable(
                                    "7 % of 16 million latents are dead, where 90 % would be",
                                    "GPT-4 there", "neither such a model nor such a size is trained here")),
                    List.of(study.table()),
                    List.of(study.figure("2406.04093-pareto")));
        }
    }
}
