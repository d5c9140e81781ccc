// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import dev.darien.data.JsonFile;
import dev.darien.eval.Evaluation;
import dev.darien.report.Charts.Unit;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Writes one run or several as one page: figures, curves, densities, latents with the text that they fire on, and what it
 * takes to get them again. The page loads nothing and may load nothing; its one script sorts and searches, and everything
 * is there without it. It follows the reader's light or dark setting, works by keyboard, and prints. The same content
 * gives the same bytes.
 */
public final class Report {
    private final StringBuilder out = new StringBuilder();
    private final ReportContent content;

    private Report(ReportContent content) {
        this.content = content;
    }

    /**
     * Writes the page, aside and then renamed.
     *
     * @throws dev.darien.data.DataException if it can't be written
     */
    public static void write(Path htmlFile, ReportContent content) {
        JsonFile.writeText(htmlFile, html(content));
    }

    /** The page itself. */
    public static String html(ReportContent content) {
        return new Report(content).page();
    }

    private String page() {
        out.append("""
                <!DOCTYPE html>
                <html lang="en">
                <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"/>
                <title>%s</title>
                <style>
                %s</style>
                </head>
                <body>
                <main>
                <header>
                <div class="top">
                <h1>%s</h1>
                <button type="button" id="theme" class="theme">Light or dark</button>
                </div>
                """.formatted(Text.escape(content.title()), resource("report.css"), Text.escape(content.title())));
        element("p", "subtitle", subtitle());
        out.append("</header>\n");
        figures();
        if (!content.runs().isEmpty()) {
            out.append(RunsSection.html(content.runs()));
            element("h2", "of", "In detail: " + content.runs().getFirst().name());
        }
        if (!content.metrics().isEmpty()) {
            courses();
        }
        if (content.evaluation() != null) {
            densities(content.evaluation());
        }
        if (content.latents() != null) {
            out.append(LatentSection.html(content.latents()));
        }
        out.append("<div class=\"tables\">\n");
        if (content.evaluation() != null) {
            evaluationTable(content.evaluation());
        }
        table("Training", content.training());
        out.append("</div>\n");
        table("How to get this again", content.provenance());
        out.append("<footer>Made by Darien.</footer>\n</main>\n");
        out.append("<script>\n").append(resource("report.js")).append("</script>\n</body>\n</html>\n");
        return out.toString();
    }

    private String subtitle() {
        StringBuilder text = new StringBuilder();
        for (String key : List.of("architecture", "device", "kernels")) {
            Object value = content.training().containsKey(key)
                    ? content.training().get(key)
                    : content.provenance().get(key);
            if (value != null) {
                text.append(text.isEmpty() ? "" : " · ").append(value);
            }
        }
        return text.toString();
    }

    // ------------------------------------------------------------------------------------------------ figures

    private void figures() {
        out.append("<section class=\"figures\">\n");
        @Nullable Evaluation evaluation = content.evaluation();
        if (evaluation != null) {
            figure("FVU", Text.percent(evaluation.fvu()), Text.percent(evaluation.explainedVariance()) + " explained");
            figure(
                    "Active latents",
                    Text.number(evaluation.l0(), 4),
                    "a token, of " + Text.value(evaluation.latents()));
            figure(
                    "Dead latents",
                    Text.percent(evaluation.deadFraction()),
                    Text.value(evaluation.dead()) + " never fired");
            figure(
                    "Cosine",
                    Text.number(evaluation.cosine(), 4),
                    "bias γ " + Text.number(evaluation.relativeBias(), 4));
            inModel();
        } else {
            figure("FVU", Text.percent(lastOf("fvu")), "on training batches");
            figure("Active latents", Text.number(lastOf("l0"), 4), "on training batches");
            figure("Dead latents", Text.percent(lastOf("dead_fraction")), "at the end of training");
            figure("Loss", Text.number(lastOf("loss"), 4), "at the end of training");
        }
        figure(
                "Tokens",
                Text.compact(lastOf("tokens")),
                Double.isFinite(lastOf("seconds")) ? "in " + Text.duration(lastOf("seconds")) : "trained on");
        figure("Speed", Text.compact(lastOf("tokens_per_second")), "tokens per second");
        out.append("</section>\n");
    }

    /** The run's own figure, or else that of its last report. */
    private double lastOf(String key) {
        double value = Text.get(content.training(), key);
        if (!Double.isNaN(value) || content.metrics().isEmpty()) {
            return value;
        }
        return Text.get(content.metrics().getLast(), key);
    }

    private void figure(String name, String value, String note) {
        out.append("<div class=\"figure\">\n");
        element("div", "label", name);
        element("div", "value", value);
        element("div", "note", note);
        out.append("</div>\n");
    }

    // ------------------------------------------------------------------------------------------------- charts

    private void courses() {
        List<Map<String, Object>> metrics = content.metrics();
        out.append("<section>\n<h2>Course of training</h2>\n<div class=\"charts\">\n");
        chart(
                "Loss",
                "Reconstruction, penalty and auxiliary loss together. A step up is the auxiliary loss, which is near 1 "
                        + "(times its coefficient) as soon as any latent is dead.",
                Charts.course(metrics, "loss", "Loss", Unit.PLAIN, true, true));
        chart(
                "Fraction of variance unexplained",
                "Squared error over the variance of the data, on training batches.",
                Charts.course(metrics, "fvu", "Fraction of variance unexplained", Unit.PLAIN, true, true));
        chart("L0", "Active latents for each token.", Charts.course(metrics, "l0", "L0", Unit.PLAIN, true, true));
        chart(
                "Dead latents",
                "Share of latents that haven’t fired for a while.",
                Charts.course(metrics, "dead_fraction", "Share of dead latents", Unit.SHARE, false, true));
        out.append("</div>\n</section>\n");
    }

    private void inModel() {
        Map<String, Object> found = content.inModel();
        if (found.containsKey("loss_recovered")) {
            figure(
                    "Loss recovered",
                    Text.percent(Text.get(found, "loss_recovered")),
                    "cross-entropy %s, as it is %s"
                            .formatted(
                                    Text.number(Text.get(found, "ce_spliced"), 4),
                                    Text.number(Text.get(found, "ce_clean"), 4)));
        } else if (found.containsKey("embedding_recovered")) {
            figure(
                    "Embedding recovered",
                    Text.percent(Text.get(found, "embedding_recovered")),
                    "cosine distance " + Text.number(Text.get(found, "cosine_distance_spliced"), 4));
        }
    }

    private void densities(Evaluation evaluation) {
        out.append("<section>\n<h2>How often latents fire</h2>\n<div class=\"charts\">\n");
        chart(
                "Latents by density",
                "%s of the latents fire on more than 1 %% of the tokens, %s on more than 10 %%; those make up %s of all firings."
                        .formatted(
                                Text.percent(evaluation.density().above1Percent()),
                                Text.percent(evaluation.density().above10Percent()),
                                Text.percent(evaluation.density().denseMass())),
                Charts.densityHistogram(evaluation.density()));
        chart(
                "Density by rank",
                "Densest first, without latents that never fire. A straight line is a power law.",
                Charts.densityByRank(evaluation));
        out.append("</div>\n</section>\n");
    }

    private void chart(String title, String note, String svg) {
        out.append("<figure>\n");
        element("h3", "", title);
        out.append(svg);
        element("figcaption", "", note);
        out.append("</figure>\n");
    }

    // ------------------------------------------------------------------------------------------------- tables

    private void evaluationTable(Evaluation evaluation) {
        Map<String, Object> rows = new LinkedHashMap<>(evaluation.asMap());
        rows.remove("density");
        table("Evaluation", rows);
        table("Within the model", content.inModel());
    }

    private void table(String title, Map<String, Object> rows) {
        if (rows.isEmpty()) {
            return;
        }
        out.append("<section>\n");
        element("h2", "", title);
        out.append("<table>\n<tbody>\n");
        rows.forEach((key, value) -> row(Text.name(key), value));
        out.append("</tbody>\n</table>\n</section>\n");
    }

    private void row(String name, @Nullable Object value) {
        if (value instanceof Map<?, ?> nested) {
            nested.forEach((key, inner) -> row(name + " · " + Text.name(String.valueOf(key)), inner));
            return;
        }
        out.append("<tr>");
        inline("th", name);
        inline("td", Text.value(value));
        out.append("</tr>\n");
    }

    private void inline(String element, String text) {
        out.append('<')
                .append(element)
                .append('>')
                .append(Text.escape(text))
                .append("</")
                .append(element)
                .append('>');
    }

    private void element(String element, String kind, String text) {
        out.append('<').append(element);
        if (!kind.isEmpty()) {
            out.append(" class=\"").append(kind).append('"');
        }
        out.append('>').append(Text.escape(text)).append("</").append(element).append(">\n");
    }

    private static String resource(String name) {
        try (InputStream in = Objects.requireNonNull(Report.class.getResourceAsStream(name))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(name + " can't be read from Darien's own jar", e);
        }
    }
}
