// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
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
        HostWeights host = allocate(sae.device(), weights.latents(), weights.width(), weights.thresholds() != null);
        try {
            host.download(weights, sae.device());
            return host;
        } catch (RuntimeException | Error e) {
            host.close();
            throw e;
        }
    }

    private void download(SaeWeights from, Device device) {
        device.download(from.encoder(), weights.encoder());
        device.download(from.encoderBias(), weights.encoderBias());
        device.download(from.decoder(), weights.decoder());
        device.download(from.decoderBias(), weights.decoderBias());
        @Nullable Matrix thresholds = from.thresholds();
        if (thresholds != null && weights.thresholds() != null) {
            device.download(thresholds, weights.thresholds());
        }
    }

    private static HostWeights allocate(Device device, int latents, int width, boolean withThresholds) {
        SaeWeights weights = new SaeWeights(
                device.staging("encoder", DType.F32, latents, width),
                device.staging("encoder bias", DType.F32, 1, latents),
                device.staging("decoder", DType.F32, latents, width),
                device.staging("decoder bias", DType.F32, 1, width),
                withThresholds ? device.staging("thresholds", DType.F32, 1, latents) : null);
        return new HostWeights(weights, true);
    }

    @Override
    public void close() {
        if (copy) {
            weights.close();
        }
    }
}
