// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Element-wise operations and sums over one row, with a scalar tail and one fixed order of summation. */
final class RowMath {
    private static final VectorSpecies<Float> SPECIES = VectorSpec.SPECIES;
    private static final int LANES = VectorSpec.LANES;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private RowMath() {}

    /** {@code out = scale · source - offset} for one row of {@code columns}; {@code offset} may be null. */
    static void convert(
            Matrix source, long row, float scale, float[] offset, boolean subtract, Matrix out, int columns) {
        MemorySegment from = source.segment();
        MemorySegment to = out.segment();
        long fromAt = source.rowOffset(row);
        long toAt = out.rowOffset(row);
        if (source.dtype() != DType.F32) {
            boolean half = source.dtype() == DType.F16;
            for (int column = 0; column < columns; column++) {
                short bits = from.get(Matrix.SHORT, fromAt + (long) column * Short.BYTES);
                float value = half ? Float.float16ToFloat(bits) : DType.bfloat16ToFloat(bits);
                float shift = subtract ? offset[column] : 0;
                to.set(Matrix.FLOAT, toAt + (long) column * Float.BYTES, Math.fma(scale, value, -shift));
            }
            return;
        }
        FloatVector factor = FloatVector.broadcast(SPECIES, scale);
        int vectors = SPECIES.loopBound(columns);
        int column = 0;
        for (; column < vectors; column += LANES) {
            long at = (long) column * Float.BYTES;
            FloatVector value = FloatVector.fromMemorySegment(SPECIES, from, fromAt + at, ORDER);
            FloatVector result = subtract
                    ? factor.fma(
                            value,
                            FloatVector.fromArray(SPECIES, offset, column).neg())
                    : value.mul(factor);
            result.intoMemorySegment(to, toAt + at, ORDER);
        }
        for (; column < columns; column++) {
            long at = (long) column * Float.BYTES;
            float value = from.get(Matrix.FLOAT, fromAt + at);
            float result = subtract ? Math.fma(scale, value, -offset[column]) : value * scale;
            to.set(Matrix.FLOAT, toAt + at, result);
        }
    }

    /** {@code row = row - sign · target; residual = row}; returns ‖row‖². */
    static float residual(
            float[] row,
            MemorySegment target,
            long targetAt,
            float sign,
            MemorySegment residual,
            long at,
            int columns,
            float[] lanes) {
        FloatVector minus = FloatVector.broadcast(SPECIES, -sign);
        FloatVector squares = FloatVector.zero(SPECIES);
        int vectors = SPECIES.loopBound(columns);
        int column = 0;
        for (; column < vectors; column += LANES) {
            long bytes = (long) column * Float.BYTES;
            FloatVector value = minus.fma(
                    FloatVector.fromMemorySegment(SPECIES, target, targetAt + bytes, ORDER),
                    FloatVector.fromArray(SPECIES, row, column));
            value.intoArray(row, column);
            value.intoMemorySegment(residual, at + bytes, ORDER);
            squares = value.fma(value, squares);
        }
        float sum = SparseRows.sum(squares, lanes);
        for (; column < columns; column++) {
            long bytes = (long) column * Float.BYTES;
            float value = Math.fma(-sign, target.get(Matrix.FLOAT, targetAt + bytes), row[column]);
            row[column] = value;
            residual.set(Matrix.FLOAT, at + bytes, value);
            sum = Math.fma(value, value, sum);
        }
        return sum;
    }

    /** {@code a · b} of two rows in memory. */
    static float dot(MemorySegment a, long aAt, MemorySegment b, long bAt, int columns, float[] lanes) {
        // One accumulator: with two, C2 sometimes kept the vectors on the heap where rows are shorter than both.
        FloatVector products = FloatVector.zero(SPECIES);
        int vectors = SPECIES.loopBound(columns);
        int column = 0;
        for (; column < vectors; column += LANES) {
            long at = (long) column * Float.BYTES;
            products = FloatVector.fromMemorySegment(SPECIES, a, aAt + at, ORDER)
                    .fma(FloatVector.fromMemorySegment(SPECIES, b, bAt + at, ORDER), products);
        }
        float sum = SparseRows.sum(products, lanes);
        for (; column < columns; column++) {
            long at = (long) column * Float.BYTES;
            sum = Math.fma(a.get(Matrix.FLOAT, aAt + at), b.get(Matrix.FLOAT, bAt + at), sum);
        }
        return sum;
    }

    /** {@code ‖x - along · y‖²} of two rows in memory. */
    static float squaredRest(
            MemorySegment x, long xAt, MemorySegment y, long yAt, float along, int columns, float[] lanes) {
        FloatVector minus = FloatVector.broadcast(SPECIES, -along);
        FloatVector squares = FloatVector.zero(SPECIES);
        int vectors = SPECIES.loopBound(columns);
        int column = 0;
        for (; column < vectors; column += LANES) {
            long at = (long) column * Float.BYTES;
            FloatVector value = minus.fma(
                    FloatVector.fromMemorySegment(SPECIES, y, yAt + at, ORDER),
                    FloatVector.fromMemorySegment(SPECIES, x, xAt + at, ORDER));
            squares = value.fma(value, squares);
        }
        float sum = SparseRows.sum(squares, lanes);
        for (; column < columns; column++) {
            long at = (long) column * Float.BYTES;
            float value = Math.fma(-along, y.get(Matrix.FLOAT, yAt + at), x.get(Matrix.FLOAT, xAt + at));
            sum = Math.fma(value, value, sum);
        }
        return sum;
    }

    /** {@code ‖x - point‖²} of a row in memory. */
    static float squaredDistance(MemorySegment x, long xAt, float[] point, int columns, float[] lanes) {
        FloatVector squares = FloatVector.zero(SPECIES);
        int vectors = SPECIES.loopBound(columns);
        int column = 0;
        for (; column < vectors; column += LANES) {
            FloatVector value = FloatVector.fromMemorySegment(SPECIES, x, xAt + (long) column * Float.BYTES, ORDER)
                    .sub(FloatVector.fromArray(SPECIES, point, column));
            squares = value.fma(value, squares);
        }
        float sum = SparseRows.sum(squares, lanes);
        for (; column < columns; column++) {
            float value = x.get(Matrix.FLOAT, xAt + (long) column * Float.BYTES) - point[column];
            sum = Math.fma(value, value, sum);
        }
        return sum;
    }

    /** {@code out = factor · row (+ out)}, from the heap to memory. */
    static void store(float[] row, float factor, boolean accumulate, MemorySegment out, long at, int columns) {
        store(row, 0, factor, accumulate, out, at, columns);
    }

    /** {@code out = factor · row (+ out)}, for a row that starts at {@code offset}. */
    static void store(
            float[] row, int offset, float factor, boolean accumulate, MemorySegment out, long at, int columns) {
        // Two loops: where one of two cases in a loop is rare at first, C2 leaves its load a call that returns a vector
        // on the heap.
        if (accumulate) {
            add(row, offset, factor, out, at, columns);
        } else {
            put(row, offset, factor, out, at, columns);
        }
    }

    private static void put(float[] row, int offset, float factor, MemorySegment out, long at, int columns) {
        int vectors = SPECIES.loopBound(columns);
        int column = 0;
        for (; column < vectors; column += LANES) {
            FloatVector.fromArray(SPECIES, row, offset + column)
                    .mul(factor)
                    .intoMemorySegment(out, at + (long) column * Float.BYTES, ORDER);
        }
        for (; column < columns; column++) {
            out.set(Matrix.FLOAT, at + (long) column * Float.BYTES, row[offset + column] * factor);
        }
    }

    private static void add(float[] row, int offset, float factor, MemorySegment out, long at, int columns) {
        int vectors = SPECIES.loopBound(columns);
        int column = 0;
        for (; column < vectors; column += LANES) {
            long bytes = at + (long) column * Float.BYTES;
            FloatVector.fromArray(SPECIES, row, offset + column)
                    .mul(factor)
                    .add(FloatVector.fromMemorySegment(SPECIES, out, bytes, ORDER))
                    .intoMemorySegment(out, bytes, ORDER);
        }
        for (; column < columns; column++) {
            long bytes = at + (long) column * Float.BYTES;
            out.set(Matrix.FLOAT, bytes, row[offset + column] * factor + out.get(Matrix.FLOAT, bytes));
        }
    }

    /** {@code row = factor · x}, from memory to the heap. */
    static void load(MemorySegment x, long at, float factor, float[] row, int columns) {
        int vectors = SPECIES.loopBound(columns);
        int column = 0;
        for (; column < vectors; column += LANES) {
            FloatVector.fromMemorySegment(SPECIES, x, at + (long) column * Float.BYTES, ORDER)
                    .mul(factor)
                    .intoArray(row, column);
        }
        for (; column < columns; column++) {
            row[column] = x.get(Matrix.FLOAT, at + (long) column * Float.BYTES) * factor;
        }
    }
}
