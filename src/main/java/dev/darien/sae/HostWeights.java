// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Device;
import dev.darien.memory.Closing;
import dev.darien.memory.Matrix;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Weights in memory that Java can reach: the device's own where that is so, else a copy.
 *
 * @param copy whether closing gives memory back
 */
public record HostWeights(SaeWeights weights, boolean copy) implements AutoCloseable {

    /** The weights of {@code sae}, copied only if they have to be. */
    public static HostWeights of(Sae sae) {
        SaeWeights weights = sae.weights();
        if (weights.encoder().isHost()) {
            return new HostWeights(weights, false);
        }
        Device device = sae.device();
        Deque<Matrix> copies = new ArrayDeque<>();
        try {
            copies.add(copy(device, "encoder", weights.encoder()));
            copies.add(copy(device, "encoder bias", weights.encoderBias()));
            copies.add(copy(device, "decoder", weights.decoder()));
            copies.add(copy(device, "decoder bias", weights.decoderBias()));
            @Nullable Matrix thresholds = copyOf(device, "thresholds", weights.thresholds(), copies);
            @Nullable Matrix skip = copyOf(device, "skip connection", weights.skip(), copies);
            return new HostWeights(
                    new SaeWeights(
                            copies.remove(), copies.remove(), copies.remove(), copies.remove(), thresholds, skip),
                    true);
        } catch (RuntimeException | Error e) {
            copies.forEach(copy -> Closing.after(e, copy));
            throw e;
        }
    }

    private static @Nullable Matrix copyOf(Device device, String label, @Nullable Matrix matrix, Deque<Matrix> copies) {
        if (matrix == null) {
            return null;
        }
        Matrix copy = copy(device, label, matrix);
        copies.add(copy);
        return copy;
    }

    private static Matrix copy(Device device, String label, Matrix matrix) {
        Matrix host = device.staging(label, matrix.dtype(), matrix.rows(), matrix.columns());
        try {
            device.download(matrix, host);
            return host;
        } catch (RuntimeException | Error e) {
            Closing.after(e, host);
            throw e;
        }
    }

    @Override
    public void close() {
        if (copy) {
            weights.close();
        }
    }
}
