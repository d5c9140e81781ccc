// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataCheck;
import dev.darien.data.DataSummary;
import dev.darien.data.OnNan;
import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.train.FeatureBudgets;
import dev.darien.train.Preset;
import dev.darien.train.Recipe;
import dev.darien.train.StepBenchmark;
import dev.darien.train.TrainingOptions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The step of every method against TopK's, both with the recipe's defaults, on random activations, with as many latents
 * and as many of them active. In each round both are measured one after the other, so that a ratio compares what ran under
 * the same conditions.
 */
final class BenchMethods {
    /** Weights hardly move at this rate, so that an L0 without a k stays what it was made. */
    private static final double STANDING_STILL = 1e-9;

    private static final long MANY_TOKENS = 1L << 40;
    private static final int KERNELS_SHOWN = 4;

    /** What is compared: a name, its architecture, and what else its recipe says. */
    record Method(String name, String architecture, UnaryOperator<Recipe> change) {
        Method(String architecture) {
            this(architecture, architecture, recipe -> recipe);
        }
    }

    private static final String BY_GRADIENTS = "gradient-topk";

    static final Method TOP_K = new Method("topk");

    static final List<Method> ALL = List.of(
            TOP_K,
            new Method(BY_GRADIENTS),
            new Method("batchtopk"),
            new Method("feature-choice", "feature-choice", recipe -> recipe.budgets(fromTheStart())),
            new Method("groupmax"),
            new Method("jumprelu"),
            new Method("jumprelu, tanh", "jumprelu", recipe -> recipe.tanhPenalty(4)),
            new Method("jumprelu, pre-activation loss", "jumprelu", recipe -> recipe.preActivationLoss(3e-6)),
            new Method("relu"),
            new Method("relu, april", "relu", recipe -> recipe.preset(Preset.APRIL)),
            new Method("p-anneal"),
            new Method("gated"),
            new Method("matryoshka"),
            new Method("multi-topk"),
            new Method("matching-pursuit"));

    /** Another name of one that is there. */
    static final List<String> NOT_COMPARED = List.of("mutual-choice");

    private static FeatureBudgets fromTheStart() {
        FeatureBudgets usual = FeatureBudgets.DEFAULT;
        return new FeatureBudgets(0, usual.law(), usual.cap(), usual.rounding(), usual.refresh());
    }

    private final Device device;
    private final BenchSize size;
    private final BenchEffort effort;
    private final BenchClock clock;

    BenchMethods(Device device, BenchSize size, BenchEffort effort, BenchClock clock) {
        this.device = device;
        this.size = size;
        this.effort = effort;
        this.clock = clock;
    }

    /** {@code methods}, one after the other, each told to {@code progress} before. */
    List<Map<String, Object>> measure(List<Method> methods, Consumer<String> progress) {
        List<Map<String, Object>> all = new ArrayList<>();
        try (BenchData data = new BenchData(size, DType.F32)) {
            for (Method method : methods) {
                progress.accept("measuring " + method.name() + ", " + size);
                try (StepBenchmark reference = open(TOP_K, data);
                        StepBenchmark steps = open(method, data)) {
                    all.add(compare(method, reference, steps));
                }
            }
        }
        return all;
    }

    private StepBenchmark open(Method method, BenchData data) {
        boolean byGradients = method.architecture().equals(BY_GRADIENTS);
        // The activations themselves serve as gradients: what a step takes doesn't depend on what they are.
        ActivationSource rows = byGradients ? ActivationSources.join(List.of(data.source, data.source)) : data.source;
        DataSummary summary = byGradients ? DataCheck.scan(rows, OnNan.FAIL) : data.summary;
        StepBenchmark steps = new StepBenchmark(device, rows, summary, options(method));
        // The first step may fit thresholds itself.
        steps.fed(1);
        steps.holdL0(size.k());
        return steps;
    }

    private TrainingOptions options(Method method) {
        Recipe recipe = Recipe.of(method.architecture())
                .latents(size.latents())
                .batch(size.batch())
                .tokens(MANY_TOKENS / size.batch() * size.batch())
                .learningRate(STANDING_STILL);
        if (Recipe.hasK(method.architecture())) {
            recipe.k(size.k());
        }
        return method.change().apply(recipe).build(size.width());
    }

    private Map<String, Object> compare(Method method, StepBenchmark reference, StepBenchmark steps) {
        int referenceCount = BenchStep.warmUp(reference, effort);
        int count = BenchStep.warmUp(steps, effort);
        double[] referenceSeconds = new double[effort.rounds()];
        double[] seconds = new double[effort.rounds()];
        for (int round = 0; round < effort.rounds(); round++) {
            referenceSeconds[round] = clock.seconds(device, () -> reference.fed(referenceCount)) / referenceCount;
            seconds[round] = clock.seconds(device, () -> steps.fed(count)) / count;
        }
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("method", method.name());
        BenchRounds.of(effort.rounds(), round -> seconds[round] * 1e3).addTo(map, "step_ms");
        BenchRounds.of(effort.rounds(), round -> seconds[round] / referenceSeconds[round])
                .addTo(map, "ratio_to_topk");
        StepBenchmark.Codes codes = steps.lastCodes();
        map.put("l0", codes.active());
        map.put("codes_per_row", codes.entries());
        Map<String, Object> kernels = new LinkedHashMap<>();
        steps.byKernel(count);
        steps.byKernel(count).forEach((name, value) -> kernels.put(name, value * 1e3));
        map.put("kernels_ms", kernels);
        return map;
    }

    // ------------------------------------------------------------------------------------------------- for people

    static String text(Map<String, Object> size) {
        List<List<String>> rows = new ArrayList<>();
        if (size.get("methods") instanceof List<?> methods) {
            for (Object one : methods) {
                Map<String, Object> method = RunRecord.object(one);
                rows.add(List.of(
                        String.valueOf(method.get("method")),
                        Texts.fixed(method.get("step_ms"), 2),
                        Texts.fixed(method.get("ratio_to_topk"), 2) + " ±" + half(method.get("ratio_to_topk_spread")),
                        Texts.fixed(method.get("l0"), 1),
                        Texts.fixed(method.get("codes_per_row"), 1),
                        longest(RunRecord.object(method.get("kernels_ms")))));
            }
        }
        return Texts.grid(
                List.of(
                        "d=%s F=%s B=%s k=%s"
                                .formatted(size.get("d"), size.get("latents"), size.get("batch"), size.get("k")),
                        "step, ms",
                        "× topk",
                        "L0",
                        "codes/row",
                        "most of it, ms"),
                rows);
    }

    private static String longest(Map<String, Object> kernels) {
        List<String> shown = new ArrayList<>();
        kernels.entrySet().stream()
                .limit(KERNELS_SHOWN)
                .forEach(entry -> shown.add(entry.getKey() + " " + Texts.fixed(entry.getValue(), 2)));
        return String.join(", ", shown);
    }

    /** Half of highest - lowest, a share of the median. */
    private static String half(@Nullable Object spread) {
        return spread instanceof Number share ? Math.round(50 * share.doubleValue()) + " %" : "-";
    }
}
