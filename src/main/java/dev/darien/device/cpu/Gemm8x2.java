// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * GEMM micro-kernel of 8 rows × 2 vectors for 512-bit species.
 *
 * <p>16 accumulators, two panel vectors and a broadcast fit the 32 registers that come with that width. All
 * accumulators are named locals and the depth loop isn't unrolled by hand: arrays or unrolling make C2 spill.
 */
final class Gemm8x2 {
    static final int ROWS = 8;
    static final int COLUMNS = 2 * VectorSpec.LANES;

    private static final VectorSpecies<Float> SPECIES = VectorSpec.SPECIES;
    private static final int LANES = VectorSpec.LANES;

    private Gemm8x2() {}

    /**
     * {@code C[r, :] = init[r, :] + Σ_k a[k, r] · b[k, :]} for one tile of {@link #ROWS} × {@link #COLUMNS}.
     *
     * @param a packed rows, {@code depth × ROWS} from {@code aOffset}
     * @param b one packed panel, {@code depth × COLUMNS} floats from byte {@code bOffset} on
     * @param init where the accumulators start: row r at {@code initOffset + r * initStride}; may be {@code c} itself
     * @param c the result, row r at {@code cOffset + r * cStride}
     */
    static void run(
            float[] a,
            int aOffset,
            MemorySegment b,
            long bOffset,
            int depth,
            float[] init,
            int initOffset,
            int initStride,
            float[] c,
            int cOffset,
            int cStride) {
        FloatVector c00 = FloatVector.fromArray(SPECIES, init, initOffset);
        FloatVector c01 = FloatVector.fromArray(SPECIES, init, initOffset + LANES);
        FloatVector c10 = FloatVector.fromArray(SPECIES, init, initOffset + initStride);
        FloatVector c11 = FloatVector.fromArray(SPECIES, init, initOffset + initStride + LANES);
        FloatVector c20 = FloatVector.fromArray(SPECIES, init, initOffset + 2 * initStride);
        FloatVector c21 = FloatVector.fromArray(SPECIES, init, initOffset + 2 * initStride + LANES);
        FloatVector c30 = FloatVector.fromArray(SPECIES, init, initOffset + 3 * initStride);
        FloatVector c31 = FloatVector.fromArray(SPECIES, init, initOffset + 3 * initStride + LANES);
        FloatVector c40 = FloatVector.fromArray(SPECIES, init, initOffset + 4 * initStride);
        FloatVector c41 = FloatVector.fromArray(SPECIES, init, initOffset + 4 * initStride + LANES);
        FloatVector c50 = FloatVector.fromArray(SPECIES, init, initOffset + 5 * initStride);
        FloatVector c51 = FloatVector.fromArray(SPECIES, init, initOffset + 5 * initStride + LANES);
        FloatVector c60 = FloatVector.fromArray(SPECIES, init, initOffset + 6 * initStride);
        FloatVector c61 = FloatVector.fromArray(SPECIES, init, initOffset + 6 * initStride + LANES);
        FloatVector c70 = FloatVector.fromArray(SPECIES, init, initOffset + 7 * initStride);
        FloatVector c71 = FloatVector.fromArray(SPECIES, init, initOffset + 7 * initStride + LANES);
        for (int k = 0; k < depth; k++) {
            long at = bOffset + (long) k * GemmPanels.ROW_BYTES;
            FloatVector b0 = FloatVector.fromMemorySegment(SPECIES, b, at, ByteOrder.LITTLE_ENDIAN);
            FloatVector b1 =
                    FloatVector.fromMemorySegment(SPECIES, b, at + GemmPanels.ROW_BYTES / 2, ByteOrder.LITTLE_ENDIAN);
            FloatVector a0 = FloatVector.broadcast(SPECIES, a[aOffset + k * ROWS]);
            c00 = a0.fma(b0, c00);
            c01 = a0.fma(b1, c01);
            FloatVector a1 = FloatVector.broadcast(SPECIES, a[aOffset + k * ROWS + 1]);
            c10 = a1.fma(b0, c10);
            c11 = a1.fma(b1, c11);
            FloatVector a2 = FloatVector.broadcast(SPECIES, a[aOffset + k * ROWS + 2]);
            c20 = a2.fma(b0, c20);
            c21 = a2.fma(b1, c21);
            FloatVector a3 = FloatVector.broadcast(SPECIES, a[aOffset + k * ROWS + 3]);
            c30 = a3.fma(b0, c30);
            c31 = a3.fma(b1, c31);
            FloatVector a4 = FloatVector.broadcast(SPECIES, a[aOffset + k * ROWS + 4]);
            c40 = a4.fma(b0, c40);
            c41 = a4.fma(b1, c41);
            FloatVector a5 = FloatVector.broadcast(SPECIES, a[aOffset + k * ROWS + 5]);
            c50 = a5.fma(b0, c50);
            c51 = a5.fma(b1, c51);
            FloatVector a6 = FloatVector.broadcast(SPECIES, a[aOffset + k * ROWS + 6]);
            c60 = a6.fma(b0, c60);
            c61 = a6.fma(b1, c61);
            FloatVector a7 = FloatVector.broadcast(SPECIES, a[aOffset + k * ROWS + 7]);
            c70 = a7.fma(b0, c70);
            c71 = a7.fma(b1, c71);
        }
        c00.intoArray(c, cOffset);
        c01.intoArray(c, cOffset + LANES);
        c10.intoArray(c, cOffset + cStride);
        c11.intoArray(c, cOffset + cStride + LANES);
        c20.intoArray(c, cOffset + 2 * cStride);
        c21.intoArray(c, cOffset + 2 * cStride + LANES);
        c30.intoArray(c, cOffset + 3 * cStride);
        c31.intoArray(c, cOffset + 3 * cStride + LANES);
        c40.intoArray(c, cOffset + 4 * cStride);
        c41.intoArray(c, cOffset + 4 * cStride + LANES);
        c50.intoArray(c, cOffset + 5 * cStride);
        c51.intoArray(c, cOffset + 5 * cStride + LANES);
        c60.intoArray(c, cOffset + 6 * cStride);
        c61.intoArray(c, cOffset + 6 * cStride + LANES);
        c70.intoArray(c, cOffset + 7 * cStride);
        c71.intoArray(c, cOffset + 7 * cStride + LANES);
    }
}
