// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import java.util.function.IntToDoubleFunction;

/** What {@link java.util.Arrays} lacks for single precision. */
final class Floats {
    private Floats() {}

    /** {@code length} values, each {@code value} of its index, rounded. */
    static float[] of(int length, IntToDoubleFunction value) {
        float[] values = new float[length];
        for (int i = 0; i < length; i++) {
            values[i] = (float) value.applyAsDouble(i);
        }
        return values;
    }
}
