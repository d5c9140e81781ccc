// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.report.ParetoChart;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** Architectures at several sparsities and seeds, compared at equal L0. */
final class ParetoStudy {
    /** What k, or the L0 that a penalty is steered to, takes in turn. */
    static final List<Integer> SPARSITIES = List.of(6, 12, 24, 48);

    /** Where architectures are compared. */
    static final List<Integer> COMPARED = List.of(8, 16, 32);

    private final Sweep sweep;
    private final List<Long> seeds;
    private final Map<String, List<List<Sweep.Run>>> runs = new LinkedHashMap<>();

    /** Trains them all; for each seed one after the other, so that their times can be compared. */
    ParetoStudy(Sweep sweep, List<Long> seeds, List<String> architectures) {
        this.sweep = sweep;
        this.seeds = seeds;
        architectures.forEach(architecture -> runs.put(architecture, new ArrayList<>()));
        for (long seed : seeds) {
            Map<String, List<Sweep.Run>> ofSeed = new LinkedHashMap<>();
            architectures.forEach(architecture -> ofSeed.put(architecture, new ArrayList<>()));
            for (int sparsity : SPARSITIES) {
                ofSeed.forEach((architecture, list) -> list.add(sweep.run(architecture, sparsity, seed)));
            }
            ofSeed.forEach((architecture, list) -> of(architecture).add(list));
        }
    }

    /** The runs of an architecture with each sparsity, for each seed. */
    List<List<Sweep.Run>> of(String architecture) {
        return Objects.requireNonNull(runs.get(architecture), architecture);
    }

    private List<Frontier> frontiers(String architecture) {
        return of(architecture).stream().map(Frontier::through).toList();
    }

    /** {@code better} has the lower FVU at equal L0: mean of ln(FVU / FVU of the other) where both have runs. */
    Finding lowerFvu(String claim, String better, String other) {
        List<Frontier> first = frontiers(better);
        List<Frontier> second = frontiers(other);
        List<Double> values = perSeed(seed -> COMPARED.stream()
                .mapToDouble(
                        l0 -> first.get(seed).logFvuAt(l0) - second.get(seed).logFvuAt(l0))
                .average()
                .orElseThrow());
        return Finding.negative(
                claim, "ln(FVU of " + better + " / FVU of " + other + "), mean at L0 8, 16 and 32", values);
    }

    /** L0 that {@code better} needs for the FVU that {@code other} has, as a multiple of the other's, by seed. */
    List<Double> l0Needed(String better, String other) {
        List<Frontier> first = frontiers(better);
        List<Frontier> second = frontiers(other);
        return perSeed(seed -> {
            double fvu = Math.exp(second.get(seed).logFvuAt(16));
            return Math.exp(first.get(seed).logL0At(fvu)) / 16;
        });
    }

    /** The mean over the sparsities of a figure, by seed. */
    List<Double> mean(String architecture, ToDoubleFunction<Sweep.Run> figure) {
        return perSeed(seed -> of(architecture).get(seed).stream()
                .mapToDouble(figure)
                .average()
                .orElseThrow());
    }

    private List<Double> perSeed(ToDoubleFunction<Integer> figure) {
        return IntStream.range(0, seeds.size())
                .mapToObj(seed -> figure.applyAsDouble(seed))
                .toList();
    }

    /** Differences by seed. */
    static List<Double> difference(List<Double> first, List<Double> second) {
        return IntStream.range(0, first.size())
                .mapToObj(seed -> first.get(seed) - second.get(seed))
                .toList();
    }

    /** Means over the seeds, a row for each architecture and sparsity. */
    Results.Table table() {
        List<List<String>> rows = new ArrayList<>();
        runs.forEach((architecture, ofSeeds) -> {
            for (int at = 0; at < SPARSITIES.size(); at++) {
                int sparsity = at;
                ToDoubleFunction<ToDoubleFunction<Sweep.Run>> mean = figure -> ofSeeds.stream()
                        .mapToDouble(ofSeed -> figure.applyAsDouble(ofSeed.get(sparsity)))
                        .average()
                        .orElseThrow();
                rows.add(List.of(
                        architecture,
                        String.valueOf(SPARSITIES.get(at)),
                        format("%.2f", mean.applyAsDouble(Sweep.Run::l0)),
                        format("%.5f", mean.applyAsDouble(Sweep.Run::fvu)),
                        format("%.3f", mean.applyAsDouble(run -> run.heldOut().relativeBias())),
                        format(
                                "%.1f",
                                100 * mean.applyAsDouble(run -> run.heldOut().deadFraction())),
                        format("%.2f", 100 * mean.applyAsDouble(run -> run.oftenFiring(0.1)))));
            }
        });
        return new Results.Table(
                "Held-out data, " + sweep.plan() + ", means over the seeds",
                List.of(
                        "architecture",
                        "k or target L0",
                        "L0",
                        "FVU",
                        "relative bias",
                        "silent latents, %",
                        "latents on > 10 % of tokens, %"),
                rows);
    }

    /** FVU against L0, means over the seeds. */
    Results.Figure figure(String name) {
        Map<String, double[][]> curves = new LinkedHashMap<>();
        runs.forEach((architecture, ofSeeds) -> {
            double[] l0 = new double[SPARSITIES.size()];
            double[] fvu = new double[SPARSITIES.size()];
            for (int at = 0; at < l0.length; at++) {
                int sparsity = at;
                l0[at] = Interval.mean(ofSeeds.stream()
                        .map(ofSeed -> ofSeed.get(sparsity).l0())
                        .toList());
                fvu[at] = Interval.mean(ofSeeds.stream()
                        .map(ofSeed -> ofSeed.get(sparsity).fvu())
                        .toList());
            }
            curves.put(architecture, new double[][] {l0, fvu});
        });
        return new Results.Figure(name, ParetoChart.svg("FVU over L0, " + sweep.plan(), curves));
    }

    private static String format(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
