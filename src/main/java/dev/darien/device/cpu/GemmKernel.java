// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import java.lang.foreign.MemorySegment;

/**
 * Single-precision matrix product of packed operands, one tile of C at a time:
 * {@code C[rows, columns] = bias + A[rows, depth] · B[depth, columns]}.
 *
 * <p>B is packed once into {@link GemmPanels}; A is packed per block of rows by the thread that needs it. Each
 * element of C is one chain of fused multiply-adds over ascending k, starting from the bias: its value depends
 * neither on how the work is split nor on the vector width.
 *
 * <p>A panel comes from L3 or memory once for all rows of a call and is slower there than the first products with it: many
 * rows hide that, as long as C stays in L2; rows of C must not lie a power of two apart (see {@link EncodeScratch}).
 */
final class GemmKernel {
    /** Rows of A are packed in groups of this many; tiles of C are padded to a multiple of it. */
    static final int ROWS = VectorSpec.LANES >= 16 ? Gemm8x2.ROWS : Gemm4x2.ROWS;

    /** Columns per panel; tiles of C are padded to a multiple of it. */
    static final int COLUMNS = 2 * VectorSpec.LANES;

    /** Longest run of k between two visits to C: with 512-bit vectors a panel's part of 32 kB, which stays in L1. */
    static final int DEPTH_BLOCK = 256;

    /** What a cell of C starts from without a bias. */
    static final float[] ZEROS = new float[COLUMNS];

    private GemmKernel() {}

    /** {@code rows} rounded up to whole groups. */
    static int paddedRows(int rows) {
        return Math.ceilDiv(rows, ROWS) * ROWS;
    }

    /** Floats that {@link #packRows} writes. */
    static int packedLength(int rows, int depth) {
        return Math.multiplyExact(paddedRows(rows), depth);
    }

    /**
     * Packs rows of A, given as {@code A[rows, depth]}.
     *
     * @param byteOffset of the first row; any alignment
     * @param rowStride in floats
     * @param packed at least {@link #packedLength} floats from {@code at} on
     */
    static void packRows(
            MemorySegment a, long byteOffset, long rowStride, int rows, int depth, float[] packed, int at) {
        for (int row = 0; row < rows; row += ROWS) {
            GemmPacking.packRows(
                    a,
                    byteOffset + row * rowStride * Float.BYTES,
                    rowStride,
                    Math.min(ROWS, rows - row),
                    depth,
                    packed,
                    at + row * depth,
                    ROWS);
        }
    }

    /**
     * Packs rows of A, given transposed as {@code Aᵀ[depth, rows]} (the TN product).
     *
     * @param byteOffset of the first row's first element; any alignment
     * @param rowStride of Aᵀ in floats
     * @param packed at least {@link #packedLength} floats from {@code at} on
     */
    static void packRowsTransposed(
            MemorySegment a, long byteOffset, long rowStride, int rows, int depth, float[] packed, int at) {
        for (int row = 0; row < rows; row += ROWS) {
            GemmPacking.packColumns(
                    a,
                    byteOffset + (long) row * Float.BYTES,
                    rowStride,
                    Math.min(ROWS, rows - row),
                    depth,
                    packed,
                    at + row * depth,
                    ROWS);
        }
    }

    /**
     * Computes {@code C = bias + A · B} for panels {@code [firstPanel, lastPanel)}.
     *
     * @param packedA rows packed by {@link #packRows} with the panels' depth
     * @param bias one value per column, from column 0 of B, padded to whole panels
     * @param c the tile; element (row, column of the first panel + j) at {@code cOffset + row * cStride + j}; written
     *     up to {@link #paddedRows} rows and whole panels
     */
    static void multiply(
            float[] packedA,
            int rows,
            GemmPanels panels,
            int firstPanel,
            int lastPanel,
            float[] bias,
            float[] c,
            int cOffset,
            int cStride) {
        int depth = panels.depth();
        multiply(packedA, 0, rows, panels, firstPanel, lastPanel, depth, bias, COLUMNS, c, cOffset, cStride);
    }

    /**
     * {@link #multiply} without a bias, of rows that are packed from {@code at} on.
     *
     * @param end the steps of k before it: the depth, or where one of its blocks ends
     */
    static void multiply(
            float[] packedA,
            int at,
            int rows,
            GemmPanels panels,
            int firstPanel,
            int lastPanel,
            int end,
            float[] c,
            int cOffset,
            int cStride) {
        multiply(packedA, at, rows, panels, firstPanel, lastPanel, end, ZEROS, 0, c, cOffset, cStride);
    }

    /** Where the last block of k starts. */
    static int lastBlock(int depth) {
        int from = 0;
        for (int to = blockEnd(0, depth); to < depth; to = blockEnd(to, depth)) {
            from = to;
        }
        return from;
    }

    private static void multiply(
            float[] packedA,
            int at,
            int rows,
            GemmPanels panels,
            int firstPanel,
            int lastPanel,
            int end,
            float[] bias,
            int biasPanelStride,
            float[] c,
            int cOffset,
            int cStride) {
        MemorySegment b = panels.memory();
        int depth = panels.depth();
        int block = blockEnd(0, depth);
        for (int panel = firstPanel; panel < lastPanel; panel++) {
            long bOffset = panels.panelOffset(panel);
            int column = cOffset + (panel - firstPanel) * COLUMNS;
            int biasOffset = panel * biasPanelStride;
            for (int row = 0; row < rows; row += ROWS) {
                int tile = column + row * cStride;
                micro(packedA, at + row * depth, b, bOffset, block, bias, biasOffset, 0, c, tile, cStride);
            }
        }
        while (block < end) {
            int to = blockEnd(block, depth);
            addBlock(packedA, at, rows, panels, firstPanel, lastPanel, block, to, c, cOffset, cStride);
            block = to;
        }
    }

    /** Blocks of k outside, panels inside: the block of A stays in L2 while the panels pass by. */
    private static void addBlock(
            float[] packedA,
            int at,
            int rows,
            GemmPanels panels,
            int firstPanel,
            int lastPanel,
            int from,
            int to,
            float[] c,
            int cOffset,
            int cStride) {
        MemorySegment b = panels.memory();
        int depth = panels.depth();
        for (int panel = firstPanel; panel < lastPanel; panel++) {
            long bOffset = panels.panelOffset(panel) + (long) from * GemmPanels.ROW_BYTES;
            int column = cOffset + (panel - firstPanel) * COLUMNS;
            for (int row = 0; row < rows; row += ROWS) {
                int tile = column + row * cStride;
                micro(
                        packedA,
                        at + row * depth + from * ROWS,
                        b,
                        bOffset,
                        to - from,
                        c,
                        tile,
                        cStride,
                        c,
                        tile,
                        cStride);
            }
        }
    }

    /** The end of the block of k that starts at {@code from}: as few blocks as possible, all about as long. */
    private static int blockEnd(int from, int depth) {
        int left = depth - from;
        return from + Math.ceilDiv(left, Math.ceilDiv(left, DEPTH_BLOCK));
    }

    /**
     * One cell of C, {@link #ROWS} × {@link #COLUMNS}, for a run of k; see {@link Gemm8x2#run}. The choice is between
     * constants, so C2 sees one direct call.
     */
    static void micro(
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
        if (VectorSpec.LANES >= 16) {
            Gemm8x2.run(a, aOffset, b, bOffset, depth, init, initOffset, initStride, c, cOffset, cStride);
        } else {
            Gemm4x2.run(a, aOffset, b, bOffset, depth, init, initOffset, initStride, c, cOffset, cStride);
        }
    }
}
