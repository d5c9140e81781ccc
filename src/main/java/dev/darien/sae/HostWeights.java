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
        Device device = sae.device();
        device.download(weights.encoder(), host.weights.encoder());
        device.download(weights.encoderBias(), host.weights.encoderBias());
        device.download(weights.decoder(), host.weights.decoder());
        device.download(weights.decoderBias(), host.weights.decoderBias());
        @Nullable Matrix thresholds = weights.thresholds();
        if (thresholds != null && host.weights.thresholds() != null) {
            device.download(thresholds, host.weights.thresholds());
        }
        return host;
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
