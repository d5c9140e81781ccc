// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.DeadSelection;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.Reservation;
import dev.darien.memory.SparseCodes;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/** The selection by magnitude: of each row of a tile the magnitudes are offered, and the values are what is selected. */
final class VectorAbsTopK implements AutoCloseable {
    private static final VectorSpecies<Float> SPECIES = VectorSpec.SPECIES;
    private static final int LANES = VectorSpec.LANES;
    private static final int COLUMNS = EncodeScratch.TILE_COLUMNS;

    private final Team team;
    private final Space[] spaces;
    private final Reservation reservation;

    /** One row of a tile for each worker: magnitudes, and of dead latents the values and their magnitudes. */
    private static final class Space {
        final float[] magnitudes = new float[COLUMNS];
        final float[] deadValues = new float[COLUMNS];
        final float[] deadMagnitudes = new float[COLUMNS];
    }

    VectorAbsTopK(Allocator memory, Team team) {
        this.team = team;
        spaces = new Space[team.threads()];
        for (int worker = 0; worker < spaces.length; worker++) {
            spaces[worker] = new Space();
        }
        reservation = memory.reserve("magnitudes", 3L * spaces.length * COLUMNS * Float.BYTES);
    }

    void select(
            VectorEncode encode,
            Matrix x,
            VectorEncoder encoder,
            int k,
            @Nullable DeadSelection dead,
            SparseCodes codes) {
        int tasks = encode.begin(x, encoder, dead);
        team.run(tasks, (task, worker) -> {
            int firstRow = task * encode.rowsPerTask();
            int rows = Math.min(encode.rowsPerTask(), x.intRows() - firstRow);
            selectRows(x, encoder, firstRow, rows, worker, k, dead);
            VectorEncode.finishRows(encoder.scratch(worker).main, rows, k, encoder.mainEntries()[task]);
            if (dead != null) {
                TaskEntries deadEntries = encoder.deadEntries()[task];
                VectorEncode.finishRows(encoder.scratch(worker).dead, rows, dead.k(), deadEntries);
                // They were numbered by their places in the list.
                for (int entry = 0; entry < deadEntries.end(); entry++) {
                    deadEntries.indices[entry] = encoder.deadLatents[deadEntries.indices[entry]];
                }
            }
        });
        encode.finish(encoder.mainEntries(), tasks, codes);
        encode.finishDead(encoder, tasks, dead);
        encoder.countEntries(tasks);
    }

    private void selectRows(
            Matrix x, VectorEncoder encoder, int firstRow, int rows, int worker, int k, @Nullable DeadSelection dead) {
        EncodeScratch scratch = encoder.scratch(worker);
        Space space = spaces[worker];
        encoder.packRows(x, firstRow, rows, scratch);
        EncodeScratch.reset(scratch.main, rows, k);
        if (dead != null) {
            EncodeScratch.reset(scratch.dead, rows, dead.k());
        }
        for (int tile = 0; tile < encoder.tiles(); tile++) {
            encoder.multiplyTile(scratch, tile, rows);
            int latents = encoder.latentsOf(tile);
            for (int row = 0; row < rows; row++) {
                int offset = row * EncodeScratch.TILE_STRIDE;
                magnitudes(scratch.tile, offset, latents, space.magnitudes);
                scratch.main[row].accept(space.magnitudes, 0, scratch.tile, offset, latents, tile * COLUMNS);
                if (dead != null) {
                    acceptDead(encoder, scratch, space, tile, row);
                }
            }
        }
    }

    private static void acceptDead(VectorEncoder encoder, EncodeScratch scratch, Space space, int tile, int row) {
        int first = encoder.deadBefore[tile];
        int count = encoder.deadBefore[tile + 1] - first;
        int shift = row * EncodeScratch.TILE_STRIDE - tile * COLUMNS;
        for (int at = 0; at < count; at++) {
            float value = scratch.tile[shift + encoder.deadLatents[first + at]];
            space.deadValues[at] = value;
            space.deadMagnitudes[at] = Math.abs(value);
        }
        scratch.dead[row].accept(space.deadMagnitudes, 0, space.deadValues, 0, count, first);
    }

    /** Of a stretch of {@code values}. */
    private static void magnitudes(float[] values, int offset, int length, float[] out) {
        int at = 0;
        for (; at <= length - LANES; at += LANES) {
            FloatVector.fromArray(SPECIES, values, offset + at).abs().intoArray(out, at);
        }
        for (; at < length; at++) {
            out[at] = Math.abs(values[offset + at]);
        }
    }

    @Override
    public void close() {
        reservation.close();
    }
}
