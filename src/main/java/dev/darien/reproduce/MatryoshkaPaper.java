// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** Matryoshka against BatchTopK: what nesting costs in error, and what it gives where features have parents. */
final class MatryoshkaPaper implements Paper {
    private static final String MATRYOSHKA = "matryoshka";
    private static final String BATCH_TOP_K = "batchtopk";

    @Override
    public String number() {
        return "2503.17547";
    }

    @Override
    public String title() {
        return "Bussmann et al. 2025: Learning Multi-Level Features with Matryoshka Sparse Autoencoders";
    }

    /** The same measure of both, one value for each seed. */
    private record Comparison(Map<String, List<HierarchyStudy.Measured>> runs) {
        List<Double> values(String architecture, ToDoubleFunction<HierarchyStudy.Measured> figure) {
            return runs.getOrDefault(architecture, List.of()).stream()
                    .map(run -> figure.applyAsDouble(run))
                    .toList();
        }

        List<Double> difference(ToDoubleFunction<HierarchyStudy.Measured> figure) {
            return ParetoStudy.difference(values(MATRYOSHKA, figure), values(BATCH_TOP_K, figure));
        }

        String mean(String format, String architecture, ToDoubleFunction<HierarchyStudy.Measured> figure) {
            return String.format(Locale.ROOT, format, Interval.mean(values(architecture, figure)));
        }
    }

    @Override
    public Results measure(Experiment experiment) {
        Map<String, List<HierarchyStudy.Measured>> runs = new LinkedHashMap<>();
        for (String architecture : List.of(MATRYOSHKA, BATCH_TOP_K)) {
            runs.put(
                    architecture,
                    experiment.seeds().stream()
                            .map(seed -> HierarchyStudy.run(experiment, architecture, seed))
                            .toList());
        }
        Comparison hierarchy = new Comparison(runs);
        try (Sweep sweep = new Sweep(experiment)) {
            ParetoStudy study = new ParetoStudy(sweep, experiment.seeds(), List.of(MATRYOSHKA, BATCH_TOP_K));
            return new Results(
                    List.of(
                            study.lowerFvu(
                                    "BatchTopK reconstructs slightly better than Matryoshka at equal L0",
                                    BATCH_TOP_K,
                                    MATRYOSHKA),
                            Finding.positive(
                                    "the first group holds the parents of a hierarchy",
                                    "share of parents, less that of children, whose most similar latent is in it",
                                    hierarchy.values(MATRYOSHKA, HierarchyStudy.Measured::first)),
                            Finding.negative(
                                    "less absorption: a parent's latent fires beside its child's",
                                    "share of tokens with both at which it is silent, Matryoshka - BatchTopK",
                                    hierarchy.difference(HierarchyStudy.Measured::silent)),
                            Finding.negative(
                                    "less absorption by SAEBench's score",
                                    "5 parents as classes, Matryoshka - BatchTopK",
                                    hierarchy.difference(HierarchyStudy.Measured::absorption)),
                            Finding.negative(
                                    "less splitting",
                                    "latents with a cosine above 0.5 to a parent, Matryoshka - BatchTopK",
                                    hierarchy.difference(HierarchyStudy.Measured::shared)),
                            Finding.positive(
                                    "better spurious correlation removal (SCR)",
                                    "5 pairs of parents, 1, 2 and 5 latents taken, Matryoshka - BatchTopK",
                                    hierarchy.difference(HierarchyStudy.Measured::scr)),
                            Finding.positive(
                                    "better targeted probe perturbation (TPP)",
                                    "5 parents, 1, 2 and 5 latents taken, Matryoshka - BatchTopK",
                                    hierarchy.difference(HierarchyStudy.Measured::tpp)),
                            Finding.notTestable(
                                    "the advantage grows with the width of the dictionary",
                                    "up to 65 thousand latents there",
                                    "no such sizes are trained here")),
                    List.of(table(experiment, hierarchy), study.table()),
                    List.of(study.figure("2503.17547-pareto")));
        }
    }

    private static Results.Table table(Experiment experiment, Comparison hierarchy) {
        List<List<String>> rows = hierarchy.runs().keySet().stream()
                .map(name -> List.of(
                        name,
                        hierarchy.mean("%.2f", name, HierarchyStudy.Measured::l0),
                        hierarchy.mean("%.4f", name, HierarchyStudy.Measured::fvu),
                        hierarchy.mean("%.3f", name, HierarchyStudy.Measured::parents),
                        hierarchy.mean("%.3f", name, HierarchyStudy.Measured::children),
                        hierarchy.mean("%.3f", name, HierarchyStudy.Measured::silent),
                        hierarchy.mean("%.2f", name, HierarchyStudy.Measured::shared),
                        hierarchy.mean("%.3f", name, HierarchyStudy.Measured::absorption),
                        hierarchy.mean("%.3f", name, HierarchyStudy.Measured::scr),
                        hierarchy.mean("%.3f", name, HierarchyStudy.Measured::tpp)))
                .toList();
        return new Results.Table(
                HierarchyStudy.plan(experiment) + ", means over the seeds",
                List.of(
                        "architecture",
                        "L0",
                        "FVU",
                        "cosine of parents",
                        "of children",
                        "parent's latent silent",
                        "latents for a parent",
                        "absorption",
                        "SCR",
                        "TPP"),
                rows);
    }
}
