// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Targeted probe perturbation (SAEBench, Karvonen et al. 2025): whether taking away the latents that matter most to one
 * class harms the probe of that class and no other. {@code mean_i [(A_i - A_i,i) - mean_{j≠i} (A_j - A_i,j)]}, with A_i,j the
 * accuracy of class j's probe without the latents of class i. Larger is better; 0 says nothing.
 *
 * @param classes labels of the classes
 * @param accuracy of each class's probe, A_i
 * @param scores by number of latents taken away, for {@code sae} and the baselines {@code pca} (principal components)
 *     and {@code random} (an orthonormal basis)
 */
public record Tpp(List<String> classes, List<Double> accuracy, Map<String, Map<Integer, Double>> scores) {
    private static final int FOLDS = 5;
    private static final int COMPONENTS = 64;

    public Tpp {
        classes = List.copyOf(classes);
        accuracy = List.copyOf(accuracy);
    }

    /**
     * Measures it on the most frequent classes; a fifth of the examples is for testing.
     *
     * @param classes most classes
     * @param perSide most examples of a class, and of others beside it
     * @param numbers of latents to take away
     * @throws dev.darien.data.DataException if there is one class only, or one has fewer than 5 examples
     */
    public static Tpp of(ExampleSet set, int classes, int perSide, List<Integer> numbers, long seed) {
        List<ClassTask> tasks = ClassTask.of(set, classes, perSide, FOLDS, seed);
        List<ClassTask.Split> splits =
                tasks.stream().map(task -> task.split(0, FOLDS)).toList();
        List<LinearProbe> probes = splits.stream()
                .parallel()
                .map(split -> LinearProbe.train(set.activations(), split, seed))
                .toList();
        List<Double> clean = new ArrayList<>();
        for (int at = 0; at < probes.size(); at++) {
            clean.add(accuracy(probes.get(at), set.activations(), splits.get(at)));
        }
        int[] all =
                IntStream.range(0, set.examples().count()).filter(set::isThere).toArray();
        Map<String, Features> sets = new LinkedHashMap<>();
        sets.put("sae", set.latents());
        sets.put("pca", set.principalComponents(all, COMPONENTS));
        sets.put("random", set.randomBasis(seed));
        Map<String, Map<Integer, Double>> scores = new LinkedHashMap<>();
        sets.forEach((name, features) -> {
            Map<Integer, Double> byNumber = new LinkedHashMap<>();
            for (int number : numbers) {
                byNumber.put(number, score(set, features, splits, probes, clean, number));
            }
            scores.put(name, byNumber);
        });
        return new Tpp(tasks.stream().map(ClassTask::label).toList(), clean, scores);
    }

    private static double score(
            ExampleSet set,
            Features features,
            List<ClassTask.Split> splits,
            List<LinearProbe> probes,
            List<Double> clean,
            int number) {
        int classes = probes.size();
        return IntStream.range(0, classes)
                .parallel()
                .mapToDouble(i -> {
                    ClassTask.Split own = splits.get(i);
                    int[] removed = Ablation.strongest(
                            Ablation.effects(features, probes.get(i), own.trainPositives(), own.trainNegatives(), true),
                            number);
                    double harm = 0;
                    for (int j = 0; j < classes; j++) {
                        float[][] rest = Ablation.without(
                                set.activations(),
                                features,
                                removed,
                                splits.get(j).test());
                        double lost = clean.get(j) - accuracy(probes.get(j), rest, splits.get(j));
                        harm += j == i ? lost : -lost / (classes - 1);
                    }
                    return harm;
                })
                .average()
                .orElseThrow();
    }

    private static double accuracy(LinearProbe probe, float[][] activations, ClassTask.Split split) {
        return probe.accuracy(activations, split.testPositives(), split.testNegatives());
    }

    /** {@code tpp} by number of latents, {@code baselines, classes, probe_accuracy}, in this order. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        Map<String, Object> baselines = new LinkedHashMap<>(scores);
        map.put("tpp", baselines.remove("sae"));
        map.put("baselines", baselines);
        map.put("classes", classes);
        map.put("probe_accuracy", accuracy);
        return map;
    }
}
