// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

/** One worker's space for encoding: packed rows, a tile of pre-activations, and the selections in progress. */
final class EncodeScratch {
    /** Most rows of a task: for each panel that comes from L3 or memory once, enough products to hide the way. */
    static final int ROWS = 512;

    /** Fewer rows, down to these, keep all threads busy. */
    private static final int BALANCED_ROWS = 128;

    /** Latents of a tile, a multiple of every panel width: with all rows' it stays in L2 beside a block of A. */
    static final int TILE_COLUMNS = 256;

    /** From row to row of a tile: at a distance of a power of 2 they would meet in the same few lines of the caches. */
    static final int TILE_STRIDE = TILE_COLUMNS + 16;

    static final int TILE_PANELS = TILE_COLUMNS / GemmKernel.COLUMNS;

    final float[] packedRows;
    final float[] tile = new float[GemmKernel.paddedRows(ROWS) * TILE_STRIDE];
    final RowTopK[] main = new RowTopK[ROWS];
    final RowTopK[] dead = new RowTopK[ROWS];
    final GroupMaxRows groupMax = new GroupMaxRows();

    EncodeScratch(int depth) {
        packedRows = new float[GemmKernel.packedLength(ROWS, depth)];
        for (int row = 0; row < ROWS; row++) {
            main[row] = new RowTopK();
            dead[row] = new RowTopK();
        }
    }

    /** Begins selections of {@code k} for so many rows. */
    static void reset(RowTopK[] selections, int rows, int k) {
        for (int row = 0; row < rows; row++) {
            selections[row].reset(k);
        }
    }

    /** Rows for each task of a batch, so that all threads have as many tasks; results don't depend on it. */
    static int rowsPerTask(int rows, int threads) {
        int wanted = Math.clamp(Math.ceilDiv(rows, threads), BALANCED_ROWS, ROWS);
        int tasks = Math.ceilDiv(Math.ceilDiv(rows, wanted), threads) * threads;
        return Math.clamp(GemmKernel.paddedRows(Math.ceilDiv(rows, Math.max(1, tasks))), 1, ROWS);
    }

    static long bytes(int depth) {
        return Float.BYTES
                * ((long) GemmKernel.packedLength(ROWS, depth) + (long) GemmKernel.paddedRows(ROWS) * TILE_STRIDE);
    }
}
