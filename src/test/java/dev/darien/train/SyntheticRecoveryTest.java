// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.data.SyntheticSource;
import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.Sae;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The directions that data is made of are found again. */
@Tag("device")
class SyntheticRecoveryTest {

    @Test
    void topKFindsTheDirections() {
        int batch = 1024;
        int steps = 1500;
        TrainingOptions options = Recipe.of("topk")
                .latents(192)
                .k(5)
                .batch(batch)
                .tokens((long) steps * batch)
                .learningRate(3e-3)
                .seed(1)
                .build(64);
        try (SyntheticSource source = SyntheticSource.parse(
                        "synthetic:d=64,true=128,p=0.03125,noise=0.02,seed=1,rows=" + (long) steps * batch);
                Device device = Device.open(TestDevices.training());
                Trainer trainer = new Trainer(device, source, List.of(options))) {
            assertThat(trainer.train().finished()).isTrue();
            float[][] directions = source.groundTruth();
            try (Sae sae = trainer.sae(0);
                    Matrix decoder = device.staging("decoder", DType.F32, 192, 64)) {
                device.download(sae.weights().decoder(), decoder);
                int found = 0;
                double sum = 0;
                for (float[] direction : directions) {
                    double best = bestCosine(decoder, direction);
                    found += best > 0.9 ? 1 : 0;
                    sum += best;
                }
                assertThat(found / (double) directions.length)
                        .as("recall at cosine > 0.9")
                        .isGreaterThan(0.98);
                assertThat(sum / directions.length).as("mean best cosine").isGreaterThan(0.98);
            }
        }
    }

    private static double bestCosine(Matrix decoder, float[] direction) {
        double best = 0;
        for (int latent = 0; latent < decoder.rows(); latent++) {
            float[] row = decoder.toArray(latent);
            double dot = 0;
            double squares = 0;
            for (int at = 0; at < row.length; at++) {
                dot += (double) row[at] * direction[at];
                squares += (double) row[at] * row[at];
            }
            best = Math.max(best, dot / Math.sqrt(squares));
        }
        return best;
    }
}
