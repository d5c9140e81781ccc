// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Copies blocks of an off-heap matrix into the layout that the micro-kernels read: {@code packed[k, i]} with a fixed
 * width of i. Lines past the given count are zero, so that kernels need no tails.
 */
final class GemmPacking {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Steps of k per pass: the strided writes of one pass must stay in L1. */
    private static final int STEP = 64;

    /** Transposition works on 4 × 4 blocks: every kernel's ROWS and COLUMNS are multiples of 4, whatever the width. */
    private static final VectorSpecies<Float> QUAD = FloatVector.SPECIES_128;

    private static final VectorShuffle<Float> SWAP_NEIGHBOURS = VectorShuffle.fromValues(QUAD, 1, 0, 3, 2);
    private static final VectorShuffle<Float> SWAP_HALVES = VectorShuffle.fromValues(QUAD, 2, 3, 0, 1);
    private static final VectorMask<Float> EVEN = VectorMask.fromLong(QUAD, 0b0101);
    private static final VectorMask<Float> ODD = VectorMask.fromLong(QUAD, 0b1010);
    private static final VectorMask<Float> LOWER = VectorMask.fromLong(QUAD, 0b0011);
    private static final VectorMask<Float> UPPER = VectorMask.fromLong(QUAD, 0b1100);

    private GemmPacking() {}

    /**
     * Transposes {@code lines} rows of {@code depth} floats: {@code packed[k * width + i] = rows[i, k]}, zero for
     * {@code i >= lines}.
     */
    static void packRows(
            MemorySegment source,
            long byteOffset,
            long rowStride,
            int lines,
            int depth,
            float[] packed,
            int packedOffset,
            int width) {
        if (lines < width) {
            Arrays.fill(packed, packedOffset, packedOffset + depth * width, 0f);
        }
        for (int k0 = 0; k0 < depth; k0 += STEP) {
            int count = Math.min(STEP, depth - k0);
            int blocks = count & -4;
            int i = 0;
            for (; i + 4 <= lines; i += 4) {
                long from = byteOffset + (i * rowStride + k0) * Float.BYTES;
                int to = packedOffset + k0 * width + i;
                transposeQuads(source, from, rowStride * Float.BYTES, blocks, packed, to, width);
                for (int line = 0; line < 4; line++) {
                    copyLine(source, from, rowStride * Float.BYTES, line, blocks, count, packed, to, width);
                }
            }
            for (; i < lines; i++) {
                long from = byteOffset + (i * rowStride + k0) * Float.BYTES;
                copyLine(source, from, 0, 0, 0, count, packed, packedOffset + k0 * width + i, width);
            }
        }
    }

    private static void copyLine(
            MemorySegment source,
            long byteOffset,
            long byteStride,
            int line,
            int first,
            int last,
            float[] packed,
            int to,
            int width) {
        long from = byteOffset + line * byteStride;
        for (int k = first; k < last; k++) {
            packed[to + line + k * width] = source.get(FLOAT, from + (long) k * Float.BYTES);
        }
    }

    /** Four lines, {@code count} (a multiple of 4) steps of k: exchange of 1 × 1, then of 2 × 2 blocks. */
    private static void transposeQuads(
            MemorySegment source, long from, long byteStride, int count, float[] packed, int to, int width) {
        for (int k = 0; k < count; k += 4) {
            long at = from + (long) k * Float.BYTES;
            FloatVector r0 = FloatVector.fromMemorySegment(QUAD, source, at, ByteOrder.LITTLE_ENDIAN);
            FloatVector r1 = FloatVector.fromMemorySegment(QUAD, source, at + byteStride, ByteOrder.LITTLE_ENDIAN);
            FloatVector r2 = FloatVector.fromMemorySegment(QUAD, source, at + 2 * byteStride, ByteOrder.LITTLE_ENDIAN);
            FloatVector r3 = FloatVector.fromMemorySegment(QUAD, source, at + 3 * byteStride, ByteOrder.LITTLE_ENDIAN);
            FloatVector t0 = r0.blend(r1.rearrange(SWAP_NEIGHBOURS), ODD);
            FloatVector t1 = r1.blend(r0.rearrange(SWAP_NEIGHBOURS), EVEN);
            FloatVector t2 = r2.blend(r3.rearrange(SWAP_NEIGHBOURS), ODD);
            FloatVector t3 = r3.blend(r2.rearrange(SWAP_NEIGHBOURS), EVEN);
            int o = to + k * width;
            t0.blend(t2.rearrange(SWAP_HALVES), UPPER).intoArray(packed, o);
            t1.blend(t3.rearrange(SWAP_HALVES), UPPER).intoArray(packed, o + width);
            t2.blend(t0.rearrange(SWAP_HALVES), LOWER).intoArray(packed, o + 2 * width);
            t3.blend(t1.rearrange(SWAP_HALVES), LOWER).intoArray(packed, o + 3 * width);
        }
    }

    /**
     * Copies {@code lines} columns of a matrix of {@code depth} rows: {@code packed[k * width + i] = matrix[k, i]},
     * zero for {@code i >= lines}.
     */
    static void packColumns(
            MemorySegment source,
            long byteOffset,
            long rowStride,
            int lines,
            int depth,
            float[] packed,
            int packedOffset,
            int width) {
        int vectors = VectorSpec.SPECIES.loopBound(lines);
        for (int k = 0; k < depth; k++) {
            long from = byteOffset + k * rowStride * Float.BYTES;
            int to = packedOffset + k * width;
            int i = 0;
            for (; i < vectors; i += VectorSpec.LANES) {
                FloatVector.fromMemorySegment(
                                VectorSpec.SPECIES, source, from + (long) i * Float.BYTES, ByteOrder.LITTLE_ENDIAN)
                        .intoArray(packed, to + i);
            }
            for (; i < lines; i++) {
                packed[to + i] = source.get(FLOAT, from + (long) i * Float.BYTES);
            }
            for (; i < width; i++) {
                packed[to + i] = 0f;
            }
        }
    }
}
