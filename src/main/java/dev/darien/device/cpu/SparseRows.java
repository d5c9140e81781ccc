// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products of sparse codes with the rows of an off-heap matrix.
 *
 * <p>A matrix is a segment of little-endian floats, the byte offset of its first element (any alignment) and the
 * distance of its rows in floats. Entries {@code [from, to)} of {@code indices} and {@code values} are the code of
 * one row, or the tokens of one latent. Four matrix rows are read side by side: enough streams for the prefetchers,
 * and the operand that they share is loaded once.
 */
final class SparseRows {
    private static final VectorSpecies<Float> SPECIES = VectorSpec.SPECIES;
    private static final int LANES = VectorSpec.LANES;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    private SparseRows() {}

    /**
     * {@code out = start + Σ_i values[i] · matrix[indices[i], :]}: the decoder for one token, or one latent's gradient.
     *
     * <p>Each element is one chain of fused multiply-adds in the order of the entries, whatever the vector width.
     *
     * @param start the initial value, {@code columns} floats from {@code startOffset}: a bias, or {@code out} itself
     * @param out {@code columns} floats from {@code outOffset}
     */
    static void accumulate(
            MemorySegment matrix,
            long byteOffset,
            long rowStride,
            int columns,
            int[] indices,
            float[] values,
            int from,
            int to,
            float[] start,
            int startOffset,
            float[] out,
            int outOffset) {
        if (start != out || startOffset != outOffset) {
            System.arraycopy(start, startOffset, out, outOffset, columns);
        }
        long rowBytes = rowStride * Float.BYTES;
        int i = from;
        for (; i + 4 <= to; i += 4) {
            addFour(
                    matrix,
                    byteOffset + indices[i] * rowBytes,
                    byteOffset + indices[i + 1] * rowBytes,
                    byteOffset + indices[i + 2] * rowBytes,
                    byteOffset + indices[i + 3] * rowBytes,
                    values[i],
                    values[i + 1],
                    values[i + 2],
                    values[i + 3],
                    columns,
                    out,
                    outOffset);
        }
        for (; i < to; i++) {
            addOne(matrix, byteOffset + indices[i] * rowBytes, values[i], columns, out, outOffset);
        }
    }

    private static void addFour(
            MemorySegment matrix,
            long row0,
            long row1,
            long row2,
            long row3,
            float value0,
            float value1,
            float value2,
            float value3,
            int columns,
            float[] out,
            int outOffset) {
        FloatVector v0 = FloatVector.broadcast(SPECIES, value0);
        FloatVector v1 = FloatVector.broadcast(SPECIES, value1);
        FloatVector v2 = FloatVector.broadcast(SPECIES, value2);
        FloatVector v3 = FloatVector.broadcast(SPECIES, value3);
        int vectors = SPECIES.loopBound(columns);
        int c = 0;
        for (; c < vectors; c += LANES) {
            long at = (long) c * Float.BYTES;
            FloatVector sum = FloatVector.fromArray(SPECIES, out, outOffset + c);
            sum = v0.fma(FloatVector.fromMemorySegment(SPECIES, matrix, row0 + at, ORDER), sum);
            sum = v1.fma(FloatVector.fromMemorySegment(SPECIES, matrix, row1 + at, ORDER), sum);
            sum = v2.fma(FloatVector.fromMemorySegment(SPECIES, matrix, row2 + at, ORDER), sum);
            sum = v3.fma(FloatVector.fromMemorySegment(SPECIES, matrix, row3 + at, ORDER), sum);
            sum.intoArray(out, outOffset + c);
        }
        for (; c < columns; c++) {
            long at = (long) c * Float.BYTES;
            float sum = out[outOffset + c];
            sum = Math.fma(value0, matrix.get(FLOAT, row0 + at), sum);
            sum = Math.fma(value1, matrix.get(FLOAT, row1 + at), sum);
            sum = Math.fma(value2, matrix.get(FLOAT, row2 + at), sum);
            out[outOffset + c] = Math.fma(value3, matrix.get(FLOAT, row3 + at), sum);
        }
    }

    private static void addOne(MemorySegment matrix, long row, float value, int columns, float[] out, int outOffset) {
        FloatVector v = FloatVector.broadcast(SPECIES, value);
        int vectors = SPECIES.loopBound(columns);
        int c = 0;
        for (; c < vectors; c += LANES) {
            FloatVector sum = FloatVector.fromArray(SPECIES, out, outOffset + c);
            v.fma(FloatVector.fromMemorySegment(SPECIES, matrix, row + (long) c * Float.BYTES, ORDER), sum)
                    .intoArray(out, outOffset + c);
        }
        for (; c < columns; c++) {
            out[outOffset + c] = Math.fma(value, matrix.get(FLOAT, row + (long) c * Float.BYTES), out[outOffset + c]);
        }
    }

    /**
     * {@code out[i] = vector · matrix[indices[i], :]} for every entry, e.g. the gradient of each active latent.
     *
     * <p>The order of summation depends on the vector width and on nothing else.
     *
     * @param vector {@code columns} floats from {@code vectorOffset}
     * @param out written at {@code [from, to)}
     * @param lanes space for {@link #sum}
     */
    static void dots(
            MemorySegment matrix,
            long byteOffset,
            long rowStride,
            int columns,
            int[] indices,
            int from,
            int to,
            float[] vector,
            int vectorOffset,
            float[] out,
            float[] lanes) {
        long rowBytes = rowStride * Float.BYTES;
        int vectors = SPECIES.loopBound(columns);
        for (int i = from; i < to; i += 4) {
            // A last group that isn't full repeats its last row: one loop, so one order of summation for all.
            int last = to - 1;
            long row0 = byteOffset + indices[i] * rowBytes;
            long row1 = byteOffset + indices[Math.min(i + 1, last)] * rowBytes;
            long row2 = byteOffset + indices[Math.min(i + 2, last)] * rowBytes;
            long row3 = byteOffset + indices[Math.min(i + 3, last)] * rowBytes;
            FloatVector sum0 = FloatVector.zero(SPECIES);
            FloatVector sum1 = sum0;
            FloatVector sum2 = sum0;
            FloatVector sum3 = sum0;
            for (int c = 0; c < vectors; c += LANES) {
                long at = (long) c * Float.BYTES;
                FloatVector v = FloatVector.fromArray(SPECIES, vector, vectorOffset + c);
                sum0 = v.fma(FloatVector.fromMemorySegment(SPECIES, matrix, row0 + at, ORDER), sum0);
                sum1 = v.fma(FloatVector.fromMemorySegment(SPECIES, matrix, row1 + at, ORDER), sum1);
                sum2 = v.fma(FloatVector.fromMemorySegment(SPECIES, matrix, row2 + at, ORDER), sum2);
                sum3 = v.fma(FloatVector.fromMemorySegment(SPECIES, matrix, row3 + at, ORDER), sum3);
            }
            float dot0 = sum(sum0, lanes);
            float dot1 = sum(sum1, lanes);
            float dot2 = sum(sum2, lanes);
            float dot3 = sum(sum3, lanes);
            for (int c = vectors; c < columns; c++) {
                long at = (long) c * Float.BYTES;
                float v = vector[vectorOffset + c];
                dot0 = Math.fma(v, matrix.get(FLOAT, row0 + at), dot0);
                dot1 = Math.fma(v, matrix.get(FLOAT, row1 + at), dot1);
                dot2 = Math.fma(v, matrix.get(FLOAT, row2 + at), dot2);
                dot3 = Math.fma(v, matrix.get(FLOAT, row3 + at), dot3);
            }
            out[i] = dot0;
            if (i < last) {
                out[i + 1] = dot1;
            }
            if (i + 1 < last) {
                out[i + 2] = dot2;
            }
            if (i + 2 < last) {
                out[i + 3] = dot3;
            }
        }
    }

    /**
     * The sum of the lanes as a fixed tree. {@code reduceLanes} may add floats in any order, and does so differently
     * before and after compilation: the same run would not give the same bits. Rearranging lanes would need so many
     * calls to be inlined that the compiler sometimes stops before the last, and then puts a vector on the heap for
     * each row; an array that is there already costs nothing.
     *
     * @param lanes space for {@link VectorSpec#LANES} floats
     */
    static float sum(FloatVector vector, float[] lanes) {
        vector.intoArray(lanes, 0);
        return sum(lanes);
    }

    /** Written out for the usual widths: in a loop each level would wait for the stores of the one before. */
    private static float sum(float[] l) {
        return switch (LANES) {
            case 16 ->
                fourth(
                        (l[0] + l[8]) + (l[4] + l[12]),
                        (l[1] + l[9]) + (l[5] + l[13]),
                        (l[2] + l[10]) + (l[6] + l[14]),
                        (l[3] + l[11]) + (l[7] + l[15]));
            case 8 -> fourth(l[0] + l[4], l[1] + l[5], l[2] + l[6], l[3] + l[7]);
            case 4 -> fourth(l[0], l[1], l[2], l[3]);
            default -> halves(l);
        };
    }

    private static float fourth(float first, float second, float third, float last) {
        return (first + third) + (second + last);
    }

    private static float halves(float[] lanes) {
        for (int half = LANES / 2; half > 0; half /= 2) {
            for (int lane = 0; lane < half; lane++) {
                lanes[lane] += lanes[lane + half];
            }
        }
        return lanes[0];
    }
}
