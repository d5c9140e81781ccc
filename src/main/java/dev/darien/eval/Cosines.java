// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.device.Product;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Cosines between all of one set of directions and all of another, a few rows at a time, on the directions' device. */
final class Cosines {
    private static final int TILE_ROWS = 256;
    /** 2^23 elements are 32 MB. */
    private static final int MOST_ELEMENTS = 1 << 23;

    private Cosines() {}

    /** Takes the cosines of row {@code row} of A with every row of B; the array is used again for the next row. */
    @FunctionalInterface
    interface RowConsumer {
        void accept(int row, float[] cosines);
    }

    /**
     * The largest cosine of each row with any row of the other set; -1 at least.
     *
     * @param byA [rows of A]
     * @param byB [rows of B]
     */
    @SuppressWarnings("ArrayRecordComponent") // made here, used at once
    record Largest(float[] byA, float[] byB) {}

    static void forEachRow(Directions a, Directions b, RowConsumer consumer) {
        if (a.width() != b.width()) {
            throw new IllegalArgumentException(
                    "directions of width " + a.width() + " and " + b.width() + " can't be compared");
        }
        int tileRows = Math.clamp(MOST_ELEMENTS / b.rows(), 1, Math.min(TILE_ROWS, a.rows()));
        float[] cosines = new float[b.rows()];
        try (Matrix products = a.device().memory().matrix("cosines", tileRows, b.rows());
                Matrix host = a.device().staging("cosines", DType.F32, tileRows, b.rows())) {
            for (int first = 0; first < a.rows(); first += tileRows) {
                int rows = Math.min(tileRows, a.rows() - first);
                Matrix tile = products.slice(0, rows);
                a.device().kernels().multiply(Product.NT, a.matrix().slice(first, rows), b.matrix(), tile, false);
                a.device().download(tile, host.slice(0, rows));
                for (int row = 0; row < rows; row++) {
                    MemorySegment.copy(host.segment(), Matrix.FLOAT, host.rowOffset(row), cosines, 0, cosines.length);
                    consumer.accept(first + row, cosines);
                }
            }
        }
    }

    static Largest largest(Directions a, Directions b) {
        Largest largest = new Largest(new float[a.rows()], new float[b.rows()]);
        Arrays.fill(largest.byA, -1);
        Arrays.fill(largest.byB, -1);
        forEachRow(a, b, (row, cosines) -> {
            for (int column = 0; column < cosines.length; column++) {
                largest.byA[row] = Math.max(largest.byA[row], cosines[column]);
                largest.byB[column] = Math.max(largest.byB[column], cosines[column]);
            }
        });
        return largest;
    }

    static double mean(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += value;
        }
        return sum / values.length;
    }
}
