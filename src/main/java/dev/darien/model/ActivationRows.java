// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.ActivationSource;
import dev.darien.memory.Matrix;
import java.lang.foreign.Arena;

/** Activations in single precision, whatever they are stored as. */
final class ActivationRows {
    private static final int ROWS = 1024;

    private ActivationRows() {}

    /** Reads as many rows as {@code out}, F32[rows, d], has. */
    static void read(ActivationSource source, long first, Matrix out) {
        if (source.dtype() == out.dtype()) {
            source.read(first, out.intRows(), out);
            return;
        }
        try (Arena arena = Arena.ofShared()) {
            Matrix stored = Matrix.of(
                    arena.allocate(out.rows() * source.width() * source.dtype().bytes()),
                    source.dtype(),
                    out.rows(),
                    source.width());
            source.read(first, out.intRows(), stored);
            for (long row = 0; row < out.rows(); row++) {
                out.setRow(row, stored.toArray(row));
            }
        }
    }

    /** The mean of all rows. */
    static float[] mean(ActivationSource source) {
        double[] sums = new double[source.width()];
        try (Arena arena = Arena.ofShared()) {
            Matrix block = Matrix.of(
                    arena.allocate((long) ROWS * source.width() * Float.BYTES),
                    dev.darien.memory.DType.F32,
                    ROWS,
                    source.width());
            for (long first = 0; first < source.rows(); first += ROWS) {
                Matrix part = block.slice(0, Math.min(ROWS, source.rows() - first));
                read(source, first, part);
                for (long row = 0; row < part.rows(); row++) {
                    float[] values = part.toArray(row);
                    for (int i = 0; i < values.length; i++) {
                        sums[i] += values[i];
                    }
                }
            }
        }
        float[] mean = new float[sums.length];
        for (int i = 0; i < mean.length; i++) {
            mean[i] = (float) (sums[i] / source.rows());
        }
        return mean;
    }
}
