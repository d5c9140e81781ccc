// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The right-hand side of a matrix product, packed into panels of {@link GemmKernel#COLUMNS} columns.
 *
 * <p>Panel p holds columns {@code [p * COLUMNS, (p + 1) * COLUMNS)} as {@code depth × COLUMNS} floats, so that the
 * kernel reads it front to back. Columns past the last are zero. Panels are spread over heap arrays of at most
 * 2 MiB (or one panel), so the whole may exceed 2<sup>31</sup> floats. Different threads may pack different panels.
 */
final class GemmPanels {
    private static final int ARRAY_FLOATS = 1 << 19;

    private float[][] arrays = new float[0][];
    private int panelsPerArrayShift;
    private int columns;
    private int depth;

    /** @throws IllegalArgumentException as {@link #reshape} */
    GemmPanels(int columns, int depth) {
        reshape(columns, depth);
    }

    /**
     * Makes room for another shape; the content is undefined until it is packed. Allocates only if the new shape
     * doesn't fit the arrays it has.
     *
     * @throws IllegalArgumentException if a size isn't positive, or one panel exceeds an array
     */
    void reshape(int newColumns, int newDepth) {
        if (newColumns < 1 || newDepth < 1 || newDepth > Integer.MAX_VALUE / 2 / GemmKernel.COLUMNS) {
            throw new IllegalArgumentException("A packed matrix must have positive sizes and a depth of at most "
                    + Integer.MAX_VALUE / 2 / GemmKernel.COLUMNS + ", not " + newColumns + " columns by " + newDepth
                    + ".");
        }
        int panelFloats = newDepth * GemmKernel.COLUMNS;
        int shift = 0;
        while (shift < 16 && (2L << shift) * panelFloats <= ARRAY_FLOATS) {
            shift++;
        }
        int panels = Math.ceilDiv(newColumns, GemmKernel.COLUMNS);
        int perArray = 1 << shift;
        int count = Math.ceilDiv(panels, perArray);
        if (count > arrays.length) {
            arrays = Arrays.copyOf(arrays, count);
        }
        for (int i = 0; i < count; i++) {
            int floats = Math.min(perArray, panels - i * perArray) * panelFloats;
            float[] array = arrays[i];
            if (array == null || array.length < floats) {
                arrays[i] = new float[floats];
            }
        }
        panelsPerArrayShift = shift;
        columns = newColumns;
        depth = newDepth;
    }

    int columns() {
        return columns;
    }

    int depth() {
        return depth;
    }

    int panelCount() {
        return Math.ceilDiv(columns, GemmKernel.COLUMNS);
    }

    /** The array that holds a panel. */
    float[] array(int panel) {
        return arrays[panel >> panelsPerArrayShift];
    }

    /** Where a panel starts in its {@link #array}. */
    int offset(int panel) {
        return (panel & ((1 << panelsPerArrayShift) - 1)) * depth * GemmKernel.COLUMNS;
    }

    /**
     * Packs panels from a matrix {@code W[columns, depth]}: column c is row c of W (the NT product).
     *
     * @param byteOffset of {@code W[0, 0]}; any alignment
     * @param rowStride in floats
     */
    void pack(MemorySegment w, long byteOffset, long rowStride, int firstPanel, int lastPanel) {
        for (int panel = firstPanel; panel < lastPanel; panel++) {
            int column = panel * GemmKernel.COLUMNS;
            GemmPacking.packRows(
                    w,
                    byteOffset + column * rowStride * Float.BYTES,
                    rowStride,
                    Math.min(GemmKernel.COLUMNS, columns - column),
                    depth,
                    array(panel),
                    offset(panel),
                    GemmKernel.COLUMNS);
        }
    }

    /**
     * Packs panels from a matrix {@code B[depth, columns]}: column c is column c of B (the NN product).
     *
     * @param byteOffset of {@code B[0, 0]}; any alignment
     * @param rowStride in floats
     */
    void packTransposed(MemorySegment b, long byteOffset, long rowStride, int firstPanel, int lastPanel) {
        for (int panel = firstPanel; panel < lastPanel; panel++) {
            int column = panel * GemmKernel.COLUMNS;
            GemmPacking.packColumns(
                    b,
                    byteOffset + (long) column * Float.BYTES,
                    rowStride,
                    Math.min(GemmKernel.COLUMNS, columns - column),
                    depth,
                    array(panel),
                    offset(panel),
                    GemmKernel.COLUMNS);
        }
    }
}
