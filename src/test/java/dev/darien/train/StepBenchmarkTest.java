// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataCheck;
import dev.darien.data.OnNan;
import dev.darien.data.SeededRandom;
import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.SaeWeights;
import org.junit.jupiter.api.Test;

final class StepBenchmarkTest {
    private static final int WIDTH = 4;
    private static final int LATENTS = 8;
    private static final int BATCH = 3;

    private static final TrainingOptions OPTIONS = Recipe.of("topk")
            .latents(LATENTS)
            .k(1)
            .batch(BATCH)
            .tokens(1000)
            .warmup(0)
            .auxiliary(new Auxiliary.None())
            .clip(0)
            .scaling(InputScaling.NONE)
            .build(WIDTH);

    @Test
    void stepsOnTheRowsThatItIsToldAndSaysTheirError() {
        try (Device device = Devices.open("cpu:scalar", DeviceOptions.DEFAULT);
                Allocator memory = Allocator.host("test");
                Matrix rows = memory.matrix("rows", DType.F32, 2 * BATCH, WIDTH)) {
            SeededRandom random = new SeededRandom(3);
            for (int row = 0; row < rows.rows(); row++) {
                for (int column = 0; column < WIDTH; column++) {
                    rows.set(row, column, (float) random.nextGaussian());
                }
            }
            try (ActivationSource source = ActivationSources.of(rows, "rows");
                    StepBenchmark steps =
                            new StepBenchmark(device, source, DataCheck.scan(source, OnNan.FAIL), OPTIONS)) {
                double first = expected(rows, 0, steps.weights());
                steps.step(0);
                assertThat(steps.squaredError()).isCloseTo(first, within(1e-5));

                double second = expected(rows, BATCH, steps.weights());
                steps.step(BATCH);
                double third = expected(rows, 0, steps.weights());
                steps.step(0);
                assertThat(steps.squaredError()).isCloseTo((second + third) / 2, within(1e-5));
            }
        }
    }

    /** The mean squared error of a batch whose rows keep their largest pre-activation, if it is positive. */
    private static double expected(Matrix rows, int firstRow, SaeWeights weights) {
        double sum = 0;
        for (int row = firstRow; row < firstRow + BATCH; row++) {
            int best = 0;
            double largest = Double.NEGATIVE_INFINITY;
            for (int latent = 0; latent < LATENTS; latent++) {
                double value = weights.encoderBias().get(0, latent);
                for (int column = 0; column < WIDTH; column++) {
                    value += weights.encoder().get(latent, column) * centred(rows, row, column, weights);
                }
                if (value > largest) {
                    largest = value;
                    best = latent;
                }
            }
            for (int column = 0; column < WIDTH; column++) {
                double decoded = Math.max(0, largest) * weights.decoder().get(best, column);
                sum += Math.pow(decoded - centred(rows, row, column, weights), 2);
            }
        }
        return sum / BATCH;
    }

    private static double centred(Matrix rows, int row, int column, SaeWeights weights) {
        return rows.get(row, column) - weights.decoderBias().get(0, column);
    }
}
