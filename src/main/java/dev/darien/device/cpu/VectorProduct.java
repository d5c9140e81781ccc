// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.Product;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The product of two matrices that are packed for it alone, with vectors and a team. */
final class VectorProduct implements AutoCloseable {
    /** Of A, packed: with the panels a part of the last cache. */
    private static final int ROW_FLOATS = 1 << 22;

    /** Of B, packed. */
    private static final int PANEL_FLOATS = 1 << 19;

    private final Allocator memory;
    private final Team team;
    private final WorkerScratch[] scratch;
    private final ProductTile[] tiles;
    private float[] packedRows = new float[0];
    /** Made by the first product, and kept for the next. */
    private @Nullable GemmPanels panels;

    VectorProduct(Allocator memory, Team team, WorkerScratch[] scratch) {
        this.memory = memory;
        this.team = team;
        this.scratch = scratch;
        tiles = new ProductTile[team.threads()];
        Arrays.setAll(tiles, worker -> new ProductTile());
    }

    /**
     * For some rows of A some columns of B after others: so few that their panels are still in the last cache when the tasks
     * come to them, and never reach memory. The rows are packed with the first of the columns.
     */
    void multiply(Product product, Matrix a, Matrix b, Matrix out, boolean accumulate) {
        int depth = product == Product.TN ? a.intRows() : a.columns();
        int mostRows =
                Math.max(EncodeScratch.ROWS, ROW_FLOATS / Math.max(1, depth) / GemmKernel.ROWS * GemmKernel.ROWS);
        int mostColumns = Math.max(1, PANEL_FLOATS / Math.max(1, depth) / GemmKernel.COLUMNS) * GemmKernel.COLUMNS;
        for (int firstRow = 0; firstRow < out.intRows(); firstRow += mostRows) {
            int rows = Math.min(mostRows, out.intRows() - firstRow);
            int length = GemmKernel.packedLength(rows, depth);
            if (packedRows.length < length) {
                packedRows = new float[length];
            }
            for (int first = 0; first < out.columns(); first += mostColumns) {
                int columns = Math.min(mostColumns, out.columns() - first);
                GemmPanels panels = packColumns(product, b, first, columns, depth);
                multiplyPacked(product, a, firstRow, rows, panels, first, out, accumulate);
            }
        }
    }

    /** Packs {@code rows} of A for a task, whose part of the packed rows starts at {@code at}. */
    private void packRows(Product product, Matrix a, int row, int rows, int depth, int at) {
        if (product == Product.TN) {
            long from = (long) row * Float.BYTES;
            GemmKernel.packRowsTransposed(a.segment(), from, a.stride(), rows, depth, packedRows, at);
        } else {
            GemmKernel.packRows(a.segment(), a.rowOffset(row), a.stride(), rows, depth, packedRows, at);
        }
    }

    private GemmPanels packColumns(Product product, Matrix b, int first, int columns, int depth) {
        GemmPanels packed = panels(columns, depth);
        team.run(packed.panelCount(), (panel, worker) -> {
            float[] staging = scratch[worker].rows(GemmPanels.STAGING);
            if (product == Product.NT) {
                packed.pack(b.segment(), b.rowOffset(first), b.stride(), panel, panel + 1, staging);
            } else {
                packed.packTransposed(b.segment(), (long) first * Float.BYTES, b.stride(), panel, panel + 1, staging);
            }
        });
        return packed;
    }

    private GemmPanels panels(int columns, int depth) {
        GemmPanels current = panels;
        if (current == null) {
            current = new GemmPanels(memory, "packed matrix of a product", columns, depth);
            panels = current;
        } else {
            current.reshape(columns, depth);
        }
        return current;
    }

    private void multiplyPacked(
            Product product,
            Matrix a,
            int firstRow,
            int rows,
            GemmPanels panels,
            int firstColumn,
            Matrix out,
            boolean accumulate) {
        int depth = panels.depth();
        int perTask = EncodeScratch.rowsPerTask(rows, team.threads());
        team.run(VectorDense.tasks(rows, perTask), (task, worker) -> {
            int first = task * perTask;
            int count = Math.min(perTask, rows - first);
            if (firstColumn == 0) {
                packRows(product, a, firstRow + first, count, depth, first * depth);
            }
            ProductTile tile = tiles[worker];
            for (int panel = 0; panel < panels.panelCount(); panel += EncodeScratch.TILE_PANELS) {
                int lastPanel = Math.min(panel + EncodeScratch.TILE_PANELS, panels.panelCount());
                tile.multiply(
                        packedRows,
                        first * depth,
                        count,
                        panels,
                        panel,
                        lastPanel,
                        out,
                        firstRow + first,
                        firstColumn,
                        accumulate);
            }
        });
    }

    @Override
    public void close() {
        if (panels != null) {
            panels.close();
        }
    }
}
