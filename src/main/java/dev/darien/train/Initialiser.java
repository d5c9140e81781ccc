// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.SeededRandom;
import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;

/** Starting weights: random decoder directions, and the encoder a copy of them (Gao et al. 2024, section 2.4). */
final class Initialiser {
    private Initialiser() {}

    static void initialise(Device device, TrainingOptions options, LearnerState state, Matrix decoderBias) {
        int latents = state.weights.latents();
        int width = state.weights.width();
        // A stream of its own: the order of the data has the same seed.
        SeededRandom random = new SeededRandom(options.seed(), 1);
        // In blocks of rows, so that a wide dictionary needs no second copy on the host.
        int block = Math.min(latents, Math.max(1, (1 << 20) / width));
        try (Matrix rows = device.staging("initial rows", DType.F32, block, width)) {
            double[] direction = new double[width];
            for (int first = 0; first < latents; first += block) {
                int count = Math.min(block, latents - first);
                for (int row = 0; row < count; row++) {
                    randomDirection(random, direction);
                    for (int column = 0; column < width; column++) {
                        rows.set(row, column, (float) (options.decoderInitNorm() * direction[column]));
                    }
                }
                Matrix part = rows.slice(0, count);
                device.upload(part, state.rows.decoder().slice(first, count));
                device.upload(part, state.rows.encoder().slice(first, count));
            }
        }
        device.upload(decoderBias, state.weights.decoderBias());
        if (state.thresholds != null) {
            device.kernels().fill(state.thresholds.value(), (float) options.initialThreshold());
        }
    }

    private static void randomDirection(SeededRandom random, double[] direction) {
        double squared = 0;
        for (int i = 0; i < direction.length; i++) {
            direction[i] = random.nextGaussian();
            squared += direction[i] * direction[i];
        }
        double factor = 1 / Math.sqrt(Math.max(squared, Double.MIN_NORMAL));
        for (int i = 0; i < direction.length; i++) {
            direction[i] *= factor;
        }
    }
}
