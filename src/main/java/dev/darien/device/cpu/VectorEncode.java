// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.DeadSelection;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Encoding in tasks of some rows: for each tile of latents the product, then at once, while the tile is in cache, the
 * selection. Nothing of size B×F is ever written; what a task selects waits in its own buffers until the offsets of all
 * rows are known.
 */
final class VectorEncode {
    /** A guess this much below the last threshold nearly always lets enough through. */
    private static final float GUESS_MARGIN = 0.85f;

    private static final int LOWERED_GUESSES = 6;

    private final Team team;
    /** Of the batch that is being encoded. */
    private int rowsPerTask = EncodeScratch.ROWS;

    VectorEncode(Team team) {
        this.team = team;
    }

    /** Rows of each task of the batch that is being encoded. */
    int rowsPerTask() {
        return rowsPerTask;
    }

    /** Selects from the tile of one row. */
    private enum Rule {
        TOP_K,
        GROUP_MAX,
        ABOVE,
        WINDOW
    }

    void topK(Matrix x, VectorEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        int tasks = begin(x, encoder, dead);
        team.run(tasks, (task, worker) -> encodeTask(x, encoder, task, worker, Rule.TOP_K, k, 0, dead));
        finish(encoder.mainEntries(), tasks, codes);
        finishDead(encoder, tasks, dead);
        encoder.countEntries(tasks);
    }

    void groupMax(Matrix x, VectorEncoder encoder, int groups, @Nullable DeadSelection dead, SparseCodes codes) {
        int tasks = begin(x, encoder, dead);
        team.run(tasks, (task, worker) -> encodeTask(x, encoder, task, worker, Rule.GROUP_MAX, groups, 0, dead));
        finish(encoder.mainEntries(), tasks, codes);
        finishDead(encoder, tasks, dead);
        encoder.countEntries(tasks);
    }

    /** Of each tile only the panels that have dead latents are multiplied. */
    void dead(Matrix x, VectorEncoder encoder, DeadSelection dead) {
        int tasks = begin(x, encoder, dead);
        team.run(tasks, (task, worker) -> deadTask(x, encoder, task, worker, dead.k()));
        finishDead(encoder, tasks, dead);
        encoder.countEntries(tasks);
    }

    private void deadTask(Matrix x, VectorEncoder encoder, int task, int worker, int k) {
        EncodeScratch scratch = encoder.scratch(worker);
        int firstRow = task * rowsPerTask;
        int rows = Math.min(rowsPerTask, x.intRows() - firstRow);
        TaskEntries entries = encoder.deadEntries()[task];
        EncodeScratch.reset(scratch.dead, rows, k);
        if (encoder.deadBefore[encoder.tiles()] > 0) {
            encoder.packRows(x, firstRow, rows, scratch);
        }
        for (int tile = 0; tile < encoder.tiles(); tile++) {
            int last = encoder.deadBefore[tile + 1];
            for (int at = encoder.deadBefore[tile]; at < last; ) {
                int panel = encoder.deadLatents[at] / GemmKernel.COLUMNS;
                int end = panel + 1;
                // Neighbouring panels at once.
                while (at < last && encoder.deadLatents[at] < end * GemmKernel.COLUMNS) {
                    at++;
                    boolean next = at < last && encoder.deadLatents[at] / GemmKernel.COLUMNS == end;
                    end += next ? 1 : 0;
                }
                GemmKernel.multiply(
                        scratch.packedRows,
                        rows,
                        encoder.panels,
                        panel,
                        end,
                        encoder.bias,
                        scratch.tile,
                        panel * GemmKernel.COLUMNS - tile * EncodeScratch.TILE_COLUMNS,
                        EncodeScratch.TILE_STRIDE);
            }
            for (int row = 0; row < rows; row++) {
                selectDead(encoder, scratch, tile, row);
            }
        }
        finishRows(scratch.dead, rows, k, entries);
    }

    void threshold(Matrix x, VectorEncoder encoder, @Nullable Matrix thresholds, float bandwidth, SparseCodes codes) {
        int tasks = begin(x, encoder, null);
        if (thresholds == null) {
            Arrays.fill(encoder.thresholds, 0);
        } else {
            MemorySegment.copy(thresholds.segment(), Matrix.FLOAT, 0, encoder.thresholds, 0, encoder.latents());
        }
        Rule rule = bandwidth > 0 ? Rule.WINDOW : Rule.ABOVE;
        team.run(tasks, (task, worker) -> encodeTask(x, encoder, task, worker, rule, 0, bandwidth, null));
        finish(encoder.mainEntries(), tasks, codes);
        encoder.countEntries(tasks);
    }

    /**
     * Candidates are all values above a guess; if at least the budget pass, the budget-th largest of them is that of
     * the batch, whatever the guess was. If too few pass, the guess is lowered and the batch encoded again.
     */
    void batchTopK(
            Matrix x,
            VectorEncoder encoder,
            long budget,
            @Nullable DeadSelection dead,
            SparseCodes codes,
            Matrix smallestKept) {
        int tasks = begin(x, encoder, dead);
        TaskEntries[] entries = encoder.mainEntries();
        float guess = encoder.guess > 0 ? encoder.guess : sampleGuess(x, encoder, budget);
        long candidates = collect(x, encoder, tasks, guess, dead);
        for (int attempt = 0; candidates < budget && guess > 0; attempt++) {
            guess = attempt < LOWERED_GUESSES ? guess / 2 : 0;
            candidates = collect(x, encoder, tasks, guess, dead);
        }
        if (candidates > budget) {
            cutToBudget(encoder, tasks, budget);
        }
        long total = finish(entries, tasks, codes);
        finishDead(encoder, tasks, dead);
        encoder.countEntries(tasks);
        if (total > 0) {
            float smallest = smallest(codes, total);
            smallestKept.segment().set(Matrix.FLOAT, 0, smallest);
            encoder.guess = smallest * GUESS_MARGIN;
        }
    }

    /** What the first rows suggest: the value that one and a half times their share of the budget exceed. */
    private float sampleGuess(Matrix x, VectorEncoder encoder, long budget) {
        int rows = Math.min(x.intRows(), rowsPerTask);
        Arrays.fill(encoder.thresholds, 0);
        team.run(1, (task, worker) -> encodeTask(x, encoder, 0, worker, Rule.ABOVE, 0, 0, null));
        TaskEntries first = encoder.mainEntries()[0];
        long share = Math.max(1, (long) (1.5 * budget * rows / x.rows()));
        int count = first.count();
        if (count <= share) {
            return 0;
        }
        return valueAtRank(encoder, 1, share);
    }

    private long collect(Matrix x, VectorEncoder encoder, int tasks, float guess, @Nullable DeadSelection dead) {
        Arrays.fill(encoder.thresholds, guess);
        team.run(tasks, (task, worker) -> encodeTask(x, encoder, task, worker, Rule.ABOVE, 0, 0, dead));
        long candidates = 0;
        for (int task = 0; task < tasks; task++) {
            candidates += encoder.mainEntries()[task].count();
        }
        return candidates;
    }

    private void cutToBudget(VectorEncoder encoder, int tasks, long budget) {
        TaskEntries[] entries = encoder.mainEntries();
        float threshold = valueAtRank(encoder, tasks, budget);
        // Ties at the threshold belong to the first rows.
        long left = budget;
        for (int task = 0; task < tasks; task++) {
            left -= entries[task].countAbove(threshold);
        }
        for (int task = 0; task < tasks; task++) {
            int ties = Math.clamp(left, 0, entries[task].countEqual(threshold));
            entries[task].keepAbove(threshold, ties);
            left -= ties;
        }
    }

    /** The {@code rank}-th largest value, by two histograms over the halves of the bits. */
    private static float valueAtRank(VectorEncoder encoder, int tasks, long rank) {
        int[] histogram = encoder.histogram;
        Arrays.fill(histogram, 0);
        for (int task = 0; task < tasks; task++) {
            encoder.mainEntries()[task].countUpperBits(histogram);
        }
        long left = rank;
        int upper = histogram.length - 1;
        while (left > histogram[upper]) {
            left -= histogram[upper--];
        }
        Arrays.fill(histogram, 0);
        for (int task = 0; task < tasks; task++) {
            encoder.mainEntries()[task].countLowerBits(upper, histogram);
        }
        int lower = histogram.length - 1;
        while (left > histogram[lower]) {
            left -= histogram[lower--];
        }
        return Float.intBitsToFloat(upper << 16 | lower);
    }

    private static float smallest(SparseCodes codes, long total) {
        float smallest = Float.POSITIVE_INFINITY;
        for (int entry = 0; entry < total; entry++) {
            smallest = Math.min(smallest, codes.value(entry));
        }
        return smallest;
    }

    /** Makes everything ready for a batch; returns the number of tasks. */
    int begin(Matrix x, VectorEncoder encoder, @Nullable DeadSelection dead) {
        encoder.requirePacked();
        rowsPerTask = EncodeScratch.rowsPerTask(x.intRows(), team.threads());
        int tasks = Math.ceilDiv(x.intRows(), rowsPerTask);
        encoder.prepare(team.threads(), tasks);
        if (dead != null) {
            copyDead(encoder, dead);
        }
        return tasks;
    }

    private static void copyDead(VectorEncoder encoder, DeadSelection dead) {
        int count = ScalarEncode.deadCount(dead, encoder.latents());
        MemorySegment.copy(dead.latents().segment(), Matrix.INT, 0, encoder.deadLatents, 0, count);
        int before = 0;
        for (int tile = 0; tile < encoder.tiles(); tile++) {
            encoder.deadBefore[tile] = before;
            int tileEnd = (tile + 1) * EncodeScratch.TILE_COLUMNS;
            while (before < count && encoder.deadLatents[before] < tileEnd) {
                before++;
            }
        }
        encoder.deadBefore[encoder.tiles()] = count;
    }

    private void encodeTask(
            Matrix x,
            VectorEncoder encoder,
            int task,
            int worker,
            Rule rule,
            int k,
            float bandwidth,
            @Nullable DeadSelection dead) {
        EncodeScratch scratch = encoder.scratch(worker);
        TaskEntries entries = encoder.mainEntries()[task];
        int firstRow = task * rowsPerTask;
        int rows = Math.min(rowsPerTask, x.intRows() - firstRow);
        entries.clear(rows);
        encoder.packRows(x, firstRow, rows, scratch);
        if (rule == Rule.TOP_K) {
            EncodeScratch.reset(scratch.main, rows, k);
        }
        if (dead != null) {
            EncodeScratch.reset(scratch.dead, rows, dead.k());
        }
        for (int tile = 0; tile < encoder.tiles(); tile++) {
            encoder.multiplyTile(scratch, tile, rows);
            int firstLatent = tile * EncodeScratch.TILE_COLUMNS;
            int latents = encoder.latentsOf(tile);
            for (int row = 0; row < rows; row++) {
                if (rule == Rule.GROUP_MAX) {
                    scratch.groupMax.select(scratch.tile, row, firstLatent, latents, encoder.latents(), k, entries);
                } else {
                    selectRow(encoder, scratch, entries, row, firstLatent, latents, rule, bandwidth);
                }
                if (dead != null) {
                    selectDead(encoder, scratch, tile, row);
                }
            }
        }
        if (rule == Rule.TOP_K) {
            finishRows(scratch.main, rows, k, entries);
        }
        if (dead != null) {
            finishRows(scratch.dead, rows, dead.k(), encoder.deadEntries()[task]);
        }
    }

    /** One row's dead latents of a tile. */
    static void selectDead(VectorEncoder encoder, EncodeScratch scratch, int tile, int row) {
        scratch.dead[row].maskedAccept(
                scratch.tile,
                row * EncodeScratch.TILE_STRIDE,
                encoder.deadLatents,
                encoder.deadBefore[tile],
                encoder.deadBefore[tile + 1],
                tile * EncodeScratch.TILE_COLUMNS);
    }

    private static void selectRow(
            VectorEncoder encoder,
            EncodeScratch scratch,
            TaskEntries entries,
            int row,
            int firstLatent,
            int latents,
            Rule rule,
            float bandwidth) {
        int offset = row * EncodeScratch.TILE_STRIDE;
        if (rule == Rule.TOP_K) {
            scratch.main[row].accept(scratch.tile, offset, latents, firstLatent);
            return;
        }
        entries.ensure(latents);
        int end = rule == Rule.ABOVE
                ? TileSelect.selectAbove(
                        scratch.tile,
                        offset,
                        latents,
                        encoder.thresholds,
                        firstLatent,
                        entries.indices,
                        entries.values,
                        entries.end())
                : TileSelect.selectWindow(
                        scratch.tile,
                        offset,
                        latents,
                        encoder.thresholds,
                        bandwidth,
                        firstLatent,
                        entries.indices,
                        entries.values,
                        entries.end());
        entries.endRun(end);
    }

    /** What the rows of a task have selected becomes its only entries. */
    static void finishRows(RowTopK[] selections, int rows, int k, TaskEntries entries) {
        entries.clear(rows);
        for (int row = 0; row < rows; row++) {
            entries.ensure(k);
            entries.endRun(entries.end() + selections[row].finish(entries.indices, entries.values, entries.end()));
        }
    }

    void finishDead(VectorEncoder encoder, int tasks, @Nullable DeadSelection dead) {
        if (dead != null) {
            finish(encoder.deadEntries(), tasks, dead.codes());
        }
    }

    /** Gathers what the tasks have selected; returns how much that is. */
    long finish(TaskEntries[] entries, int tasks, SparseCodes codes) {
        long total = TaskEntries.prefixSums(entries, tasks, codes.offsets());
        MemorySegment offsets = codes.offsets().segment();
        if (total > codes.capacity()) {
            int row = 0;
            while (offsets.get(Matrix.LONG, (row + 1L) * Long.BYTES) <= codes.capacity()) {
                row++;
            }
            throw ScalarEncode.overflow(codes, row);
        }
        team.run(
                tasks,
                (task, worker) ->
                        entries[task].copyTo(codes, offsets.get(Matrix.LONG, (long) task * rowsPerTask * Long.BYTES)));
        return total;
    }
}
