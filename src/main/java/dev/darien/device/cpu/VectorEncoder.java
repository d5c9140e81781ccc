// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.PackedEncoder;
import dev.darien.device.Shapes;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.Reservation;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Encoder weights in the panels of the product, and the space that encoding works in. What of it is on the heap is counted
 * at the device's allocator like the rest.
 */
final class VectorEncoder implements PackedEncoder {
    private final int latents;
    private final int width;
    private final Allocator allocator;
    private final List<Reservation> reservations = new ArrayList<>();
    final GemmPanels panels;
    final float[] bias;
    final float[] thresholds;
    final int[] deadLatents;
    /** How many dead latents lie before each tile. */
    final int[] deadBefore;

    private EncodeScratch[] scratch = new EncodeScratch[0];
    private TaskEntries[] mainEntries = new TaskEntries[0];
    private TaskEntries[] deadEntries = new TaskEntries[0];
    private boolean packed;
    private boolean closed;
    private long entryBytes;

    private @Nullable VectorFeatureChoice featureChoice;
    private @Nullable VectorPursuit pursuit;
    private @Nullable VectorAbsTopK absTopK;

    final int[] histogram = new int[1 << 16];
    /** Just below where the last batch-wide selection ended: where the next one most likely will. */
    float guess;

    VectorEncoder(Allocator allocator, int latents, int width) {
        Shapes.encoderSize(latents, width);
        this.latents = latents;
        this.width = width;
        this.allocator = allocator;
        int padded = Math.ceilDiv(latents, GemmKernel.COLUMNS) * GemmKernel.COLUMNS;
        bias = new float[padded];
        thresholds = new float[padded];
        deadLatents = new int[latents];
        deadBefore = new int[tiles() + 1];
        panels = new GemmPanels(allocator, "packed encoder", latents, width);
        count("biases, thresholds and dead latents of an encoder", 3L * padded * Float.BYTES);
    }

    /** Tiles of latents that a row is encoded in. */
    int tiles() {
        return Math.ceilDiv(latents, EncodeScratch.TILE_COLUMNS);
    }

    void pack(Team team, WorkerScratch[] workers, Matrix wEnc, Matrix bEnc) {
        requireOpen();
        int perTask = Math.max(1, 256 / GemmKernel.COLUMNS);
        int tasks = Math.ceilDiv(panels.panelCount(), perTask);
        team.run(
                tasks,
                (task, worker) -> panels.pack(
                        wEnc.segment(),
                        0,
                        wEnc.stride(),
                        task * perTask,
                        Math.min((task + 1) * perTask, panels.panelCount()),
                        workers[worker].rows(GemmPanels.STAGING)));
        MemorySegment.copy(bEnc.segment(), Matrix.FLOAT, 0, bias, 0, latents);
        packed = true;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("this encoder of " + latents + " latents is closed");
        }
    }

    void requirePacked() {
        requireOpen();
        if (!packed) {
            throw new IllegalStateException("an encoder must be packed with weights before it can encode");
        }
    }

    /** Space for each worker and each task of a batch; allocates only when there are more than ever before. */
    void prepare(int workers, int tasks) {
        if (scratch.length < workers) {
            int before = scratch.length;
            scratch = Arrays.copyOf(scratch, workers);
            for (int worker = before; worker < workers; worker++) {
                scratch[worker] = new EncodeScratch(width);
            }
            count("encoder scratch", (workers - before) * EncodeScratch.bytes(width));
        }
        if (mainEntries.length < tasks) {
            int before = mainEntries.length;
            mainEntries = Arrays.copyOf(mainEntries, tasks);
            deadEntries = Arrays.copyOf(deadEntries, tasks);
            for (int task = before; task < tasks; task++) {
                mainEntries[task] = new TaskEntries();
                deadEntries[task] = new TaskEntries();
            }
        }
    }

    /** Packs rows of {@code x}, from {@code first}, for {@link #multiplyTile}. */
    void packRows(Matrix x, int first, int rows, EncodeScratch into) {
        GemmKernel.packRows(x.segment(), x.rowOffset(first), x.stride(), rows, width, into.packedRows, 0);
    }

    /** The pre-activations of a tile of latents for rows that are packed, into {@code into.tile}. */
    void multiplyTile(EncodeScratch into, int tile, int rows) {
        int firstPanel = tile * EncodeScratch.TILE_PANELS;
        GemmKernel.multiply(
                into.packedRows,
                rows,
                panels,
                firstPanel,
                Math.min(firstPanel + EncodeScratch.TILE_PANELS, panels.panelCount()),
                bias,
                into.tile,
                0,
                EncodeScratch.TILE_STRIDE);
    }

    /** Latents of a tile, fewer in the last one. */
    int latentsOf(int tile) {
        return Math.min(EncodeScratch.TILE_COLUMNS, latents - tile * EncodeScratch.TILE_COLUMNS);
    }

    /** Counts what selections have grown by since the last call; they keep their size. */
    void countEntries(int tasks) {
        long bytes = 0;
        for (int task = 0; task < tasks; task++) {
            bytes += mainEntries[task].bytes() + deadEntries[task].bytes();
        }
        if (bytes > entryBytes) {
            count("selected entries", bytes - entryBytes);
            entryBytes = bytes;
        }
    }

    /** The selection by latent, with its space; made when it is first asked for. */
    VectorFeatureChoice featureChoice(Team team) {
        VectorFeatureChoice current = featureChoice;
        if (current == null) {
            current = new VectorFeatureChoice(allocator, team);
            featureChoice = current;
        }
        return current;
    }

    /** Matching pursuit, with its space; made when it is first asked for. */
    VectorPursuit pursuit(Team team) {
        VectorPursuit current = pursuit;
        if (current == null) {
            current = new VectorPursuit(allocator, team);
            pursuit = current;
        }
        return current;
    }

    /** The selection by magnitude, with its space; made when it is first asked for. */
    VectorAbsTopK absTopK(Team team) {
        VectorAbsTopK current = absTopK;
        if (current == null) {
            current = new VectorAbsTopK(allocator, team);
            absTopK = current;
        }
        return current;
    }

    private void count(String what, long bytes) {
        reservations.add(allocator.reserve(what, bytes));
    }

    EncodeScratch scratch(int worker) {
        return scratch[worker];
    }

    TaskEntries[] mainEntries() {
        return mainEntries;
    }

    TaskEntries[] deadEntries() {
        return deadEntries;
    }

    @Override
    public int latents() {
        return latents;
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public void close() {
        closed = true;
        if (featureChoice != null) {
            featureChoice.close();
        }
        if (pursuit != null) {
            pursuit.close();
        }
        if (absTopK != null) {
            absTopK.close();
        }
        panels.close();
        reservations.forEach(Reservation::close);
    }
}
