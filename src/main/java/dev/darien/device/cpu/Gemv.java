// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The product of one vector with packed panels: as fast as the panels can be read, since each of their values is used
 * once. Each element is the same chain of fused multiply-adds as in {@link GemmKernel}, so it has the same bits.
 */
final class Gemv {
    private static final VectorSpecies<Float> SPECIES = VectorSpec.SPECIES;
    private static final int LANES = VectorSpec.LANES;
    private static final int COLUMNS = GemmKernel.COLUMNS;
    private static final int HALF = GemmPanels.ROW_BYTES / 2;

    private Gemv() {}

    /**
     * {@code out[j] = bias[c + j] + Σ_k x[k] · B[k, c + j]} for the columns of panels {@code [firstPanel, lastPanel)}, c
     * the first of them.
     */
    static void multiply(float[] x, GemmPanels panels, int firstPanel, int lastPanel, float[] bias, float[] out) {
        int panel = firstPanel;
        // Four panels at a time: two vectors of one panel would wait for each other's multiply-adds.
        for (; panel + 4 <= lastPanel; panel += 4) {
            four(
                    x,
                    panels.depth(),
                    panels.memory(),
                    panels.panelOffset(panel),
                    bias,
                    panel * COLUMNS,
                    out,
                    (panel - firstPanel) * COLUMNS);
        }
        for (; panel < lastPanel; panel++) {
            one(
                    x,
                    panels.depth(),
                    panels.memory(),
                    panels.panelOffset(panel),
                    bias,
                    panel * COLUMNS,
                    out,
                    (panel - firstPanel) * COLUMNS);
        }
    }

    private static void four(
            float[] x, int depth, MemorySegment b, long bAt, float[] bias, int biasAt, float[] out, int at) {
        long panelBytes = (long) depth * GemmPanels.ROW_BYTES;
        long second = bAt + panelBytes;
        long third = second + panelBytes;
        long fourth = third + panelBytes;
        FloatVector c00 = FloatVector.fromArray(SPECIES, bias, biasAt);
        FloatVector c01 = FloatVector.fromArray(SPECIES, bias, biasAt + LANES);
        FloatVector c10 = FloatVector.fromArray(SPECIES, bias, biasAt + COLUMNS);
        FloatVector c11 = FloatVector.fromArray(SPECIES, bias, biasAt + COLUMNS + LANES);
        FloatVector c20 = FloatVector.fromArray(SPECIES, bias, biasAt + 2 * COLUMNS);
        FloatVector c21 = FloatVector.fromArray(SPECIES, bias, biasAt + 2 * COLUMNS + LANES);
        FloatVector c30 = FloatVector.fromArray(SPECIES, bias, biasAt + 3 * COLUMNS);
        FloatVector c31 = FloatVector.fromArray(SPECIES, bias, biasAt + 3 * COLUMNS + LANES);
        for (int k = 0; k < depth; k++) {
            FloatVector factor = FloatVector.broadcast(SPECIES, x[k]);
            long row = (long) k * GemmPanels.ROW_BYTES;
            c00 = factor.fma(FloatVector.fromMemorySegment(SPECIES, b, bAt + row, ByteOrder.LITTLE_ENDIAN), c00);
            c01 = factor.fma(FloatVector.fromMemorySegment(SPECIES, b, bAt + row + HALF, ByteOrder.LITTLE_ENDIAN), c01);
            c10 = factor.fma(FloatVector.fromMemorySegment(SPECIES, b, second + row, ByteOrder.LITTLE_ENDIAN), c10);
            c11 = factor.fma(
                    FloatVector.fromMemorySegment(SPECIES, b, second + row + HALF, ByteOrder.LITTLE_ENDIAN), c11);
            c20 = factor.fma(FloatVector.fromMemorySegment(SPECIES, b, third + row, ByteOrder.LITTLE_ENDIAN), c20);
            c21 = factor.fma(
                    FloatVector.fromMemorySegment(SPECIES, b, third + row + HALF, ByteOrder.LITTLE_ENDIAN), c21);
            c30 = factor.fma(FloatVector.fromMemorySegment(SPECIES, b, fourth + row, ByteOrder.LITTLE_ENDIAN), c30);
            c31 = factor.fma(
                    FloatVector.fromMemorySegment(SPECIES, b, fourth + row + HALF, ByteOrder.LITTLE_ENDIAN), c31);
        }
        c00.intoArray(out, at);
        c01.intoArray(out, at + LANES);
        c10.intoArray(out, at + COLUMNS);
        c11.intoArray(out, at + COLUMNS + LANES);
        c20.intoArray(out, at + 2 * COLUMNS);
        c21.intoArray(out, at + 2 * COLUMNS + LANES);
        c30.intoArray(out, at + 3 * COLUMNS);
        c31.intoArray(out, at + 3 * COLUMNS + LANES);
    }

    private static void one(
            float[] x, int depth, MemorySegment b, long bAt, float[] bias, int biasAt, float[] out, int at) {
        FloatVector c0 = FloatVector.fromArray(SPECIES, bias, biasAt);
        FloatVector c1 = FloatVector.fromArray(SPECIES, bias, biasAt + LANES);
        for (int k = 0; k < depth; k++) {
            FloatVector factor = FloatVector.broadcast(SPECIES, x[k]);
            long row = (long) k * GemmPanels.ROW_BYTES;
            c0 = factor.fma(FloatVector.fromMemorySegment(SPECIES, b, bAt + row, ByteOrder.LITTLE_ENDIAN), c0);
            c1 = factor.fma(FloatVector.fromMemorySegment(SPECIES, b, bAt + row + HALF, ByteOrder.LITTLE_ENDIAN), c1);
        }
        c0.intoArray(out, at);
        c1.intoArray(out, at + LANES);
    }
}
