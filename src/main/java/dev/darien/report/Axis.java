// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * One axis of a chart.
 *
 * @param low value at its start
 * @param high value at its end, above {@code low}
 * @param logarithmic whether equal distances are equal ratios
 * @param ticks values with a label, ascending, all within the axis
 */
record Axis(double low, double high, boolean logarithmic, List<Double> ticks) {
    /** From this ratio of the largest to the smallest on, a logarithmic axis shows more. */
    private static final double WORTH_A_LOGARITHM = 6;

    private static final int TICKS = 5;

    /** An axis on which all finite {@code values} lie, logarithmic if wanted and worth it. */
    static Axis fitting(double[] values, boolean preferLogarithmic, boolean fromZero) {
        double[] finite = Arrays.stream(values).filter(Double::isFinite).toArray();
        if (finite.length == 0) {
            return linear(0, 1);
        }
        double low = Arrays.stream(finite).min().orElseThrow();
        double high = Arrays.stream(finite).max().orElseThrow();
        if (preferLogarithmic && low > 0 && high / low >= WORTH_A_LOGARITHM) {
            return logarithmic(low, high);
        }
        return linear(fromZero ? Math.min(0, low) : low, high);
    }

    /** A linear axis that ends on ticks. */
    static Axis linear(double low, double high) {
        double start = low;
        double end = high;
        if (!(end - start > 1e-12 * Math.max(Math.abs(start), Math.abs(end)))) {
            // One value only: around it.
            double room = start == 0 ? 1 : Math.abs(start) / 2;
            end = start + room;
            start = low >= 0 ? Math.max(0, start - room) : start - room;
        }
        double step = niceStep((end - start) / TICKS);
        long first = (long) Math.floor(start / step + 1e-9);
        long last = (long) Math.ceil(end / step - 1e-9);
        List<Double> ticks = new ArrayList<>();
        for (long at = first; at <= last; at++) {
            ticks.add(at * step);
        }
        return new Axis(first * step, last * step, false, ticks);
    }

    /** An axis of exactly the range given, with ticks at round values in it. */
    static Axis exact(double low, double high) {
        Axis wider = linear(low, high);
        if (!(high > low)) {
            return wider;
        }
        return new Axis(
                low,
                high,
                false,
                wider.ticks.stream().filter(tick -> tick >= low && tick <= high).toList());
    }

    /** A logarithmic axis over positive values. */
    static Axis logarithmic(double low, double high) {
        double decades = Math.log10(high) - Math.log10(low);
        double[] within = decades > 2
                ? new double[] {1}
                : decades > 1 ? new double[] {1, 2, 5} : new double[] {1, 1.5, 2, 3, 5, 7};
        int every = Math.max(1, (int) Math.ceil(decades / (TICKS + 2)));
        double start = low / Math.pow(10, 0.04 * decades);
        double end = high * Math.pow(10, 0.04 * decades);
        List<Double> ticks = new ArrayList<>();
        for (int decade = (int) Math.floor(Math.log10(start)); decade <= Math.ceil(Math.log10(end)); decade++) {
            for (double factor : within) {
                double tick = factor * Math.pow(10, decade);
                if (Math.floorMod(decade, every) == 0 && tick >= start && tick <= end) {
                    ticks.add(tick);
                }
            }
        }
        return new Axis(start, end, true, ticks);
    }

    private static double niceStep(double atLeast) {
        double power = Math.pow(10, Math.floor(Math.log10(atLeast)));
        for (double factor : new double[] {1, 2, 2.5, 5}) {
            if (factor * power >= atLeast * (1 - 1e-9)) {
                return factor * power;
            }
        }
        return 10 * power;
    }

    /** Where {@code value} lies, 0 at the start and 1 at the end; NaN if it can't be shown. */
    double fraction(double value) {
        return logarithmic
                // Differences of logarithms: the ratio itself may overflow.
                ? value > 0 ? (Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low)) : Double.NaN
                : (value - low) / (high - low);
    }

    /** The label of a tick. */
    String label(double tick) {
        if (logarithmic && (tick < 1e-3 || tick >= 1e6)) {
            double exponent = Math.floor(Math.log10(tick) + 1e-9);
            double factor = tick / Math.pow(10, exponent);
            String power = Text.power((int) exponent);
            return factor < 1.5 ? power : Math.round(factor) + "·" + power;
        }
        // A multiple of the step that should be 0 may be a rounding error.
        return !logarithmic && Math.abs(tick) < 1e-12 * (high - low) ? "0" : Text.compact(tick);
    }
}
