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
        assertThat(other.values).as("%s: size of %s", context, name).hasSameSizeAs(values);
        double largest = 0;
        for (double value : values) {
            largest = Double.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest;
        }
        double tolerance = terms == 0 ? 0 : 1e-5 * Math.sqrt(terms) * largest;
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

    void compareBits(KernelOutput other, String context) {
        new KernelOutput(name, values, 0).compare(other, context);
    }
}
