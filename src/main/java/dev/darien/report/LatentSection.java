// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import dev.darien.data.TokenText;
import dev.darien.eval.LatentSummaries;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The table of single latents: sorted by any column, searched, each with the text that it fires on. */
final class LatentSection {
    private final LatentTable table;
    private final Set<Integer> shown = new HashSet<>();
    private final Html out = new Html();

    private LatentSection(LatentTable table) {
        this.table = table;
        table.rows().forEach(row -> shown.add(row.summary().latent()));
    }

    static String html(LatentTable table) {
        return new LatentSection(table).section();
    }

    private String section() {
        boolean watched = table.tokens() > 0;
        boolean text = table.rows().stream().anyMatch(row -> !row.contexts().isEmpty());
        boolean neighbours =
                table.rows().stream().anyMatch(row -> !row.summary().nearest().isEmpty());
        out.raw("<section>\n");
        out.element("h2", "", watched ? "Strongest latents" : "Latents");
        out.element(
                "p",
                "hint",
                "%s of %s latents%s"
                        .formatted(
                                Text.value(table.rows().size()),
                                Text.value(table.latents()),
                                watched
                                        ? ", those whose values sum to most over "
                                                + Text.compact((double) table.tokens()) + " tokens."
                                        : "."));
        out.raw("""
                <div class="tools">
                <label for="search">Search</label>
                <input id="search" type="search" placeholder="number or text" autocomplete="off" aria-controls="latents"/>
                <output id="found" for="search" aria-live="polite"></output>
                <span class="keys">Press / to search, Esc to show all.</span>
                </div>
                <div class="scroll" tabindex="0" role="region" aria-label="Latents">
                <table id="latents" class="data">
                <thead><tr>""");
        out.head("Latent", watched ? "none" : "ascending");
        if (watched) {
            out.head("Fires on", "none").head("Mean value", "none").head("Largest", "none");
        }
        if (neighbours) {
            out.head("Nearest, by cosine", "none");
        }
        if (text) {
            out.raw("<th scope=\"col\">Fires most on</th>");
        }
        out.raw("</tr></thead>\n<tbody>\n");
        table.rows().forEach(row -> row(row, watched, neighbours, text));
        out.raw("</tbody>\n</table>\n</div>\n</section>\n");
        return out.toString();
    }

    private void row(LatentTable.Row row, boolean watched, boolean neighbours, boolean text) {
        LatentSummaries.Summary summary = row.summary();
        out.raw("<tr id=\"latent-%d\">".formatted(summary.latent()));
        out.cell(String.valueOf(summary.latent()), String.valueOf(summary.latent()));
        if (watched) {
            double density = (double) summary.fires() / table.tokens();
            out.cell(number(density), Text.percent(density));
            out.cell(number(summary.mean()), Text.number(summary.mean(), 3));
            out.cell(number(summary.largest()), Text.number(summary.largest(), 3));
        }
        if (neighbours) {
            nearest(summary.nearest());
        }
        if (text) {
            out.raw("<td class=\"text\">");
            contexts(row.contexts());
            out.raw("</td>");
        }
        out.raw("</tr>\n");
    }

    private static String number(double value) {
        return Double.isFinite(value) ? String.format(Locale.ROOT, "%.6g", value) : "";
    }

    private void nearest(List<LatentSummaries.Neighbour> nearest) {
        double largest = nearest.isEmpty() ? Double.NaN : nearest.getFirst().cosine();
        out.raw("<td data-value=\"%s\">".formatted(number(largest)));
        for (LatentSummaries.Neighbour neighbour : nearest) {
            String link = shown.contains(neighbour.latent()) ? "a href=\"#latent-" + neighbour.latent() + "\"" : "span";
            out.raw("<%s>%d</%s> ".formatted(link, neighbour.latent(), link.startsWith("a") ? "a" : "span"));
            out.raw("<span class=\"cosine\">");
            out.text(Text.number(neighbour.cosine(), 2)).raw("</span> ");
        }
        out.raw("</td>");
    }

    /** The strongest one at once, the others behind it. */
    private void contexts(List<TokenText.Context> contexts) {
        if (contexts.isEmpty()) {
            return;
        }
        out.raw("<details><summary>");
        context(contexts.getFirst());
        out.raw("</summary><ol>");
        for (TokenText.Context context : contexts.subList(1, contexts.size())) {
            out.raw("<li>");
            context(context);
            out.raw("</li>");
        }
        out.raw("</ol></details>");
    }

    private void context(TokenText.Context context) {
        out.raw("<q>").text(visible(context.before())).raw("<mark>");
        out.text(visible(context.token().isBlank() ? context.token().replace(' ', '\u2423') : context.token()));
        out.raw("</mark>").text(visible(context.after())).raw("</q>");
    }

    private static String visible(String text) {
        return text.replace("\n", "\u21b5");
    }
}
