// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.memory.Matrix;

/**
 * One worker's part of a product that is stored: blocks of k meet in a tile, and what the last of them completes goes out
 * cell by cell, so that the way to memory passes while the next cell is multiplied.
 */
final class ProductTile {
    private final float[] cell = new float[GemmKernel.ROWS * GemmKernel.COLUMNS];
    private float[] tile = new float[0];

    /**
     * {@code out[firstRow + r, firstColumn + c] (+)= Σ_k A[r, k] · B[k, c]}, for panels {@code [firstPanel, lastPanel)}, at
     * most {@link EncodeScratch#TILE_PANELS}.
     *
     * @param packedA rows packed by {@link GemmKernel#packRows} from {@code at} on
     * @param firstColumn of {@code out}, where column 0 of the panels goes
     */
    void multiply(
            float[] packedA,
            int at,
            int rows,
            GemmPanels panels,
            int firstPanel,
            int lastPanel,
            Matrix out,
            int firstRow,
            int firstColumn,
            boolean accumulate) {
        int depth = panels.depth();
        int last = GemmKernel.lastBlock(depth);
        float[] init = GemmKernel.ZEROS;
        int stride = 0;
        if (last > 0) {
            init = tile();
            stride = EncodeScratch.TILE_STRIDE;
            GemmKernel.multiply(packedA, at, rows, panels, firstPanel, lastPanel, last, init, 0, stride);
        }
        for (int panel = firstPanel; panel < lastPanel; panel++) {
            long b = panels.panelOffset(panel) + (long) last * GemmPanels.ROW_BYTES;
            int column = panel * GemmKernel.COLUMNS;
            int columns = Math.min(GemmKernel.COLUMNS, panels.columns() - column);
            for (int row = 0; row < rows; row += GemmKernel.ROWS) {
                int a = at + row * depth + last * GemmKernel.ROWS;
                int from = last > 0 ? row * stride + (panel - firstPanel) * GemmKernel.COLUMNS : 0;
                GemmKernel.micro(
                        packedA, a, panels.memory(), b, depth - last, init, from, stride, cell, 0, GemmKernel.COLUMNS);
                int count = Math.min(GemmKernel.ROWS, rows - row);
                store(out, firstRow + row, count, firstColumn + column, columns, accumulate);
            }
        }
    }

    private void store(Matrix out, int firstRow, int rows, int firstColumn, int columns, boolean accumulate) {
        for (int row = 0; row < rows; row++) {
            long at = out.rowOffset(firstRow + (long) row) + (long) firstColumn * Float.BYTES;
            RowMath.store(cell, row * GemmKernel.COLUMNS, 1, accumulate, out.segment(), at, columns);
        }
    }

    private float[] tile() {
        if (tile.length == 0) {
            tile = new float[GemmKernel.paddedRows(EncodeScratch.ROWS) * EncodeScratch.TILE_STRIDE];
        }
        return tile;
    }
}
