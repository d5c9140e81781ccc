// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;

/** Draws one chart as SVG; colours are those of the page's style sheet. */
final class Plot {
    private static final int WIDTH = 520;
    private static final int HEIGHT = 270;
    private static final int LEFT = 58;
    private static final int RIGHT = 16;
    private static final int TOP = 14;
    private static final int BOTTOM = 46;
    /** Points that show their value under the mouse; more would lie on each other. */
    private static final int MOST_HOVER_POINTS = 120;

    private final Axis xAxis;
    private final Axis yAxis;
    private final StringBuilder out = new StringBuilder();

    Plot(String description, Axis xAxis, String xTitle, Axis yAxis, DoubleFunction<String> yLabel) {
        this.xAxis = xAxis;
        this.yAxis = yAxis;
        out.append("<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n"
                .formatted(WIDTH, HEIGHT, Text.escape(description)));
        for (double tick : yAxis.ticks()) {
            double at = y(tick);
            line("grid", LEFT, at, WIDTH - RIGHT, at);
            label("tick", LEFT - 8, at + 4, "end", yLabel.apply(tick));
        }
        line("axis", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (double tick : xAxis.ticks()) {
            double at = x(tick);
            line("axis", at, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 4);
            label("tick", at, HEIGHT - BOTTOM + 18, "middle", xAxis.label(tick));
        }
        label("name", (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8, "middle", xTitle);
    }

    /** A curve through the points that can be shown, broken where one can't. */
    Plot curve(double[] xs, double[] ys, DoubleFunction<String> xLabel, DoubleFunction<String> yLabel) {
        return curve("curve", xs, ys, xLabel, yLabel);
    }

    /** A curve of a class of its own; one that can't be shown at all leaves what is there. */
    Plot curve(String kind, double[] xs, double[] ys, DoubleFunction<String> xLabel, DoubleFunction<String> yLabel) {
        StringBuilder path = new StringBuilder();
        List<Integer> shown = new ArrayList<>();
        boolean drawing = false;
        for (int at = 0; at < xs.length; at++) {
            if (!Double.isFinite(xAxis.fraction(xs[at])) || !Double.isFinite(yAxis.fraction(ys[at]))) {
                drawing = false;
                continue;
            }
            path.append(drawing ? "L" : "M")
                    .append(number(x(xs[at])))
                    .append(' ')
                    .append(number(y(ys[at])));
            drawing = true;
            shown.add(at);
        }
        if (shown.isEmpty()) {
            return kind.equals("curve") ? empty() : this;
        }
        out.append("<path class=\"").append(kind).append("\" d=\"").append(path).append("\"/>\n");
        int stride = Math.ceilDiv(shown.size(), MOST_HOVER_POINTS);
        for (int at = 0; at < shown.size(); at += stride) {
            hover(xs[shown.get(at)], ys[shown.get(at)], xLabel, yLabel);
        }
        int last = shown.getLast();
        out.append("<circle class=\"end\" cx=\"%s\" cy=\"%s\" r=\"3.5\"/>\n"
                .formatted(number(x(xs[last])), number(y(ys[last]))));
        return this;
    }

    private void hover(double x, double y, DoubleFunction<String> xLabel, DoubleFunction<String> yLabel) {
        out.append("<circle class=\"hover\" cx=\"%s\" cy=\"%s\" r=\"6\"><title>%s: %s</title></circle>\n"
                .formatted(number(x(x)), number(y(y)), Text.escape(xLabel.apply(x)), Text.escape(yLabel.apply(y))));
    }

    /** Straight lines through points that can all be shown. */
    Plot line(String kind, double[] xs, double[] ys) {
        for (int at = 1; at < xs.length; at++) {
            line(kind, x(xs[at - 1]), y(ys[at - 1]), x(xs[at]), y(ys[at]));
        }
        return this;
    }

    /** A point, if it can be shown. */
    Plot point(String kind, double x, double y, String title) {
        if (Double.isFinite(xAxis.fraction(x)) && Double.isFinite(yAxis.fraction(y))) {
            out.append("<circle class=\"%s\" cx=\"%s\" cy=\"%s\" r=\"6\"><title>%s</title></circle>\n"
                    .formatted(kind, number(x(x)), number(y(y)), Text.escape(title)));
        }
        return this;
    }

    /** A bar from the axis up to {@code y}. */
    Plot bar(String kind, double from, double to, double y, String title) {
        if (!(y > 0)) {
            return this;
        }
        double left = x(from) + 1;
        double top = Math.min(y(y), HEIGHT - BOTTOM - 1.0);
        out.append(
                "<rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" rx=\"1.5\"><title>%s</title></rect>\n"
                        .formatted(
                                kind,
                                number(left),
                                number(top),
                                number(Math.max(1, x(to) - 1 - left)),
                                number(HEIGHT - BOTTOM - top),
                                Text.escape(title)));
        return this;
    }

    /** A dashed vertical line with a name at its top. */
    Plot mark(double at, String name) {
        line("mark", x(at), TOP, x(at), HEIGHT - BOTTOM);
        label("tick", x(at) + 4, TOP + 9, "start", name);
        return this;
    }

    /** A name below the axis, for what has no place on its scale. */
    Plot category(double at, String name) {
        label("tick", x(at), HEIGHT - BOTTOM + 18, "middle", name);
        return this;
    }

    /** Says that there is nothing to show. */
    Plot empty() {
        label("name", (LEFT + WIDTH - RIGHT) / 2.0, (TOP + HEIGHT - BOTTOM) / 2.0, "middle", "no values");
        return this;
    }

    String svg() {
        return out + "</svg>\n";
    }

    private void line(String kind, double x1, double y1, double x2, double y2) {
        out.append("<line class=\"%s\" x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\"/>\n"
                .formatted(kind, number(x1), number(y1), number(x2), number(y2)));
    }

    private void label(String kind, double x, double y, String anchor, String text) {
        out.append("<text class=\"%s\" x=\"%s\" y=\"%s\" text-anchor=\"%s\">%s</text>\n"
                .formatted(kind, number(x), number(y), anchor, Text.escape(text)));
    }

    private double x(double value) {
        return LEFT + xAxis.fraction(value) * (WIDTH - LEFT - RIGHT);
    }

    private double y(double value) {
        return HEIGHT - BOTTOM - yAxis.fraction(value) * (HEIGHT - TOP - BOTTOM);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.1f", value);
    }
}
