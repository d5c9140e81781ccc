// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.device.Device;
import dev.darien.device.Peaks;
import dev.darien.memory.DType;
import dev.darien.train.Recipe;
import dev.darien.train.StepBenchmark;
import dev.darien.train.TrainingOptions;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * How long {@code train} will take for a number of tokens, from steps of the same recipe on random activations, and what
 * bounds them: the time that arithmetic and memory would take at the machine's peaks.
 */
final class BenchEstimate {
    private BenchEstimate() {}

    static Map<String, Object> measure(
            Device device, BenchSize size, String architecture, long tokens, DType dtype, BenchEffort effort) {
        Recipe recipe = Recipe.of(architecture)
                .latents(size.latents())
                .batch(size.batch())
                .tokens(tokens);
        if (Recipe.hasK(architecture)) {
            recipe.k(size.k());
        }
        TrainingOptions options = recipe.build(size.width());
        try (BenchData data = new BenchData(size, dtype)) {
            device.memory().resetPeak();
            long before = device.memory().allocatedBytes();
            try (StepBenchmark steps = new StepBenchmark(device, data.source, data.summary, options)) {
                steps.fed(1);
                steps.holdL0(size.k());
                return measure(device, size, options, effort, steps, before);
            }
        }
    }

    private static Map<String, Object> measure(
            Device device,
            BenchSize size,
            TrainingOptions options,
            BenchEffort effort,
            StepBenchmark steps,
            long before) {
        int count = BenchStep.warmUp(steps, effort);
        // Measuring the peaks takes memory too.
        double held = device.memory().peakBytes() - before;
        double[] seconds = new double[effort.rounds()];
        double[] arithmetic = new double[effort.rounds()];
        double[] memory = new double[effort.rounds()];
        for (int round = 0; round < effort.rounds(); round++) {
            Peaks peaks = BenchPeaks.of(device);
            arithmetic[round] = BenchStep.arithmetic(size, peaks);
            memory[round] = BenchStep.memory(size, peaks);
            seconds[round] = steps.fed(count);
        }
        double step = BenchRounds.of(seconds).median();
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("tokens", options.tokens());
        map.put("steps", options.steps());
        BenchRounds.of(effort.rounds(), round -> seconds[round] * 1e3).addTo(map, "step_ms");
        map.put("tokens_per_second", size.batch() / step);
        map.put("estimated_seconds", step * options.steps());
        map.put("memory_mb", held / 1e6);
        map.put("arithmetic_ms", BenchRounds.of(arithmetic).median() * 1e3);
        map.put("memory_traffic_ms", BenchRounds.of(memory).median() * 1e3);
        return map;
    }

    static String text(Map<String, Object> result) {
        Map<String, Object> estimate = RunRecord.object(result.get("estimate"));
        double arithmetic = number(estimate, "arithmetic_ms");
        double memory = number(estimate, "memory_traffic_ms");
        double step = number(estimate, "step_ms");
        StringBuilder text = new StringBuilder();
        text.append(String.format(
                Locale.ROOT,
                "%s, %s: %,d steps of %.2f ms (±%d %%), %,.0f tokens a second, %,.0f MB.%n",
                result.get("architecture"),
                result.get("size"),
                ((Number) estimate.getOrDefault("steps", 0L)).longValue(),
                step,
                Math.round(50 * number(estimate, "step_ms_spread")),
                number(estimate, "tokens_per_second"),
                number(estimate, "memory_mb")));
        text.append("Estimated time: ")
                .append(Texts.duration(number(estimate, "estimated_seconds")))
                .append(".\n");
        if (Double.isFinite(arithmetic + memory)) {
            text.append(String.format(
                    Locale.ROOT,
                    "What bounds it: %s. At this machine's peaks a step's arithmetic takes %.2f ms and its weights and"
                            + " moments %.2f ms through memory; the step reaches %d %% of both together.%n",
                    arithmetic > memory ? "arithmetic" : "memory",
                    arithmetic,
                    memory,
                    Math.round(100 * (arithmetic + memory) / step)));
        }
        return text.toString();
    }

    private static double number(Map<String, Object> map, String name) {
        return map.get(name) instanceof Number number ? number.doubleValue() : Double.NaN;
    }
}
