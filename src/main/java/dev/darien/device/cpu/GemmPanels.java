// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;

/**
 * The right-hand side of a matrix product, packed into panels of {@link GemmKernel#COLUMNS} columns.
 *
 * <p>Panel p holds columns {@code [p * COLUMNS, (p + 1) * COLUMNS)} as {@code depth × COLUMNS} floats, so that the
 * kernel reads it front to back. Columns past the last are zero. Off the heap, where no load of a whole vector lies
 * across two cache lines: nothing aligns an array on the heap. Different threads may pack different panels.
 */
final class GemmPanels implements AutoCloseable {
    /** Steps of k that are packed on the heap at a time, within the nearest cache, and then copied as they are. */
    private static final int STEP = 128;

    /** From one step of k to the next within a panel. */
    static final int ROW_BYTES = GemmKernel.COLUMNS * Float.BYTES;

    /** Floats that packing needs beside the panels. */
    static final int STAGING = STEP * GemmKernel.COLUMNS;

    private final Allocator allocator;
    private final String label;
    private Matrix memory;
    private int columns;
    private int depth;

    /**
     * @param label what the panels hold, shown when they leak
     * @throws IllegalArgumentException as {@link #reshape}
     */
    GemmPanels(Allocator allocator, String label, int columns, int depth) {
        this.allocator = allocator;
        this.label = label;
        memory = allocate(columns, depth);
        this.columns = columns;
        this.depth = depth;
    }

    /**
     * Makes room for another shape; the content is undefined until it is packed. Allocates only if the new shape
     * doesn't fit the memory it has.
     *
     * @throws IllegalArgumentException if a size isn't positive, or a panel is too long
     */
    void reshape(int newColumns, int newDepth) {
        if (!fits(newColumns, newDepth)) {
            Matrix larger = allocate(newColumns, newDepth);
            memory.close();
            memory = larger;
        }
        columns = newColumns;
        depth = newDepth;
    }

    private boolean fits(int newColumns, int newDepth) {
        return newColumns > 0
                && newDepth > 0
                && (long) newDepth * ROW_BYTES * panelCount(newColumns)
                        <= memory.segment().byteSize();
    }

    private Matrix allocate(int newColumns, int newDepth) {
        if (newColumns < 1 || newDepth < 1 || newDepth > Integer.MAX_VALUE / 2 / GemmKernel.COLUMNS) {
            throw new IllegalArgumentException("A packed matrix must have positive sizes and a depth of at most "
                    + Integer.MAX_VALUE / 2 / GemmKernel.COLUMNS + ", not " + newColumns + " columns by " + newDepth
                    + ".");
        }
        return allocator.matrix(label, DType.F32, panelCount(newColumns), newDepth * GemmKernel.COLUMNS);
    }

    private static int panelCount(int columns) {
        return Math.ceilDiv(columns, GemmKernel.COLUMNS);
    }

    int columns() {
        return columns;
    }

    int depth() {
        return depth;
    }

    int panelCount() {
        return panelCount(columns);
    }

    /** All panels, each from its {@link #panelOffset} on. */
    MemorySegment memory() {
        return memory.segment();
    }

    /** Where a panel starts in the {@link #memory}. */
    long panelOffset(int panel) {
        return (long) panel * depth * ROW_BYTES;
    }

    /** Where a column's first value lies; the next ones follow {@link #ROW_BYTES} apart. */
    long columnOffset(int column) {
        return panelOffset(column / GemmKernel.COLUMNS) + (long) (column % GemmKernel.COLUMNS) * Float.BYTES;
    }

    /**
     * Packs panels from a matrix {@code W[columns, depth]}: column c is row c of W (the NT product).
     *
     * @param byteOffset of {@code W[0, 0]}; any alignment
     * @param rowStride in floats
     * @param staging of {@link #STAGING} floats, the thread's own
     */
    void pack(MemorySegment w, long byteOffset, long rowStride, int firstPanel, int lastPanel, float[] staging) {
        for (int panel = firstPanel; panel < lastPanel; panel++) {
            int column = panel * GemmKernel.COLUMNS;
            long from = byteOffset + column * rowStride * Float.BYTES;
            int lines = Math.min(GemmKernel.COLUMNS, columns - column);
            for (int k = 0; k < depth; k += STEP) {
                int count = Math.min(STEP, depth - k);
                GemmPacking.packRows(
                        w, from + (long) k * Float.BYTES, rowStride, lines, count, staging, 0, GemmKernel.COLUMNS);
                store(staging, panel, k, count);
            }
        }
    }

    /**
     * Packs panels from a matrix {@code B[depth, columns]}: column c is column c of B (the NN product).
     *
     * @param byteOffset of {@code B[0, 0]}; any alignment
     * @param rowStride in floats
     * @param staging of {@link #STAGING} floats, the thread's own
     */
    void packTransposed(
            MemorySegment b, long byteOffset, long rowStride, int firstPanel, int lastPanel, float[] staging) {
        for (int panel = firstPanel; panel < lastPanel; panel++) {
            int column = panel * GemmKernel.COLUMNS;
            long from = byteOffset + (long) column * Float.BYTES;
            int lines = Math.min(GemmKernel.COLUMNS, columns - column);
            for (int k = 0; k < depth; k += STEP) {
                int count = Math.min(STEP, depth - k);
                GemmPacking.packColumns(
                        b, from + k * rowStride * Float.BYTES, rowStride, lines, count, staging, 0, GemmKernel.COLUMNS);
                store(staging, panel, k, count);
            }
        }
    }

    private void store(float[] staging, int panel, int k, int count) {
        long at = panelOffset(panel) + (long) k * ROW_BYTES;
        MemorySegment.copy(staging, 0, memory(), Matrix.FLOAT, at, count * GemmKernel.COLUMNS);
    }

    @Override
    public void close() {
        memory.close();
    }
}
