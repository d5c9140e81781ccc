// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataCheck;
import dev.darien.data.DataSummary;
import dev.darien.data.OnNan;
import dev.darien.data.SyntheticOptions;
import dev.darien.data.SyntheticSource;
import dev.darien.device.Device;
import dev.darien.device.Peaks;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.train.Auxiliary;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import dev.darien.train.TrainingOptions;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Measures whole training steps of a TopK SAE without auxiliary loss and clipping, as {@code train --aux none --clip
 * none} takes them, reading from memory included.
 */
final class BenchStep {
    private static final int LEAST_STEPS = 10;
    private static final int MOST_STEPS = 400;
    private static final int BATCHES_OF_DATA = 4;

    private BenchStep() {}

    static Map<String, Object> measure(Device device, BenchSize size, BenchEffort effort) {
        int rounds = effort.rounds();
        int rows = BATCHES_OF_DATA * size.batch();
        SyntheticOptions data = new SyntheticOptions(size.width(), 2 * size.width(), 0.02, 0, 0, 0.3, 0.02, 0, rows, 1);
        try (SyntheticSource synthetic = new SyntheticSource(data);
                Allocator memory = Allocator.host("benchmark data");
                Matrix made = memory.matrix("activations", synthetic.dtype(), rows, size.width());
                ActivationSource source = ActivationSources.of(made, "synthetic activations")) {
            // Made beforehand: making them takes longer than reading them would.
            synthetic.read(0, rows, made);
            DataSummary summary = DataCheck.scan(source, OnNan.FAIL);
            double estimate = tokensPerSecond(device, source, summary, size, LEAST_STEPS);
            int steps = Math.clamp((long) (effort.stepSeconds() * estimate / size.batch()), LEAST_STEPS, MOST_STEPS);
            double[] figures = new double[rounds];
            double[] limits = new double[rounds];
            for (int round = 0; round < rounds; round++) {
                limits[round] = limit(size, BenchPeaks.of(device));
                figures[round] = tokensPerSecond(device, source, summary, size, steps);
            }
            Map<String, Object> map = new LinkedHashMap<>();
            BenchRounds.of(figures).addTo(map, "tokens_per_second");
            map.put("limit_tokens_per_second", BenchRounds.of(limits).median());
            map.put(
                    "step_share",
                    BenchRounds.of(rounds, round -> figures[round] / limits[round])
                            .median());
            return map;
        }
    }

    /**
     * What the machine allows: the encoder's product and four sparse products at the peak of arithmetic, then weights
     * and moments once through memory.
     */
    private static double limit(BenchSize size, Peaks peaks) {
        double arithmetic = (size.productFlops(size.batch()) + 4 * size.sparseFlops()) / peaks.fmaGflops();
        double memory = 24 * size.parameters() / peaks.copyGigabytesPerSecond();
        return size.batch() * 1e9 / (arithmetic + memory);
    }

    private static double tokensPerSecond(
            Device device, ActivationSource source, DataSummary summary, BenchSize size, int steps) {
        TrainingOptions options = Recipe.of("topk")
                .latents(size.latents())
                .k(size.k())
                .batch(size.batch())
                .tokens((long) steps * size.batch())
                .auxiliary(new Auxiliary.None())
                .clip(0)
                .build(size.width());
        try (Trainer trainer = new Trainer(device, source, summary, List.of(options))) {
            return trainer.train().tokensPerSecond();
        }
    }
}
