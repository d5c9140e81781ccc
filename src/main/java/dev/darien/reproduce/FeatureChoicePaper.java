// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.eval.Evaluation;
import dev.darien.train.Auxiliary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** Mutual Choice and Feature Choice against TopK, and what the Zipf loss does for latents that are hardly used. */
final class FeatureChoicePaper implements Paper {
    private static final int K = 16;

    /** Of the latents in the mean, by far: one token in a thousand. */
    private static final double HARDLY_USED = 1e-3;

    private static final double GOOD_FIT = 0.95;
    private static final double FEW = 0.005;

    /** One architecture with one auxiliary loss, for each seed. */
    private record Variant(String name, List<Sweep.Run> runs) {
        List<Double> figures(ToDoubleFunction<Sweep.Run> figure) {
            return runs.stream().map(run -> figure.applyAsDouble(run)).toList();
        }
    }

    @Override
    public String number() {
        return "2411.02124";
    }

    @Override
    public String title() {
        return "Ayonrinde 2024: Adaptive Sparse Allocation with Mutual Choice & Feature Choice Sparse Autoencoders";
    }

    @Override
    public Results measure(Experiment experiment) {
        try (Sweep sweep = new Sweep(experiment)) {
            Variant topk = variant(experiment, sweep, "topk", "AuxK", null);
            Variant mutual = variant(experiment, sweep, "batchtopk", "AuxK", null);
            Variant zipf = variant(experiment, sweep, "batchtopk", "Zipf loss", zipfLoss());
            Variant feature = variant(experiment, sweep, "feature-choice", "Zipf loss", zipfLoss());
            List<Finding> findings = List.of(
                    lower("Mutual Choice reconstructs better than TopK at equal sparsity", mutual, topk),
                    lower("Feature Choice reconstructs better than TopK at equal sparsity", feature, topk),
                    Finding.negative(
                            "Feature Choice ends without dead latents",
                            "silent share on held-out data - 0.5 %",
                            feature.figures(run -> run.heldOut().deadFraction() - FEW)),
                    Finding.positive(
                            "the densities of Feature Choice follow a Zipf law",
                            "R² of ln density over ln rank - 0.95",
                            feature.figures(run -> fit(run.heldOut()) - GOOD_FIT)),
                    Finding.negative(
                            "the Zipf loss leaves fewer latents dead than AuxK",
                            "silent share, Mutual Choice with the one - with the other",
                            ParetoStudy.difference(
                                    zipf.figures(run -> run.heldOut().deadFraction()),
                                    mutual.figures(run -> run.heldOut().deadFraction()))),
                    Finding.negative(
                            "the Zipf loss leaves fewer latents hardly used than AuxK",
                            "share firing on < 0.1 % of the tokens, Mutual Choice with the one - with the other",
                            ParetoStudy.difference(
                                    zipf.figures(FeatureChoicePaper::hardlyUsed),
                                    mutual.figures(FeatureChoicePaper::hardlyUsed))),
                    Finding.notTestable(
                            "no latent of 34 million is dead",
                            "GPT-2 and larger there",
                            "no such size is trained here"));
            return new Results(findings, List.of(table(sweep, List.of(topk, mutual, zipf, feature))));
        }
    }

    private static Auxiliary zipfLoss() {
        return new Auxiliary.Zipf(1.0 / 32, 0, 0.1);
    }

    private static Variant variant(
            Experiment experiment, Sweep sweep, String architecture, String loss, @Nullable Auxiliary auxiliary) {
        List<Sweep.Run> runs = new ArrayList<>();
        for (long seed : experiment.seeds()) {
            runs.add(sweep.run(new Sweep.Key(architecture, K, loss, seed), recipe -> {
                if (auxiliary != null) {
                    recipe.auxiliary(auxiliary);
                }
            }));
        }
        return new Variant(architecture + ", " + loss, runs);
    }

    private static Finding lower(String claim, Variant better, Variant other) {
        return Finding.negative(
                claim,
                "k=16: ln(FVU of " + better.name() + " / FVU of " + other.name() + ")",
                ParetoStudy.difference(
                        better.figures(run -> Math.log(run.fvu())), other.figures(run -> Math.log(run.fvu()))));
    }

    private static double hardlyUsed(Sweep.Run run) {
        long rare = Arrays.stream(run.heldOut().fires())
                .filter(fires -> fires < HARDLY_USED * run.heldOut().tokens())
                .count();
        return (double) rare / run.heldOut().latents();
    }

    /** R² of the straight line through ln density over ln rank, of the latents that fire. */
    static double fit(Evaluation evaluation) {
        double[] sorted = Arrays.stream(evaluation.fires())
                .filter(fires -> fires > 0)
                .asDoubleStream()
                .sorted()
                .toArray();
        int n = sorted.length;
        double x = 0;
        double y = 0;
        double xx = 0;
        double yy = 0;
        double xy = 0;
        for (int at = 0; at < n; at++) {
            double rank = Math.log(n - at);
            double fires = Math.log(sorted[at]);
            x += rank;
            y += fires;
            xx += rank * rank;
            yy += fires * fires;
            xy += rank * fires;
        }
        double covariance = xy - x * y / n;
        return covariance * covariance / ((xx - x * x / n) * (yy - y * y / n));
    }

    private static Results.Table table(Sweep sweep, List<Variant> variants) {
        List<List<String>> rows = variants.stream()
                .map(variant -> List.of(
                        variant.name(),
                        mean("%.2f", variant, Sweep.Run::l0),
                        mean("%.5f", variant, Sweep.Run::fvu),
                        mean("%.2f", variant, run -> 100 * run.heldOut().deadFraction()),
                        mean("%.2f", variant, run -> 100 * hardlyUsed(run)),
                        mean("%.3f", variant, run -> fit(run.heldOut()))))
                .toList();
        return new Results.Table(
                "Held-out data, " + sweep.plan() + ", k=16, means over the seeds",
                List.of("variant", "L0", "FVU", "silent latents, %", "on < 0.1 % of tokens, %", "R² of the Zipf law"),
                rows);
    }

    private static String mean(String format, Variant variant, ToDoubleFunction<Sweep.Run> figure) {
        return String.format(Locale.ROOT, format, Interval.mean(variant.figures(figure)));
    }
}
