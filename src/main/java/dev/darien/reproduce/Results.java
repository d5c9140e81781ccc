// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a paper's experiment has found.
 *
 * @param findings one for each claim and setting
 * @param tables the figures behind them
 * @param figures pictures of them
 */
public record Results(List<Finding> findings, List<Table> tables, List<Figure> figures) {
    public Results {
        findings = List.copyOf(findings);
        tables = List.copyOf(tables);
        figures = List.copyOf(figures);
    }

    /** Results without pictures. */
    public Results(List<Finding> findings, List<Table> tables) {
        this(findings, tables, List.of());
    }

    /**
     * A picture.
     *
     * @param name of its file, without an ending
     * @param svg the file's text
     */
    public record Figure(String name, String svg) {}

    /**
     * Figures, ready to be shown.
     *
     * @param title what they are, in a sentence without a full stop
     * @param head names of the columns
     * @param rows as many cells each
     */
    public record Table(String title, List<String> head, List<List<String>> rows) {
        public Table {
            head = List.copyOf(head);
            rows = rows.stream().map(List::copyOf).toList();
        }
    }

    /** The tables of a page of {@code docs/results/}. */
    public String markdown(String command) {
        StringBuilder text = new StringBuilder();
        List<List<String>> rows = new ArrayList<>();
        for (Finding finding : findings) {
            rows.add(List.of(
                    finding.claim(),
                    finding.setting(),
                    "`" + command + "`",
                    String.valueOf(finding.values().size()),
                    finding.interval() == null ? "–" : finding.interval().toString(),
                    finding.verdict().toString(),
                    finding.remark()));
        }
        boolean remarks =
                findings.stream().anyMatch(finding -> !finding.remark().isEmpty());
        List<String> head =
                List.of("claim", "our setting", "command", "seeds", "mean (95 % interval)", "verdict", "remark");
        table(text, remarks ? head : head.subList(0, 6), rows);
        for (Table table : tables) {
            text.append('\n').append(table.title()).append(":\n\n");
            table(text, table.head(), table.rows());
        }
        return text.toString();
    }

    private static void table(StringBuilder text, List<String> head, List<List<String>> rows) {
        line(text, head);
        text.append('|').repeat("---|", head.size()).append('\n');
        rows.forEach(row -> line(text, row.subList(0, head.size())));
    }

    private static void line(StringBuilder text, List<String> cells) {
        text.append("| ").append(String.join(" | ", cells)).append(" |\n");
    }

    /** For JSON: {@code claims} and {@code tables}. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("claims", findings.stream().map(Finding::asMap).toList());
        map.put(
                "tables",
                tables.stream()
                        .map(table -> {
                            Map<String, Object> one = new LinkedHashMap<>();
                            one.put("title", table.title());
                            one.put("head", table.head());
                            one.put("rows", table.rows());
                            return one;
                        })
                        .toList());
        return map;
    }
}
