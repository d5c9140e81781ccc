// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import dev.darien.eval.Density;
import dev.darien.eval.Evaluation;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleFunction;
import java.util.stream.IntStream;

/** The charts of the page, each an SVG. */
final class Charts {
    /** Points of a curve; a run of any length stays readable and the page small. */
    private static final int MOST_POINTS = 500;

    private Charts() {}

    /** How a number is read. */
    enum Unit {
        /** As it is. */
        PLAIN,
        /** As a percentage. */
        SHARE;

        String format(double value) {
            return this == SHARE ? Text.percent(value) : Text.number(value, 4);
        }
    }

    /** The course of the metric {@code key} over tokens. */
    static String course(
            List<Map<String, Object>> metrics,
            String key,
            String name,
            Unit unit,
            boolean logarithmic,
            boolean fromZero) {
        List<Map<String, Object>> shown = thinned(metrics);
        double[] tokens =
                shown.stream().mapToDouble(one -> Text.get(one, "tokens")).toArray();
        double[] values = shown.stream().mapToDouble(one -> Text.get(one, key)).toArray();
        double end = Arrays.stream(tokens).filter(Double::isFinite).max().orElse(1);
        Axis yAxis = Axis.fitting(values, logarithmic, fromZero);
        DoubleFunction<String> tick = unit == Unit.SHARE ? Charts::percentTick : yAxis::label;
        return new Plot(name + " over tokens", Axis.exact(0, end > 0 ? end : 1), "tokens", yAxis, tick)
                .curve(tokens, values, x -> Text.compact(x) + " tokens", unit::format)
                .svg();
    }

    /** The courses of one metric in several runs, each in its colour. */
    static String courses(List<ReportRun> runs, String key, String name) {
        double end = 1;
        double[][] tokens = new double[runs.size()][];
        double[][] values = new double[runs.size()][];
        for (int run = 0; run < runs.size(); run++) {
            List<Map<String, Object>> shown = thinned(runs.get(run).metrics());
            tokens[run] =
                    shown.stream().mapToDouble(one -> Text.get(one, "tokens")).toArray();
            values[run] = shown.stream().mapToDouble(one -> Text.get(one, key)).toArray();
            end = Math.max(
                    end,
                    Arrays.stream(tokens[run]).filter(Double::isFinite).max().orElse(1));
        }
        Axis yAxis = Axis.fitting(
                Arrays.stream(values).flatMapToDouble(Arrays::stream).toArray(), true, true);
        Plot plot = new Plot(name + " over tokens", Axis.exact(0, end), "tokens", yAxis, yAxis::label);
        for (int run = 0; run < runs.size(); run++) {
            String title = runs.get(run).name();
            plot.curve(
                    "curve run-" + run % RunsSection.COLOURS,
                    tokens[run],
                    values[run],
                    x -> title + ", " + Text.compact(x) + " tokens",
                    y -> Text.number(y, 4));
        }
        return plot.svg();
    }

    private static String percentTick(double share) {
        return Text.number(Math.abs(share) < 1e-12 ? 0 : share * 100, 3) + " %";
    }

    private static List<Map<String, Object>> thinned(List<Map<String, Object>> metrics) {
        if (metrics.size() <= MOST_POINTS) {
            return metrics;
        }
        return IntStream.range(0, MOST_POINTS)
                .mapToObj(at -> metrics.get((int) ((long) at * (metrics.size() - 1) / (MOST_POINTS - 1))))
                .toList();
    }

    /** Latents by how often they fire; those that never do have a bar of their own. */
    static String densityHistogram(Density density) {
        List<Integer> counts = density.counts();
        List<Double> edges = Density.edges();
        int first = 0;
        while (first < counts.size() && counts.get(first) == 0) {
            first++;
        }
        // Whole decades, at least three, and room on the left for the latents that never fire.
        double low = Math.min(-3, Math.floor(edges.get(first)));
        double room = (0 - low) * 0.2;
        int most = Math.max(
                density.zero(), counts.stream().mapToInt(count -> count).max().orElse(0));
        Axis xAxis = new Axis(low - room, 0, false, List.of());
        Axis yAxis = Axis.linear(0, Math.max(1, most));
        Plot plot = new Plot(
                "Latents by firing density", xAxis, "share of tokens on which a latent fires", yAxis, yAxis::label);
        for (int bin = first; bin < counts.size(); bin++) {
            plot.bar(
                    "bar",
                    edges.get(bin),
                    edges.get(bin + 1),
                    counts.get(bin),
                    "%s latents between %s and %s"
                            .formatted(Text.value(counts.get(bin)), share(edges.get(bin)), share(edges.get(bin + 1))));
        }
        double zero = low - 0.6 * room;
        plot.bar(
                "dead",
                zero - 0.2 * room,
                zero + 0.2 * room,
                density.zero(),
                Text.value(density.zero()) + " never fire");
        plot.category(zero, "never");
        for (int decade = (int) low; decade <= 0; decade++) {
            plot.category(decade, decade == 0 ? "1" : Text.power(decade));
        }
        return plot.mark(-1, "10 %").svg();
    }

    private static String share(double log10) {
        return Text.percent(Math.pow(10, log10));
    }

    /** Densities of the latents that fire, densest first, on logarithmic axes: a Zipf law is a straight line. */
    static String densityByRank(Evaluation evaluation) {
        long[] fires = Arrays.stream(evaluation.fires())
                .filter(count -> count > 0)
                .sorted()
                .toArray();
        int latents = fires.length;
        double[] all = new double[latents];
        for (int rank = 0; rank < latents; rank++) {
            all[rank] = (double) fires[latents - 1 - rank] / evaluation.tokens();
        }
        int[] ranks = logarithmicRanks(latents);
        double[] xs = Arrays.stream(ranks).asDoubleStream().toArray();
        double[] ys = Arrays.stream(ranks).mapToDouble(rank -> all[rank - 1]).toArray();
        Axis xAxis = Axis.logarithmic(1, Math.max(10, latents));
        Axis yAxis = latents > 0 && all[0] > all[latents - 1]
                ? Axis.logarithmic(Math.min(all[latents - 1], all[0] / 10), all[0])
                : Axis.logarithmic(0.1 * (latents > 0 ? all[0] : 1), latents > 0 ? all[0] : 1);
        return new Plot("Firing density by rank", xAxis, "rank", yAxis, yAxis::label)
                .curve(xs, ys, x -> "rank " + Text.number(x, 9), Text::percent)
                .svg();
    }

    /** Ascending ranks from 1 to {@code last}, about equally spaced on a logarithmic axis. */
    private static int[] logarithmicRanks(int last) {
        return IntStream.range(0, MOST_POINTS)
                .map(at -> (int) Math.round(Math.pow(Math.max(1, last), at / (MOST_POINTS - 1.0))))
                .distinct()
                .filter(rank -> rank <= last)
                .toArray();
    }
}
