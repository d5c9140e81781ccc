// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Numbers and small tables for people. */
final class Texts {
    private Texts() {}

    /** {@code 1:02:03}, {@code 2:03}. */
    static String duration(double seconds) {
        long whole = Math.round(Math.max(0, seconds));
        return whole >= 3600
                ? String.format(Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
                : String.format(Locale.ROOT, "%d:%02d", whole / 60, whole % 60);
    }

    /** {@code 123k}. */
    static String rate(double perSecond) {
        return perSecond >= 10_000
                ? String.format(Locale.ROOT, "%.0fk", perSecond / 1000)
                : String.format(Locale.ROOT, "%.0f", perSecond);
    }

    private static String decimal(double number) {
        if (Double.isNaN(number)) {
            return "-";
        }
        double size = Math.abs(number);
        String format = size >= 1e6 ? "%.4g" : size > 0 && size < 1e-3 ? "%.3g" : "%.4f";
        return String.format(Locale.ROOT, format, number);
    }

    /** A value as a table shows it. */
    static String value(Object value) {
        return switch (value) {
            case Double number -> decimal(number);
            case Long number -> String.format(Locale.ROOT, "%,d", number);
            case Integer number -> String.format(Locale.ROOT, "%,d", number);
            default -> String.valueOf(value);
        };
    }

    /** What is wider is not waited for: names in files may be of any length. */
    private static final int WIDEST = 100;

    /** Names on the left, values on the right, of those entries that have a single value. */
    static String table(Map<String, ?> entries) {
        int widest = entries.keySet().stream()
                .mapToInt(String::length)
                .filter(width -> width <= WIDEST)
                .max()
                .orElse(0);
        StringBuilder text = new StringBuilder();
        entries.forEach((name, value) -> {
            if (value != null && !(value instanceof Map) && !(value instanceof List)) {
                text.append("  ")
                        .append(name.replace('_', ' '))
                        .repeat(' ', Math.max(0, widest - name.length()) + 2)
                        .append(value(value))
                        .append('\n');
            }
        });
        return text.toString();
    }

    /** A number with a fixed count of decimals, {@code -} for what isn't one. */
    static String fixed(@Nullable Object value, int decimals) {
        return value instanceof Number number && Double.isFinite(number.doubleValue())
                ? String.format(Locale.ROOT, "%,." + decimals + "f", number.doubleValue())
                : "-";
    }

    /** A share in percent. */
    static String percent(@Nullable Object share) {
        return share instanceof Number number ? Math.round(100 * number.doubleValue()) + " %" : "-";
    }

    /** A table with a head; numbers to the right. */
    static String grid(List<String> head, List<List<String>> rows) {
        StringBuilder text = new StringBuilder();
        int[] widths = new int[head.size()];
        for (int column = 0; column < widths.length; column++) {
            widths[column] = head.get(column).length();
            for (List<String> row : rows) {
                widths[column] = Math.clamp(row.get(column).length(), widths[column], Math.max(widths[column], WIDEST));
            }
        }
        line(text, head, widths);
        rows.forEach(row -> line(text, row, widths));
        return text.toString();
    }

    private static void line(StringBuilder text, List<String> cells, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int column = 0; column < widths.length; column++) {
            line.append(column == 0 ? "" : "  ")
                    .append(cells.get(column))
                    .repeat(' ', Math.max(0, widths[column] - cells.get(column).length()));
        }
        text.append(line.toString().stripTrailing()).append('\n');
    }
}
