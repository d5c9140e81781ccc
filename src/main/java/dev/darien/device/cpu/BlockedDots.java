// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.lang.foreign.MemorySegment;

/**
 * The gradients of codes where a row has many, as with JumpReLU's window: rows are taken in blocks, and for each block the
 * dictionary tile by tile, so that a tile is read from a near cache by all rows that name it. Each product is the same as
 * row by row.
 */
final class BlockedDots {
    private static final int ROWS_PER_TASK = 64;

    /** Of the dictionary: a part of the second-level cache, most of which is left to the block's rows and codes. */
    private static final int TILE_BYTES = 1 << 19;

    /** Fewer products for each row of a tile aren't worth the way through the tiles. */
    private static final int LEAST_REUSE = 2;

    private final Team team;
    private final WorkerScratch[] scratch;

    BlockedDots(Team team, WorkerScratch[] scratch) {
        this.team = team;
        this.scratch = scratch;
    }

    static boolean worthwhile(SparseCodes codes) {
        long perLatent = (long) codes.entries() * Math.min(ROWS_PER_TASK, codes.rows());
        return codes.rows() > 0 && perLatent >= (long) LEAST_REUSE * codes.rows() * codes.latents();
    }

    /** {@code codeGradients[entry] = residual[row] · wDec[latent]}. */
    void run(SparseCodes codes, Matrix wDec, Matrix residual, Matrix codeGradients) {
        int rows = codes.rows();
        team.run(VectorDense.tasks(rows, ROWS_PER_TASK), (task, worker) -> {
            int first = task * ROWS_PER_TASK;
            block(codes, wDec, residual, codeGradients, first, Math.min(rows, first + ROWS_PER_TASK), scratch[worker]);
        });
    }

    private static void block(
            SparseCodes codes,
            Matrix wDec,
            Matrix residual,
            Matrix codeGradients,
            int first,
            int last,
            WorkerScratch mine) {
        int columns = wDec.columns();
        int base = codes.start(first);
        int entries = codes.start(last) - base;
        mine.entries(entries);
        mine.rows((last - first) * columns);
        mine.cursors(last - first);
        MemorySegment.copy(
                codes.indices().segment(), Matrix.INT, (long) base * Integer.BYTES, mine.indices, 0, entries);
        for (int row = first; row < last; row++) {
            mine.cursors[row - first] = codes.start(row) - base;
            MemorySegment.copy(
                    residual.segment(),
                    Matrix.FLOAT,
                    residual.rowOffset(row),
                    mine.row,
                    (row - first) * columns,
                    columns);
        }
        int tileLatents = Math.max(64, TILE_BYTES / Float.BYTES / columns);
        for (long tileEnd = tileLatents; tileEnd < codes.latents() + (long) tileLatents; tileEnd += tileLatents) {
            for (int row = first; row < last; row++) {
                int from = mine.cursors[row - first];
                int end = codes.start(row + 1) - base;
                int to = from;
                while (to < end && mine.indices[to] < tileEnd) {
                    to++;
                }
                mine.cursors[row - first] = to;
                SparseRows.dots(
                        wDec.segment(),
                        0,
                        wDec.stride(),
                        columns,
                        mine.indices,
                        from,
                        to,
                        mine.row,
                        (row - first) * columns,
                        mine.gradients,
                        mine.lanes);
            }
        }
        MemorySegment.copy(
                mine.gradients, 0, codeGradients.segment(), Matrix.FLOAT, (long) base * Float.BYTES, entries);
    }
}
