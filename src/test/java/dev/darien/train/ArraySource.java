// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.ActivationSource;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.util.Objects;
import java.util.Random;
import java.util.function.LongPredicate;

/** Rows from an array. Reading a forbidden row is an error. */
final class ArraySource implements ActivationSource {
    private final float[][] values;
    private final LongPredicate forbidden;

    ArraySource(float[][] values) {
        this(values, row -> false);
    }

    ArraySource(float[][] values, LongPredicate forbidden) {
        this.values = values;
        this.forbidden = forbidden;
    }

    /** Sparse sums of random directions, which an SAE can learn, away from the origin. */
    static float[][] sparseSums(int rows, int width, int directions, double scale, long seed) {
        Random random = new Random(seed);
        float[][] dictionary = new float[directions + 1][width];
        for (float[] direction : dictionary) {
            for (int column = 0; column < width; column++) {
                direction[column] = (float) (random.nextGaussian() / Math.sqrt(width));
            }
        }
        float[][] values = new float[rows][width];
        for (float[] row : values) {
            for (int on = 0; on < 4; on++) {
                float[] direction = dictionary[on == 0 ? directions : random.nextInt(directions)];
                float magnitude = (float) (scale * (on == 0 ? 1 : 0.5 + random.nextDouble()));
                for (int column = 0; column < width; column++) {
                    row[column] += magnitude * direction[column];
                }
            }
        }
        return values;
    }

    @Override
    public int width() {
        return values[0].length;
    }

    @Override
    public long rows() {
        return values.length;
    }

    @Override
    public DType dtype() {
        return DType.F32;
    }

    @Override
    public void read(long[] rowNumbers, int count, Matrix out) {
        for (int at = 0; at < count; at++) {
            row(rowNumbers[at], out, at);
        }
    }

    @Override
    public void read(long firstRow, int count, Matrix out) {
        for (int at = 0; at < count; at++) {
            row(firstRow + at, out, at);
        }
    }

    private void row(long row, Matrix out, int to) {
        if (forbidden.test(row)) {
            throw new AssertionError("row " + row + " was read");
        }
        out.setRow(to, values[(int) Objects.checkIndex(row, rows())]);
    }

    @Override
    public String describe() {
        return "an array";
    }

    @Override
    public String locate(long row) {
        return "array row " + row;
    }

    @Override
    public void close() {}
}
