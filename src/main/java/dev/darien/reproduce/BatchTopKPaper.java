// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import java.util.List;

/** BatchTopK, with its threshold at inference, against TopK. */
final class BatchTopKPaper implements Paper {
    private static final double CLOSE = 0.1;

    @Override
    public String number() {
        return "2412.06410";
    }

    @Override
    public String title() {
        return "Bussmann, Leask, Nanda 2024: BatchTopK Sparse Autoencoders";
    }

    @Override
    public Results measure(Experiment experiment) {
        try (Sweep sweep = new Sweep(experiment)) {
            ParetoStudy study = new ParetoStudy(sweep, experiment.seeds(), List.of("batchtopk", "topk", "jumprelu"));
            List<Double> off = study.of("batchtopk").stream()
                    .map(BatchTopKPaper::furthestFromK)
                    .toList();
            return new Results(
                    List.of(
                            study.lowerFvu("BatchTopK reconstructs better than TopK at equal L0", "batchtopk", "topk"),
                            Finding.negative(
                                    "the threshold keeps the mean L0 within 10 % of k on held-out data",
                                    "largest distance of L0 / k from 1, - 0.1, of the sparsities", off),
                            Finding.notTestable(
                                    "BatchTopK is comparable to JumpReLU",
                                    "the table has both",
                                    "comparable is no claim that a figure can refute")),
                    List.of(study.table()),
                    List.of(study.figure("2412.06410-pareto")));
        }
    }

    private static double furthestFromK(List<Sweep.Run> runs) {
        double furthest = 0;
        for (int at = 0; at < runs.size(); at++) {
            double wanted = ParetoStudy.SPARSITIES.get(at);
            furthest = Math.max(furthest, Math.abs(runs.get(at).l0() / wanted - 1));
        }
        return furthest - CLOSE;
    }
}
