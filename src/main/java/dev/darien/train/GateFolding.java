// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.SaeWeights;
import java.util.Objects;

/**
 * Turns gate and magnitudes into weights with thresholds: {@code exp(r)·W}, {@code b_mag}, and the threshold
 * {@code b_mag - exp(r)·b_gate} (Rajamanoharan et al. 2024, "Gated SAEs", appendix). On the host: once for each SAE.
 */
final class GateFolding {
    private GateFolding() {}

    static void fold(Device device, SaeWeights weights, LearnerState.Gate gate, float unscale, SaeWeights out) {
        int latents = weights.latents();
        int width = weights.width();
        Matrix thresholds = Objects.requireNonNull(out.thresholds());
        int block = Math.min(latents, Math.max(1, (1 << 20) / width));
        try (Matrix scale = host(device, gate.logScale().value());
                Matrix magnitude = host(device, gate.magnitudeBias().value());
                Matrix bias = host(device, weights.encoderBias());
                Matrix rows = device.staging("encoder rows", DType.F32, block, width)) {
            for (int first = 0; first < latents; first += block) {
                int count = Math.min(block, latents - first);
                Matrix part = rows.slice(0, count);
                device.download(weights.encoder().slice(first, count), part);
                for (int row = 0; row < count; row++) {
                    double factor = Math.exp(scale.get(0, first + row));
                    for (int column = 0; column < width; column++) {
                        part.set(row, column, (float) (factor * part.get(row, column)));
                    }
                }
                device.upload(part, out.encoder().slice(first, count));
            }
            for (int latent = 0; latent < latents; latent++) {
                double factor = Math.exp(scale.get(0, latent));
                double threshold = magnitude.get(0, latent) - factor * bias.get(0, latent);
                // Magnitudes pass a ReLU, so that a threshold below 0 is the same as 0.
                bias.set(0, latent, (float) (unscale * Math.max(0, threshold)));
                magnitude.set(0, latent, unscale * magnitude.get(0, latent));
            }
            device.upload(bias, thresholds);
            device.upload(magnitude, out.encoderBias());
        }
    }

    private static Matrix host(Device device, Matrix vector) {
        Matrix host = device.staging("vector", DType.F32, 1, vector.columns());
        device.download(vector, host);
        return host;
    }
}
