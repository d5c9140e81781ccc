// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Several runs beside each other: a Pareto plot of sparsity against error, their courses, and a table. */
final class RunsSection {
    /** Colours of the style sheet; more runs than these share them. */
    static final int COLOURS = 8;

    private static final List<String> COLUMNS = List.of(
            "architecture",
            "k",
            "latents",
            "l0",
            "fvu",
            "explained_variance",
            "cosine",
            "dead_fraction",
            "ce_spliced",
            "loss_recovered",
            "kl",
            "embedding_recovered",
            "loss",
            "tokens",
            "seconds",
            "tokens_per_second",
            "seed");

    private RunsSection() {}

    static String html(List<ReportRun> runs) {
        Html out = new Html();
        out.raw("<section>\n<h2>Runs</h2>\n<div class=\"charts\">\n");
        chart(
                out,
                "Error against sparsity",
                "Each point is a run; the line joins those that no other run beats in both.",
                pareto(runs));
        chart(
                out,
                "Fraction of variance unexplained",
                "On training batches, in the runs’ colours.",
                Charts.courses(runs, "fvu", "Fraction of variance unexplained"));
        out.raw("</div>\n");
        table(out, runs);
        return out.raw("</section>\n").toString();
    }

    private static void chart(Html out, String title, String note, String svg) {
        out.raw("<figure>\n").element("h3", "", title).raw(svg).element("figcaption", "", note);
        out.raw("</figure>\n");
    }

    private static String pareto(List<ReportRun> runs) {
        double[] l0 =
                runs.stream().mapToDouble(run -> Text.get(run.figures(), "l0")).toArray();
        double[] fvu =
                runs.stream().mapToDouble(run -> Text.get(run.figures(), "fvu")).toArray();
        Axis yAxis = Axis.fitting(fvu, true, true);
        Axis xAxis = Axis.fitting(l0, true, true);
        Plot plot = new Plot("Error against sparsity", xAxis, "L0, active latents a token", yAxis, yAxis::label);
        List<Integer> frontier = frontier(l0, fvu);
        plot.line(
                "frontier",
                frontier.stream().mapToDouble(run -> l0[run]).toArray(),
                frontier.stream().mapToDouble(run -> fvu[run]).toArray());
        for (int run = 0; run < l0.length; run++) {
            plot.point(
                    "point run-" + run % COLOURS,
                    l0[run],
                    fvu[run],
                    "%s: L0 %s, FVU %s"
                            .formatted(runs.get(run).name(), Text.number(l0[run], 4), Text.percent(fvu[run])));
        }
        return plot.svg();
    }

    /** Runs that no other is at least as sparse and as exact as, by L0. */
    static List<Integer> frontier(double[] l0, double[] fvu) {
        List<Integer> order = new ArrayList<>();
        for (int run = 0; run < l0.length; run++) {
            if (Double.isFinite(l0[run]) && Double.isFinite(fvu[run])) {
                order.add(run);
            }
        }
        order.sort(Comparator.comparingDouble((Integer run) -> l0[run]).thenComparingDouble(run -> fvu[run]));
        List<Integer> frontier = new ArrayList<>();
        double best = Double.POSITIVE_INFINITY;
        for (int run : order) {
            if (fvu[run] < best) {
                best = fvu[run];
                frontier.add(run);
            }
        }
        return frontier;
    }

    private static void table(Html out, List<ReportRun> runs) {
        Set<String> columns = new LinkedHashSet<>(COLUMNS);
        columns.removeIf(column -> runs.stream().noneMatch(run -> run.figures().get(column) != null));
        out.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Runs\">\n");
        out.raw("<table id=\"runs\" class=\"data\">\n<thead><tr>").head("Run", "none");
        columns.forEach(column -> out.head(Text.name(column), "none"));
        out.raw("</tr></thead>\n<tbody>\n");
        for (int run = 0; run < runs.size(); run++) {
            ReportRun one = runs.get(run);
            out.raw("<tr><td data-value=\"").text(one.name());
            out.raw("\"><span class=\"key run-%d\"></span>".formatted(run % COLOURS))
                    .text(one.name())
                    .raw("</td>");
            for (String column : columns) {
                Object value = one.figures().get(column);
                out.cell(value == null ? "" : String.valueOf(value), Text.value(value));
            }
            out.raw("</tr>\n");
        }
        out.raw("</tbody>\n</table>\n</div>\n");
    }
}
