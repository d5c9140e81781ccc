// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.SeededRandom;
import dev.darien.device.Device;
import dev.darien.device.Product;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.Mapping;
import org.jspecify.annotations.Nullable;

/** Starting weights: random decoder directions, and the encoder a copy of them (Gao et al. 2024, section 2.4). */
final class Initialiser {
    /**
     * What the data says of the beginning, scaled, in the host's memory.
     *
     * @param decoderBias F32[1, d']
     * @param inputCentre F32[1, d] where the encoder is to see the inputs from there, else null
     */
    record Start(Matrix decoderBias, @Nullable Matrix inputCentre) {}

    private Initialiser() {}

    /**
     * Sets them on the device. A transcoder's encoder has other directions than its decoder, since they are of other spaces,
     * and its bias begins where the middle of the inputs gives pre-activations of 0.
     */
    static void initialise(Device device, TrainingOptions options, LearnerState state, Start start) {
        // Streams of their own: the order of the data has the same seed.
        boolean sameSpace = !(options.mapping() instanceof Mapping.Transcoder);
        Matrix decoder = state.rows.decoder();
        Matrix encoder = state.rows.encoder();
        randomRows(
                device,
                new SeededRandom(options.seed(), 1),
                options.decoderInitNorm(),
                decoder,
                sameSpace ? encoder : null);
        if (!sameSpace) {
            randomRows(device, new SeededRandom(options.seed(), 5), 1, encoder, null);
        }
        device.upload(start.decoderBias(), state.weights.decoderBias());
        @Nullable Matrix inputCentre = start.inputCentre();
        if (inputCentre != null) {
            try (Matrix centre = device.memory().vector("centre of the inputs", inputCentre.columns())) {
                device.upload(inputCentre, centre);
                device.kernels().multiply(Product.NT, centre, encoder, state.weights.encoderBias(), false);
                device.kernels().scale(state.weights.encoderBias(), -1);
            }
        }
        if (state.thresholds != null) {
            device.kernels().fill(state.thresholds.value(), (float) options.initialThreshold());
        }
    }

    private static void randomRows(Device device, SeededRandom random, double norm, Matrix to, @Nullable Matrix copy) {
        int latents = to.intRows();
        int width = to.columns();
        // In blocks of rows, so that a wide dictionary needs no second copy on the host.
        int block = Math.min(latents, Math.max(1, (1 << 20) / width));
        try (Matrix rows = device.staging("initial rows", DType.F32, block, width)) {
            double[] direction = new double[width];
            for (int first = 0; first < latents; first += block) {
                int count = Math.min(block, latents - first);
                for (int row = 0; row < count; row++) {
                    randomDirection(random, direction);
                    for (int column = 0; column < width; column++) {
                        rows.set(row, column, (float) (norm * direction[column]));
                    }
                }
                Matrix part = rows.slice(0, count);
                device.upload(part, to.slice(first, count));
                if (copy != null) {
                    device.upload(part, copy.slice(first, count));
                }
            }
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
