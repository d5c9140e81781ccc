// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.Reservation;
import dev.darien.memory.SparseCodes;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The selection by latent: all rows are packed once, then each task computes the pre-activations of some latents, block of
 * rows by block of rows, and keeps the largest of each. No more than a block of them exists for each worker.
 */
final class VectorFeatureChoice implements AutoCloseable {
    private static final int LATENTS_PER_TASK = 128;
    /** Of a block. */
    private static final int ROWS = 128;

    private final Allocator memory;
    private final Team team;
    private final LargestRows largest;
    private float[][] packed = new float[0][];
    private final float[][] tiles;
    private @Nullable Reservation reservation;

    VectorFeatureChoice(Allocator memory, Team team) {
        this.memory = memory;
        this.team = team;
        largest = new LargestRows(memory);
        tiles = new float[team.threads()][0];
    }

    void select(
            Matrix x,
            VectorEncoder encoder,
            Matrix budgets,
            boolean keepNonPositive,
            SparseCodes codes,
            Matrix smallestKept) {
        encoder.requirePacked();
        int rows = x.intRows();
        int blocks = Math.ceilDiv(rows, ROWS);
        prepare(blocks, encoder.width());
        largest.start(budgets, rows, codes.capacity(), keepNonPositive);
        team.run(
                blocks,
                (block, worker) -> GemmKernel.packRows(
                        x.segment(),
                        x.rowOffset((long) block * ROWS),
                        x.stride(),
                        Math.min(ROWS, rows - block * ROWS),
                        encoder.width(),
                        packed[block],
                        0));
        int panelsPerTask = LATENTS_PER_TASK / GemmKernel.COLUMNS;
        team.run(Math.ceilDiv(encoder.panels.panelCount(), panelsPerTask), (task, worker) -> {
            int firstPanel = task * panelsPerTask;
            int lastPanel = Math.min(firstPanel + panelsPerTask, encoder.panels.panelCount());
            int first = firstPanel * GemmKernel.COLUMNS;
            int count = Math.min(lastPanel * GemmKernel.COLUMNS, encoder.latents()) - first;
            float[] tile = tiles[worker];
            for (int block = 0; block < blocks; block++) {
                int blockRows = Math.min(ROWS, rows - block * ROWS);
                GemmKernel.multiply(
                        packed[block],
                        blockRows,
                        encoder.panels,
                        firstPanel,
                        lastPanel,
                        encoder.bias,
                        tile,
                        0,
                        LATENTS_PER_TASK);
                for (int row = 0; row < blockRows; row++) {
                    largest.offer(block * ROWS + row, tile, row * LATENTS_PER_TASK, first, count);
                }
            }
        });
        largest.finish(codes, smallestKept);
    }

    private void prepare(int blocks, int depth) {
        int length = GemmKernel.packedLength(ROWS, depth);
        if (packed.length >= blocks && (blocks == 0 || packed[0].length >= length) && tiles[0].length > 0) {
            return;
        }
        release();
        int tileLength = GemmKernel.paddedRows(ROWS) * LATENTS_PER_TASK;
        int kept = Math.max(blocks, packed.length);
        reservation =
                memory.reserve("packed rows", Float.BYTES * ((long) kept * length + (long) tiles.length * tileLength));
        packed = new float[kept][length];
        for (int worker = 0; worker < tiles.length; worker++) {
            tiles[worker] = new float[tileLength];
        }
    }

    private void release() {
        if (reservation != null) {
            reservation.close();
            reservation = null;
        }
    }

    @Override
    public void close() {
        release();
        largest.close();
        packed = new float[0][];
        Arrays.fill(tiles, new float[0]);
    }
}
