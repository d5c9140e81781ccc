// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import java.util.Arrays;

/** A row of double-precision sums that is used again and again, so that the scalar kernels allocate only once. */
final class Scratch {
    private double[] sums = new double[0];

    /** At least {@code length} elements, of which the first {@code length} are 0. Valid until the next call. */
    double[] zeroed(int length) {
        if (sums.length < length) {
            sums = new double[length];
        } else {
            Arrays.fill(sums, 0, length, 0);
        }
        return sums;
    }
}
