// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Reads consecutive rows in chunks that stay in cache and sums them. Plain loops over heap arrays, which the compiler
 * turns into SIMD. One per thread.
 */
final class ChunkScanner {
    private static final int CHUNK_BYTES = 1 << 18;

    private final ActivationSource source;
    private final int width;
    private final int chunkRows;
    /** The chunk as numbers; for halves, converted from {@link #halves}. */
    private final float[] values;

    private final short[] halves;
    private final Matrix buffer;
    private final double[] sums;
    private final double[] squares;

    ChunkScanner(ActivationSource source, int chunkRows) {
        this.source = source;
        this.width = source.width();
        this.chunkRows = chunkRows;
        this.values = new float[Math.multiplyExact(chunkRows, width)];
        this.halves = new short[source.dtype() == DType.F32 ? 0 : values.length];
        MemorySegment memory =
                source.dtype() == DType.F32 ? MemorySegment.ofArray(values) : MemorySegment.ofArray(halves);
        this.buffer = Matrix.of(memory, source.dtype(), chunkRows, width);
        this.sums = new double[width];
        this.squares = new double[width];
    }

    /** Rows of a chunk: a property of the data, because the order of summation depends on it. */
    static int chunkRows(ActivationSource source) {
        return Math.max(
                1, (int) (CHUNK_BYTES / ((long) source.width() * source.dtype().bytes())));
    }

    float[] row(long row) {
        load(row, 1);
        return values.clone();
    }

    DataCheck.PartResult scan(long first, long end, OnNan onNan) {
        ContentHash hash = new ContentHash(end - first, width, source.dtype());
        List<Long> badRows = new ArrayList<>();
        double[] totals = new double[width];
        double[] columnSquares = new double[width];
        double totalSquares = 0;
        for (long row = first; row < end; row += chunkRows) {
            int count = (int) Math.min(chunkRows, end - row);
            load(row, count);
            if (source.dtype() == DType.F32) {
                hash.add(values, count * width);
            } else {
                hash.add(halves, count * width);
            }
            sum(0, count);
            // Squares of finite singles can't overflow a double: only a NaN or an infinity makes a sum that isn't
            // finite.
            if (!isFinite(squares)) {
                noteBadRows(row, count, badRows);
                if (onNan == OnNan.FAIL) {
                    break;
                }
                sumGoodRows(count);
            }
            for (int column = 0; column < width; column++) {
                totals[column] += sums[column];
                columnSquares[column] += squares[column];
                totalSquares += squares[column];
            }
        }
        return new DataCheck.PartResult(hash.value(), badRows, totals, columnSquares, totalSquares);
    }

    private void load(long row, int count) {
        source.read(row, count, buffer);
        int length = count * width;
        if (source.dtype() == DType.F16) {
            for (int i = 0; i < length; i++) {
                values[i] = Float.float16ToFloat(halves[i]);
            }
        } else if (source.dtype() == DType.BF16) {
            for (int i = 0; i < length; i++) {
                values[i] = Float.intBitsToFloat(halves[i] << 16);
            }
        }
    }

    private void sum(int firstRow, int endRow) {
        Arrays.fill(sums, 0);
        Arrays.fill(squares, 0);
        for (int row = firstRow; row < endRow; row++) {
            addRow(values, row * width, sums, squares);
        }
    }

    private static void addRow(float[] values, int at, double[] sums, double[] squares) {
        for (int column = 0; column < sums.length; column++) {
            double value = values[at + column];
            sums[column] += value;
            squares[column] += value * value;
        }
    }

    private void sumGoodRows(int count) {
        Arrays.fill(sums, 0);
        Arrays.fill(squares, 0);
        for (int row = 0; row < count; row++) {
            if (isGood(row)) {
                addRow(values, row * width, sums, squares);
            }
        }
    }

    private void noteBadRows(long firstRow, int count, List<Long> badRows) {
        for (int row = 0; row < count; row++) {
            if (!isGood(row)) {
                badRows.add(firstRow + row);
            }
        }
    }

    private boolean isGood(int row) {
        for (int i = row * width; i < (row + 1) * width; i++) {
            if (!Float.isFinite(values[i])) {
                return false;
            }
        }
        return true;
    }

    private static boolean isFinite(double[] values) {
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        return Double.isFinite(sum);
    }
}
