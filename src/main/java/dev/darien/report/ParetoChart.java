// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/** Curves of error over sparsity, both on logarithmic axes, as an SVG file that stands alone. */
public final class ParetoChart {
    private static final int WIDTH = 640;
    private static final int HEIGHT = 420;
    private static final int LEFT = 70;
    private static final int RIGHT = 130;
    private static final int TOP = 36;
    private static final int BOTTOM = 52;

    /** Told apart by those who don't see all colours, too (Okabe and Ito). */
    private static final List<String> COLOURS =
            List.of("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000");

    private ParetoChart() {}

    /**
     * The file's text.
     *
     * @param title above the curves
     * @param curves by name, each L0 and FVU, both ascending in L0 and positive
     */
    public static String svg(String title, Map<String, double[][]> curves) {
        Axis xAxis = axis(curves.values().stream().map(curve -> curve[0]));
        Axis yAxis = axis(curves.values().stream().map(curve -> curve[1]));
        StringBuilder out = new StringBuilder();
        out.append("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\""
                .formatted(WIDTH, HEIGHT));
        out.append(" font-size=\"12\" role=\"img\" aria-label=\"")
                .append(Text.escape(title))
                .append("\">\n");
        out.append("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        text(out, LEFT, 20, "start", title);
        for (double tick : yAxis.ticks()) {
            line(out, LEFT, y(yAxis, tick), WIDTH - RIGHT, y(yAxis, tick));
            text(out, LEFT - 8, y(yAxis, tick) + 4, "end", yAxis.label(tick));
        }
        for (double tick : xAxis.ticks()) {
            line(out, x(xAxis, tick), TOP, x(xAxis, tick), HEIGHT - BOTTOM);
            text(out, x(xAxis, tick), HEIGHT - BOTTOM + 18, "middle", xAxis.label(tick));
        }
        text(out, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 12, "middle", "L0: active latents for each token");
        text(out, 8, TOP - 4, "start", "FVU");
        int at = 0;
        for (Map.Entry<String, double[][]> curve : curves.entrySet()) {
            String colour = COLOURS.get(at % COLOURS.size());
            curve(out, colour, xAxis, yAxis, curve.getValue());
            double y = TOP + 14.0 + 20 * at;
            out.append("<circle cx=\"%d\" cy=\"%s\" r=\"4\" fill=\"%s\"/>\n"
                    .formatted(WIDTH - RIGHT + 16, number(y - 4), colour));
            text(out, WIDTH - RIGHT + 26.0, y, "start", curve.getKey());
            at++;
        }
        return out.append("</svg>\n").toString();
    }

    private static Axis axis(Stream<double[]> values) {
        double[] all = values.flatMapToDouble(Arrays::stream).toArray();
        return Axis.logarithmic(
                Arrays.stream(all).min().orElseThrow(), Arrays.stream(all).max().orElseThrow());
    }

    private static void curve(StringBuilder out, String colour, Axis xAxis, Axis yAxis, double[][] points) {
        StringBuilder path = new StringBuilder();
        StringBuilder dots = new StringBuilder();
        for (int at = 0; at < points[0].length; at++) {
            String x = number(x(xAxis, points[0][at]));
            String y = number(y(yAxis, points[1][at]));
            path.append(at == 0 ? "M" : "L").append(x).append(' ').append(y);
            dots.append("<circle cx=\"%s\" cy=\"%s\" r=\"4\" fill=\"%s\"/>\n".formatted(x, y, colour));
        }
        out.append("<path fill=\"none\" stroke-width=\"2\" stroke=\"%s\" d=\"%s\"/>\n".formatted(colour, path));
        out.append(dots);
    }

    private static void line(StringBuilder out, double x1, double y1, double x2, double y2) {
        out.append("<line x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\" stroke=\"#e3e6ea\"/>\n"
                .formatted(number(x1), number(y1), number(x2), number(y2)));
    }

    private static void text(StringBuilder out, double x, double y, String anchor, String text) {
        out.append("<text x=\"%s\" y=\"%s\" text-anchor=\"%s\" fill=\"#1b222b\">%s</text>\n"
                .formatted(number(x), number(y), anchor, Text.escape(text)));
    }

    private static double x(Axis axis, double value) {
        return LEFT + axis.fraction(value) * (WIDTH - LEFT - RIGHT);
    }

    private static double y(Axis axis, double value) {
        return HEIGHT - BOTTOM - axis.fraction(value) * (HEIGHT - TOP - BOTTOM);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }
}
