// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.SyntheticSource;
import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Sae;
import dev.darien.train.FeatureBudgets.Rounding;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FeatureChoiceTest {
    private static final int BATCH = 256;
    private static final int STEPS = 200;
    private static final int LATENTS = 48;
    private static final int K = 4;

    private static Recipe recipe(Rounding rounding) {
        return Recipe.of("feature-choice")
                .latents(LATENTS)
                .k(K)
                .batch(BATCH)
                .tokens((long) STEPS * BATCH)
                .learningRate(3e-3)
                .budgets(new FeatureBudgets(0.5, null, 1, rounding, 0));
    }

    private static SyntheticSource source() {
        return SyntheticSource.parse("synthetic:d=16,true=32,p=0.1,noise=0.02,seed=1,rows=8192");
    }

    /** Each batch takes as many tokens as there are budgets, and in the mean each latent has its rate. */
    @ParameterizedTest
    @EnumSource(Rounding.class)
    void theBudgetOfABatchIsKTokensARow(Rounding rounding) {
        try (Device device = Device.open(TestDevices.training());
                SyntheticSource data = source();
                Trainer trainer =
                        new Trainer(device, data, List.of(recipe(rounding).build(16)))) {
            List<TrainingMetrics> reports = new ArrayList<>();
            trainer.addListener((run, metrics) -> reports.add(metrics));
            trainer.train();
            // Latents that respond to fewer tokens than they may take leave some over; none takes more.
            double slack = rounding == Rounding.NEAREST ? LATENTS / 2.0 / BATCH : 2.0 / BATCH + 0.2;
            assertThat(reports.getLast().l0()).isBetween(0.7 * K, K + slack);
            assertThat(reports.getLast().fvu()).isLessThan(0.5);
        }
    }

    @Test
    void encodesWithAThresholdForEachLatentAfterwards() {
        try (Device device = Device.open(TestDevices.training());
                SyntheticSource data = source();
                Trainer trainer = new Trainer(
                        device, data, List.of(recipe(Rounding.STOCHASTIC).build(16)))) {
            trainer.train();
            try (Sae sae = trainer.sae(0)) {
                float[][] rows = new float[2048][16];
                long[] numbers = new long[rows.length];
                for (int row = 0; row < rows.length; row++) {
                    numbers[row] = row;
                }
                try (var host = device.staging("rows", data.dtype(), rows.length, 16)) {
                    data.read(numbers, rows.length, host);
                    for (int row = 0; row < rows.length; row++) {
                        rows[row] = host.toArray(row);
                    }
                }
                try (SparseCodes codes = sae.encode(rows)) {
                    assertThat(codes.entries() / (double) rows.length).isCloseTo(K, within(0.25 * K));
                }
                List<Integer> bits = WeightBytes.of(sae);
                assertThat(bits.subList(bits.size() - LATENTS, bits.size()).stream()
                                .distinct()
                                .count())
                        .as("different thresholds")
                        .isGreaterThan(LATENTS / 2);
            }
        }
    }

    /** With nothing below its share, the loss for underused latents is that for dead ones, to the bit. */
    @Test
    void theZipfLossIsAuxKWhereNothingIsUnderused() {
        Random random = new Random(3);
        float[][] data = new float[512][12];
        for (float[] row : data) {
            for (int at = 0; at < row.length; at++) {
                row[at] = (float) random.nextGaussian();
            }
        }
        List<Integer> auxK = trained(data, new Auxiliary.AuxK(1.0 / 32, 6));
        assertThat(trained(data, new Auxiliary.Zipf(1.0 / 32, 6, 0))).isEqualTo(auxK);
        assertThat(trained(data, new Auxiliary.None())).as("what no loss gives").isNotEqualTo(auxK);
        assertThat(trained(data, new Auxiliary.Zipf(1.0 / 32, 6, 1)))
                .as("what half of the latents being underused gives")
                .isNotEqualTo(auxK);
    }

    private static List<Integer> trained(float[][] data, Auxiliary auxiliary) {
        TrainingOptions options = Recipe.of("topk")
                .latents(256)
                .k(2)
                .batch(32)
                .tokens(32L * 3 * LatentUsage.REFRESH)
                .auxiliary(auxiliary)
                .build(12);
        try (Device device = Device.open(TestDevices.training());
                Trainer trainer = new Trainer(device, new ArraySource(data), List.of(options))) {
            trainer.train();
            try (Sae sae = trainer.sae(0)) {
                return WeightBytes.of(sae);
            }
        }
    }
}
