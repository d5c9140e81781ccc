// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import java.util.List;
import java.util.Locale;

/**
 * A mean over seeds and its 95 % confidence interval by Student's t; an interval without bounds for one seed.
 *
 * @param mean of the values
 * @param half half of the interval's width
 */
public record Interval(double mean, double half) {
    /** The 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom. */
    private static final double[] QUANTILES = {
        12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448,
        2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484,
        2.0452, 2.0423
    };

    /** The mean of {@code values}, one for each seed. */
    public static Interval of(List<Double> values) {
        double mean = mean(values);
        int freedom = values.size() - 1;
        if (freedom == 0) {
            return new Interval(mean, Double.POSITIVE_INFINITY);
        }
        double squares = values.stream()
                .mapToDouble(value -> (value - mean) * (value - mean))
                .sum();
        double error = Math.sqrt(squares / freedom / values.size());
        // Beyond the table a little too wide rather than too narrow.
        return new Interval(mean, QUANTILES[Math.min(freedom, QUANTILES.length) - 1] * error);
    }

    /** The mean of {@code values}; NaN of none. */
    static double mean(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN);
    }

    /** The lower bound. */
    public double low() {
        return mean - half;
    }

    /** The upper bound. */
    public double high() {
        return mean + half;
    }

    /** {@code 0.0123 (0.0100 to 0.0146)}. */
    @Override
    public String toString() {
        return Double.isFinite(half)
                ? String.format(Locale.ROOT, "%.4f (%.4f to %.4f)", mean, low(), high())
                : String.format(Locale.ROOT, "%.4f", mean);
    }
}
