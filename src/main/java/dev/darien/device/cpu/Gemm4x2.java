// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * GEMM micro-kernel of 4 rows × 2 vectors for 128- and 256-bit species.
 *
 * <p>8 accumulators leave C2's scheduler room within the 16 registers of AVX2; with 12 (6 × 2) it spills and the kernel
 * runs at half the speed.
 */
final class Gemm4x2 {
    static final int ROWS = 4;
    static final int COLUMNS = 2 * VectorSpec.LANES;

    private static final VectorSpecies<Float> SPECIES = VectorSpec.SPECIES;
    private static final int LANES = VectorSpec.LANES;

    private Gemm4x2() {}

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
        }
        c00.intoArray(c, cOffset);
        c01.intoArray(c, cOffset + LANES);
        c10.intoArray(c, cOffset + cStride);
        c11.intoArray(c, cOffset + cStride + LANES);
        c20.intoArray(c, cOffset + 2 * cStride);
        c21.intoArray(c, cOffset + 2 * cStride + LANES);
        c30.intoArray(c, cOffset + 3 * cStride);
        c31.intoArray(c, cOffset + 3 * cStride + LANES);
    }
}
