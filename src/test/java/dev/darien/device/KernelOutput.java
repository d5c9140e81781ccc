// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * One result of a kernel.
 *
 * @param terms length of the sums behind an element; 0 if results must be equal
 */
record KernelOutput(String name, double[] values, int terms) {
    /** Equal, or within 1e-5·√n of the largest magnitude of the result; NaN and infinities in the same places. */
    void compare(KernelOutput other, String context) {
        compare(other, context, terms == 0 ? 0 : 1e-5 * Math.sqrt(terms) * largest());
    }

    private double largest() {
        double largest = 0;
        for (double value : values) {
            largest = Double.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest;
        }
        return largest;
    }

    private void compare(KernelOutput other, String context, double tolerance) {
        assertThat(other.values).as("%s: size of %s", context, name).hasSameSizeAs(values);
        for (int at = 0; at < values.length; at++) {
            double expected = values[at];
            double actual = other.values[at];
            boolean same = expected == actual || Double.isNaN(expected) && Double.isNaN(actual);
            if (!same && !(Math.abs(expected - actual) <= tolerance && Double.isFinite(expected))) {
                throw new AssertionError("%s: %s[%d] of %d is %s instead of %s (tolerance %s)"
                        .formatted(context, name, at, values.length, actual, expected, tolerance));
            }
        }
    }

    /**
     * As {@link #compare} for numbers that are denormal, which have few digits: within 1e-3·√n of the largest magnitude, or
     * some units of the smallest number there is.
     */
    void compareDenormal(KernelOutput other, String context) {
        double largest = largest();
        double tolerance = terms == 0 ? 0 : Math.max(100L * terms * Float.MIN_VALUE, 1e-3 * Math.sqrt(terms) * largest);
        compare(other, context, tolerance);
    }

    /** No finite number where this has none; elsewhere as {@link #compare}, or NaN if {@code mixed}. */
    void compareNotFinite(KernelOutput other, String context, boolean mixed) {
        double[] wanted = values.clone();
        for (int at = 0; at < wanted.length; at++) {
            boolean both = !Double.isFinite(wanted[at]) && !Double.isFinite(other.values[at]);
            if (both || (mixed && Double.isNaN(other.values[at]))) {
                wanted[at] = other.values[at];
            }
        }
        new KernelOutput(name, wanted, terms).compare(other, context);
    }

    void compareBits(KernelOutput other, String context) {
        new KernelOutput(name, values, 0).compare(other, context);
    }
}
