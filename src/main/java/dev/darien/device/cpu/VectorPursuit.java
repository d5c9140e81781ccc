// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.Pursuit;
import dev.darien.device.PursuitSteps;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.Reservation;
import dev.darien.memory.SparseCodes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Matching pursuit in tasks of some rows, which go through all their steps together: each step is a product of the rows'
 * residuals with the dictionary, tile by tile of latents, of which each row keeps the largest. Space for as many rows
 * belongs to each worker; nothing of size B×F exists.
 */
final class VectorPursuit implements AutoCloseable {
    private static final int ROWS = EncodeScratch.ROWS;

    private final Allocator memory;
    private final Team team;
    private final Space[] spaces;
    private int steps;
    private @Nullable Reservation reservation;

    /** What a worker pursues its rows in. */
    private static final class Space {
        final float[] residuals;
        final MemorySegment segment;
        final PursuitRow[] rows = new PursuitRow[ROWS];
        final boolean[] done = new boolean[ROWS];
        final int[] latent = new int[1];
        final float[] value = new float[1];

        Space(int width, int room) {
            residuals = new float[ROWS * width];
            segment = MemorySegment.ofArray(residuals);
            Arrays.setAll(rows, row -> new PursuitRow(new int[room], new float[room]));
        }
    }

    VectorPursuit(Allocator memory, Team team) {
        this.memory = memory;
        this.team = team;
        spaces = new Space[team.threads()];
    }

    void encode(Matrix x, VectorEncoder dictionary, Pursuit limits, @Nullable PursuitSteps order, SparseCodes codes) {
        dictionary.requirePacked();
        int rowsPerTask = EncodeScratch.rowsPerTask(x.intRows(), team.threads());
        int tasks = Math.ceilDiv(x.intRows(), rowsPerTask);
        dictionary.prepare(team.threads(), tasks);
        prepare(dictionary.width(), Math.min(limits.steps(), dictionary.latents()));
        TaskEntries[] entries = dictionary.mainEntries();
        team.run(
                tasks,
                (task, worker) -> pursue(
                        x,
                        task * rowsPerTask,
                        Math.min(rowsPerTask, x.intRows() - task * rowsPerTask),
                        dictionary,
                        worker,
                        limits,
                        order,
                        entries[task]));
        TaskEntries.prefixSums(entries, tasks, codes.offsets());
        MemorySegment offsets = codes.offsets().segment();
        team.run(
                tasks,
                (task, worker) ->
                        entries[task].copyTo(codes, offsets.get(Matrix.LONG, (long) task * rowsPerTask * Long.BYTES)));
        dictionary.countEntries(tasks);
    }

    private void pursue(
            Matrix x,
            int first,
            int rows,
            VectorEncoder dictionary,
            int worker,
            Pursuit limits,
            @Nullable PursuitSteps order,
            TaskEntries entries) {
        Space space = spaces[worker];
        EncodeScratch scratch = dictionary.scratch(worker);
        int width = dictionary.width();
        for (int row = 0; row < rows; row++) {
            MemorySegment.copy(
                    x.segment(), Matrix.FLOAT, x.rowOffset(first + row), space.residuals, row * width, width);
            space.rows[row].clear();
            space.done[row] = false;
        }
        int left = rows;
        for (int step = 0; step < limits.steps(); step++) {
            if (left > 0) {
                largestProducts(dictionary, scratch, space, rows);
            }
            for (int row = 0; row < rows; row++) {
                int latent = -1;
                if (!space.done[row]) {
                    latent = take(dictionary, scratch.main[row], space, row, limits);
                    left -= space.done[row] ? 1 : 0;
                }
                ScalarPursuit.put(order, step, first + row, latent, space.value[0]);
            }
        }
        entries.clear(rows);
        for (int row = 0; row < rows; row++) {
            PursuitRow found = space.rows[row];
            entries.ensure(found.size());
            found.copy(entries.indices, entries.values, entries.end());
            entries.endRun(entries.end() + found.size());
        }
    }

    /** Leaves each row's largest product with the dictionary in its selection. */
    private static void largestProducts(VectorEncoder dictionary, EncodeScratch scratch, Space space, int rows) {
        int width = dictionary.width();
        GemmKernel.packRows(space.segment, 0, width, rows, width, scratch.packedRows, 0);
        EncodeScratch.reset(scratch.main, rows, 1);
        for (int tile = 0; tile < dictionary.tiles(); tile++) {
            dictionary.multiplyTile(scratch, tile, rows);
            int firstLatent = tile * EncodeScratch.TILE_COLUMNS;
            int latents = dictionary.latentsOf(tile);
            for (int row = 0; row < rows; row++) {
                if (!space.done[row]) {
                    scratch.main[row].accept(scratch.tile, row * EncodeScratch.TILE_STRIDE, latents, firstLatent);
                }
            }
        }
    }

    /** A row's step, whose value is left in the space; returns the latent, or -1 if there is none to take. */
    private static int take(VectorEncoder dictionary, RowTopK largest, Space space, int row, Pursuit limits) {
        if (largest.finish(space.latent, space.value, 0) == 0) {
            space.done[row] = true;
            return -1;
        }
        int latent = space.latent[0];
        float value = space.value[0];
        boolean repeats = space.rows[row].add(latent, value);
        int width = dictionary.width();
        int offset = row * width;
        MemorySegment panels = dictionary.panels.memory();
        long at = dictionary.panels.columnOffset(latent);
        for (int column = 0; column < width; column++) {
            float weight = panels.get(Matrix.FLOAT, at + (long) column * GemmPanels.ROW_BYTES);
            space.residuals[offset + column] = Math.fma(-value, weight, space.residuals[offset + column]);
        }
        space.done[row] = ScalarPursuit.ended(limits, repeats, space.residuals, offset, width);
        return latent;
    }

    /** Allocates only for more steps than ever before. */
    private void prepare(int width, int room) {
        if (room <= steps) {
            return;
        }
        close();
        reservation =
                memory.reserve("matching pursuit", spaces.length * (long) ROWS * (width + 2L * room) * Float.BYTES);
        steps = room;
        Arrays.setAll(spaces, worker -> new Space(width, room));
    }

    @Override
    public void close() {
        if (reservation != null) {
            reservation.close();
            reservation = null;
        }
    }
}
