// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Text for the page: escaped, and numbers as people read them. */
final class Text {
    /** Shown where there is no number. */
    static final String MISSING = "–";

    private static final Pattern ABBREVIATIONS = Pattern.compile("\\b(fvu|mse|l0|l1|l2|ce|kl)\\b");
    private static final String MINUS = "−";
    private static final String NARROW_SPACE = "\u202f";

    private Text() {}

    /** {@code text} as the content of an element or of an attribute in double quotes. */
    static String escape(String text) {
        StringBuilder out = new StringBuilder(text.length() + 16);
        text.codePoints().forEach(point -> {
            switch (point) {
                case '<' -> out.append("&lt;");
                case '>' -> out.append("&gt;");
                case '&' -> out.append("&amp;");
                case '"' -> out.append("&quot;");
                case '\'' -> out.append("&#39;");
                default -> out.appendCodePoint(allowed(point) ? point : 0xFFFD);
            }
        });
        return out.toString();
    }

    /** Control characters, halves of pairs and non-characters can't stand in a page. */
    private static boolean allowed(int point) {
        return point == '\t'
                || point == '\n'
                || (point >= ' ' && point < 0x7F)
                || (point > 0x9F && (point < 0xD800 || point > 0xDFFF) && (point & 0xFFFE) != 0xFFFE);
    }

    /** {@code value} with {@code digits} significant digits: {@code 0.0123, 1,234, 1.23 × 10⁻⁷}. */
    static String number(double value, int digits) {
        if (!Double.isFinite(value)) {
            return value == Double.POSITIVE_INFINITY ? "∞" : value == Double.NEGATIVE_INFINITY ? MINUS + "∞" : MISSING;
        }
        if (value == 0) {
            return "0";
        }
        BigDecimal rounded = new BigDecimal(value).round(new MathContext(digits));
        double magnitude = Math.abs(rounded.doubleValue());
        if (magnitude < 1e-4 || magnitude >= 1e9) {
            int exponent = rounded.precision() - rounded.scale() - 1;
            return plain(rounded.movePointLeft(exponent)) + " × " + power(exponent);
        }
        return plain(magnitude >= Math.pow(10, digits) ? new BigDecimal(Math.rint(value)) : rounded);
    }

    private static String plain(BigDecimal value) {
        BigDecimal stripped = value.stripTrailingZeros();
        String text = String.format(Locale.ROOT, "%,." + Math.max(0, stripped.scale()) + "f", stripped);
        return text.replace("-", MINUS);
    }

    /** 10 to {@code exponent}, {@code 10⁻³}. */
    static String power(int exponent) {
        StringBuilder out = new StringBuilder("10");
        for (char character : Integer.toString(exponent).toCharArray()) {
            out.append(character == '-' ? '⁻' : "⁰¹²³⁴⁵⁶⁷⁸⁹".charAt(character - '0'));
        }
        return out.toString();
    }

    /** {@code 0.123} as {@code 12.3 %}. */
    static String percent(double share) {
        if (!Double.isFinite(share)) {
            return number(share, 3);
        }
        double percent = share * 100;
        String text = percent != 0 && Math.abs(percent) < 0.01
                ? number(percent, 1)
                : plain(new BigDecimal(percent).setScale(Math.abs(percent) < 1 ? 2 : 1, RoundingMode.HALF_EVEN));
        return text + NARROW_SPACE + "%";
    }

    /** Large numbers in short: {@code 3.07 M}. */
    static String compact(double value) {
        double magnitude = Math.abs(value);
        if (!Double.isFinite(value) || magnitude < 10_000) {
            return number(value, 4);
        }
        String[] units = {"k", "M", "B", "T"};
        int unit = -1;
        double scaled = value;
        while (Math.abs(scaled) >= 999.5 && unit < units.length - 1) {
            scaled /= 1000;
            unit++;
        }
        return number(scaled, 3) + NARROW_SPACE + units[unit];
    }

    /** {@code 75.3} as {@code 1 min 15 s}. */
    static String duration(double seconds) {
        if (!Double.isFinite(seconds) || seconds < 0) {
            return MISSING;
        }
        if (seconds < 60) {
            return number(seconds, 3) + " s";
        }
        long whole = Math.round(seconds);
        return whole < 3600
                ? whole / 60 + " min " + whole % 60 + " s"
                : whole / 3600 + " h " + whole % 3600 / 60 + " min";
    }

    /** Any value of a table. */
    static String value(@Nullable Object value) {
        return switch (value) {
            case null -> MISSING;
            case Double number -> number(number, 6);
            case Float number -> number(number, 6);
            case Number number ->
                String.format(Locale.ROOT, "%,d", number.longValue()).replace("-", MINUS);
            default -> value.toString();
        };
    }

    /** {@code dead_fraction} and {@code deadFraction} as {@code dead fraction}; {@code fvu} as {@code FVU}. */
    static String name(String key) {
        String words =
                key.replace('_', ' ').replaceAll("([a-z])([A-Z])", "$1 $2").toLowerCase(Locale.ROOT);
        return ABBREVIATIONS.matcher(words).replaceAll(match -> match.group().toUpperCase(Locale.ROOT));
    }

    /** The number under {@code key}, NaN if there is none. */
    static double get(Map<String, Object> map, String key) {
        return map.get(key) instanceof Number number ? number.doubleValue() : Double.NaN;
    }
}
