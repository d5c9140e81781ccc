// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.SeededRandom;
import dev.darien.device.Device;
import dev.darien.device.Peaks;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.train.Auxiliary;
import dev.darien.train.Recipe;
import dev.darien.train.StepBenchmark;
import dev.darien.train.TrainingOptions;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Measures whole training steps of a TopK SAE without auxiliary loss and clipping, as {@code train --aux none --clip
 * none} takes them: with rows read from memory in random order, and on a batch that is there.
 */
final class BenchStep {
    private static final int LEAST_STEPS = 4;
    private static final int MOST_STEPS = 400;

    private BenchStep() {}

    static Map<String, Object> measure(Device device, BenchSize size, DType dtype, BenchEffort effort) {
        try (BenchData data = new BenchData(size, dtype)) {
            TrainingOptions options = Recipe.of("topk")
                    .latents(size.latents())
                    .k(size.k())
                    .batch(size.batch())
                    .tokens((long) MOST_STEPS * effort.rounds() * size.batch())
                    .auxiliary(new Auxiliary.None())
                    .clip(0)
                    .build(size.width());
            device.memory().resetPeak();
            long before = device.memory().allocatedBytes();
            try (StepBenchmark steps = new StepBenchmark(device, data.source, data.summary, options)) {
                steps.fed(LEAST_STEPS);
                long held = device.memory().peakBytes() - before;
                return measure(device, size, effort, steps, held);
            }
        }
    }

    private static Map<String, Object> measure(
            Device device, BenchSize size, BenchEffort effort, StepBenchmark steps, long held) {
        int rounds = effort.rounds();
        int count = Math.clamp((long) (effort.stepSeconds() / steps.fed(LEAST_STEPS)), LEAST_STEPS, MOST_STEPS);
        double[] fed = new double[rounds];
        double[] resident = new double[rounds];
        double[] limits = new double[rounds];
        for (int round = 0; round < rounds; round++) {
            limits[round] = limit(size, BenchPeaks.of(device));
            fed[round] = size.batch() / steps.fed(count);
            resident[round] = size.batch() / steps.resident(count);
        }
        Map<String, Object> map = new LinkedHashMap<>();
        BenchRounds.of(fed).addTo(map, "tokens_per_second");
        map.put("limit_tokens_per_second", BenchRounds.of(limits).median());
        map.put("step_share", ratio(fed, limits));
        BenchRounds.of(resident).addTo(map, "resident_tokens_per_second");
        // 1 where reading and copying are hidden behind the step.
        map.put("fed_share", ratio(fed, resident));
        map.put("step_memory_mb", held / 1e6);
        map.put("step_memory_share", held / size.leastBytes());
        return map;
    }

    private static double ratio(double[] figures, double[] of) {
        return BenchRounds.of(figures.length, round -> figures[round] / of[round])
                .median();
    }

    /** Normal numbers: what a step takes depends on how many latents it keeps, not on what they mean. */
    static void fill(Matrix rows) {
        SeededRandom random = new SeededRandom(1);
        float[] values = new float[rows.columns()];
        for (long row = 0; row < rows.rows(); row++) {
            for (int column = 0; column < values.length; column++) {
                values[column] = (float) random.nextGaussian();
            }
            rows.setRow(row, values);
        }
    }

    /**
     * What the machine allows: the encoder's product and four sparse products at the peak of arithmetic, then weights
     * and moments once through memory.
     */
    private static double limit(BenchSize size, Peaks peaks) {
        return size.batch() / (arithmetic(size, peaks) + memory(size, peaks));
    }

    /** Seconds of a step's arithmetic at its peak. */
    static double arithmetic(BenchSize size, Peaks peaks) {
        return (size.productFlops(size.batch()) + 4 * size.sparseFlops()) / peaks.fmaGflops() / 1e9;
    }

    /** Seconds that weights and moments take once through memory, read and written. */
    static double memory(BenchSize size, Peaks peaks) {
        return 24 * size.parameters() / peaks.copyGigabytesPerSecond() / 1e9;
    }

    /** Trains until the compiler is done; returns how many steps a round takes. */
    static int warmUp(StepBenchmark steps, BenchEffort effort) {
        double spent = 0;
        double shortest = Double.POSITIVE_INFINITY;
        while (spent < effort.stepSeconds()) {
            double now = steps.fed(2);
            spent += 2 * now;
            shortest = Math.min(shortest, now);
        }
        return Math.clamp((long) (effort.stepSeconds() / 4 / shortest), 2, MOST_STEPS);
    }
}
