// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.ConcurrentEncoder;
import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.memory.Closing;
import dev.darien.memory.Matrix;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Encodes embeddings or activations in a service: nothing but the encoder of an SAE, in the host's memory, for any number
 * of threads at a time, virtual ones included. A call allocates its result and nothing else, once as many calls as ever
 * run at the same time have run.
 *
 * <p>A single vector takes the time of reading the encoder's weights once. A batch is a matrix product, shared among the
 * threads of the common {@link java.util.concurrent.ForkJoinPool}, or of the pool that the caller runs in. Both give the
 * bits that {@link Sae#encode} gives on the same kind of CPU device.
 */
public final class SaeEncoder implements AutoCloseable {
    private static final int BLOCK_ROWS = 112;

    private final Device device;
    private final ConcurrentEncoder encoder;
    private final Sparsity sparsity;
    private final float @Nullable [] thresholds;
    private final float @Nullable [] offset;
    private final RowNormalization normalization;
    private final LanePool single;
    private final LanePool blocks;
    private volatile boolean closed;

    private SaeEncoder(Sae sae, Device device) {
        this.device = device;
        this.sparsity = sae.sparsity();
        this.normalization = sae.normalization();
        try (HostWeights host = HostWeights.of(sae)) {
            SaeWeights weights = host.weights();
            @Nullable Matrix limits = weights.thresholds();
            this.thresholds = sparsity.hasThresholds() && limits != null ? limits.toArray(0) : null;
            this.offset = sae.subtractsDecoderBias() ? weights.decoderBias().toArray(0) : null;
            this.encoder = device.concurrentEncoder(weights.encoder(), weights.encoderBias());
        }
        this.single = new LanePool(encoder, 1);
        this.blocks = new LanePool(encoder, BLOCK_ROWS);
    }

    /**
     * An encoder with a copy of what it needs of {@code sae}, which may be on any device and may be closed afterwards. The
     * kernels are those of the device {@code cpu}.
     *
     * @throws IllegalArgumentException if the SAE's rule isn't one of relu, topk, jumprelu and gated
     */
    public static SaeEncoder of(Sae sae) {
        return of(sae, "cpu");
    }

    /**
     * The same with the kernels of another CPU device: {@code cpu:scalar} or {@code cpu:vector}.
     *
     * @throws IllegalArgumentException as above
     * @throws dev.darien.device.DeviceUnavailableException if that device can't be had
     */
    public static SaeEncoder of(Sae sae, String cpu) {
        if (!(sae.sparsity() instanceof TopK
                || sae.sparsity() instanceof Relu
                || sae.sparsity().hasThresholds())) {
            throw new IllegalArgumentException("SaeEncoder encodes with relu, topk, jumprelu or gated, not with "
                    + sae.sparsity().id() + "; use Sae.inference()");
        }
        // One thread, which is never used: the work is done by the callers' threads.
        Device device = Devices.open(cpu, new DeviceOptions(1));
        try {
            return new SaeEncoder(sae, device);
        } catch (RuntimeException | Error e) {
            Closing.after(e, device);
            throw e;
        }
    }

    /**
     * The encoder of the SAE in a folder in SAELens's format, as {@code darien train} writes it.
     *
     * @throws dev.darien.data.DataException if the folder holds no SAE that Darien can read; says why
     */
    public static SaeEncoder load(Path folder) {
        try (Device device = Devices.open("cpu", new DeviceOptions(1));
                Sae sae = Sae.load(folder, device)) {
            return of(sae);
        }
    }

    /** Number of latents, F. */
    public int latents() {
        return encoder.latents();
    }

    /** Width of the activations, d. */
    public int width() {
        return encoder.width();
    }

    /**
     * The active latents of one activation.
     *
     * @throws IllegalArgumentException if it is of another width, or holds NaN or an infinity
     * @throws IllegalStateException if the encoder is closed
     */
    public ActiveLatents encode(float[] activation) {
        requireOpen();
        LanePool.Lane lane = single.take();
        try {
            set(lane, 0, activation);
            select(lane, 1);
            return result(lane, 0);
        } finally {
            single.giveBack(lane);
        }
    }

    /**
     * The active latents of each activation, in their order.
     *
     * @throws IllegalArgumentException as above; no result then
     * @throws IllegalStateException if the encoder is closed
     */
    public List<ActiveLatents> encode(float[][] activations) {
        requireOpen();
        if (activations.length == 1) {
            return List.of(encode(activations[0]));
        }
        ActiveLatents[] results = new ActiveLatents[activations.length];
        int tasks = Math.ceilDiv(activations.length, BLOCK_ROWS);
        // Blocks as equal as can be: a last one of a few rows would cost about as much as a whole one.
        int rows = tasks == 0 ? 0 : Math.ceilDiv(activations.length, tasks);
        IntStream blockNumbers = IntStream.range(0, tasks);
        (tasks > 1 ? blockNumbers.parallel() : blockNumbers)
                .forEach(block -> encodeBlock(
                        activations, block * rows, Math.min((block + 1) * rows, activations.length), results));
        return Arrays.asList(results);
    }

    private void encodeBlock(float[][] activations, int from, int to, ActiveLatents[] results) {
        LanePool.Lane lane = blocks.take();
        try {
            // Fewer than a lane takes where the device's lanes are smaller.
            int room = lane.rows();
            for (int first = from; first < to; first += room) {
                int rows = Math.min(room, to - first);
                for (int row = 0; row < rows; row++) {
                    set(lane, row, activations[first + row]);
                }
                select(lane, rows);
                for (int row = 0; row < rows; row++) {
                    results[first + row] = result(lane, row);
                }
            }
        } finally {
            blocks.giveBack(lane);
        }
    }

    private void set(LanePool.Lane lane, int row, float[] activation) {
        float[] centred = lane.row();
        if (activation.length != centred.length) {
            throw new IllegalArgumentException(
                    "the SAE takes activations of width " + centred.length + ", not " + activation.length);
        }
        System.arraycopy(activation, 0, centred, 0, centred.length);
        if (normalization != RowNormalization.NONE) {
            double mean = RowNormalizer.mean(normalization, centred);
            double scale = RowNormalizer.scale(normalization, centred, mean);
            RowNormalizer.normalise(normalization, centred, mean, scale);
        }
        float sum = 0;
        for (int at = 0; at < centred.length; at++) {
            // 0 · x is NaN where x isn't finite.
            sum += 0 * activation[at];
            if (offset != null) {
                centred[at] -= offset[at];
            }
        }
        if (sum != 0) {
            throw new IllegalArgumentException("an activation holds NaN or an infinity");
        }
        lane.space().set(row, centred);
    }

    private void select(LanePool.Lane lane, int rows) {
        if (sparsity instanceof TopK topK) {
            lane.space().topK(rows, Math.min(topK.k(), latents()));
        } else {
            lane.space().threshold(rows, thresholds);
        }
    }

    private static ActiveLatents result(LanePool.Lane lane, int row) {
        int count = lane.space().count(row);
        int[] latents = new int[count];
        float[] values = new float[count];
        lane.space().copy(row, latents, values);
        return new ActiveLatents(latents, values);
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("this encoder is closed");
        }
    }

    /** Gives the memory back. No call may still be running; idempotent. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            try (device;
                    encoder) {
                // Closed in reverse order, each whatever happens to the other.
            }
        }
    }
}
