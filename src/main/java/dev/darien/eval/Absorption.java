// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Feature absorption (Chanin et al. 2024; SAEBench, Karvonen et al. 2025): whether a concept's own latents stay silent where
 * more special latents have taken over its direction. The concepts are classes of examples, such as words by their first
 * letter. For each class a logistic probe on the activations gives a direction p; its main latents are those of a sparse
 * probe. On test examples that the probe tells rightly, with {@code main = Σ f·(d·p)} over main latents and {@code abs} the
 * same over the strongest others: 0 if main ≥ x·p or abs/(x·p) is below a threshold, 1 if main ≤ 0, else {@code
 * m/(m + main)} with {@code m = min(abs, x·p - main)}.
 *
 * @param mean of the classes' scores; NaN if no class has a probe that is good enough
 * @param classes those whose probe is good enough
 */
public record Absorption(double mean, List<ClassResult> classes) {
    private static final int FOLDS = 5;
    private static final double LEAST_F1 = 0.6;
    private static final double LEAST_GAIN = 0.03;
    private static final int MOST_MAIN = 10;

    public Absorption {
        classes = List.copyOf(classes);
    }

    /**
     * One class.
     *
     * @param f1 of its probe on the activations
     * @param mainLatents of the class
     * @param examples that were scored
     * @param score their mean score
     */
    public record ClassResult(String label, double f1, List<Integer> mainLatents, int examples, double score) {
        public ClassResult {
            mainLatents = List.copyOf(mainLatents);
        }
    }

    /**
     * The constants, in which the paper and its code differ.
     *
     * @param cosine least cosine of a latent's decoder row with p to absorb
     * @param share least abs/(x·p)
     * @param latents most latents that absorb in an example
     */
    public record Constants(double cosine, double share, int latents) {
        /** As SAEBench's code has them. */
        public static final Constants CODE = new Constants(0.1, 0.4, 3);

        /** As the paper's table has them. */
        public static final Constants PAPER = new Constants(-1, 0, Integer.MAX_VALUE);
    }

    /**
     * Measures it on the most frequent classes; a fifth of the examples is for testing.
     *
     * @throws dev.darien.data.DataException if there is one class only, or one has fewer than 5 examples
     */
    public static Absorption of(ExampleSet set, int classes, int perSide, Constants constants, long seed) {
        List<ClassResult> results = new ArrayList<>();
        for (ClassTask task : ClassTask.of(set, classes, perSide, FOLDS, seed)) {
            ClassTask.Split split = task.split(0, FOLDS);
            Features channels = set.channels();
            int[] all = IntStream.range(0, channels.count()).toArray();
            LogisticRegression probe = SparseProbing.fit(channels, all, split);
            double f1 = f1(channels, all, probe, split);
            if (f1 >= LEAST_F1) {
                results.add(result(set, task, split, probe, f1, constants));
            }
        }
        return new Absorption(
                results.stream().mapToDouble(ClassResult::score).average().orElse(Double.NaN), results);
    }

    private static ClassResult result(
            ExampleSet set,
            ClassTask task,
            ClassTask.Split split,
            LogisticRegression probe,
            double f1,
            Constants constants) {
        int[] main = mainLatents(set.latents(), split);
        double sum = 0;
        int count = 0;
        for (int example : split.testPositives()) {
            double along = dot(set.activations()[example], probe.weights());
            if (along + probe.intercept() > 0) {
                sum += score(set.latents(), example, main, probe.weights(), along, constants);
                count++;
            }
        }
        return new ClassResult(
                task.label(), f1, IntStream.of(main).boxed().toList(), count, count == 0 ? 0 : sum / count);
    }

    /** The latents of the smallest sparse probe to which one more latent adds little. */
    private static int[] mainLatents(Features latents, ClassTask.Split split) {
        int[] best = SparseProbing.chosen(latents, split.trainPositives(), split.trainNegatives(), MOST_MAIN);
        double f1 = Double.NEGATIVE_INFINITY;
        for (int k = 1; k <= best.length; k++) {
            int[] used = Arrays.copyOf(best, k);
            double now = f1(latents, used, SparseProbing.fit(latents, used, split), split);
            if (now <= f1 + LEAST_GAIN) {
                return Arrays.copyOf(best, k - 1);
            }
            f1 = now;
        }
        return best;
    }

    private static double f1(Features features, int[] used, LogisticRegression probe, ClassTask.Split split) {
        boolean[] predicted = probe.predict(SparseProbing.columns(features, used, split.test()), split.test().length);
        boolean[] labels = split.testLabels();
        int right = 0;
        int wrong = 0;
        for (int at = 0; at < labels.length; at++) {
            right += predicted[at] && labels[at] ? 1 : 0;
            wrong += predicted[at] != labels[at] ? 1 : 0;
        }
        return right == 0 ? 0 : 2.0 * right / (2.0 * right + wrong);
    }

    private static double score(
            Features.Sparse latents, int example, int[] main, double[] p, double along, Constants constants) {
        double norm = Math.sqrt(Arrays.stream(p).map(value -> value * value).sum());
        double own = 0;
        List<Double> others = new ArrayList<>();
        for (int at = 0; at < latents.indices()[example].length; at++) {
            int latent = latents.indices()[example][at];
            float[] direction = latents.direction(latent);
            double dot = dot(direction, p);
            double part = latents.values()[example][at] * dot;
            double length = Math.sqrt(ExampleSet.dot(direction, direction));
            if (IntStream.of(main).anyMatch(one -> one == latent)) {
                own += part;
            } else if (part > 0 && dot >= constants.cosine() * norm * length) {
                others.add(part);
            }
        }
        double absorbed = others.stream()
                .sorted((a, b) -> Double.compare(b, a))
                .limit(constants.latents())
                .mapToDouble(Double::doubleValue)
                .sum();
        return score(own, absorbed, along, constants.share());
    }

    /** Of one example: main latents' share of p, that of absorbing ones, and x·p. */
    static double score(double main, double absorbed, double along, double leastShare) {
        if (main >= along || absorbed / along < leastShare) {
            return 0;
        }
        if (main <= 0) {
            return 1;
        }
        double missing = Math.min(absorbed, along - main);
        return missing / (missing + main);
    }

    private static double dot(float[] a, double[] b) {
        double sum = 0;
        for (int t = 0; t < a.length; t++) {
            sum += a[t] * b[t];
        }
        return sum;
    }

    /** {@code mean}, and {@code classes} with {@code class, f1, main_latents, examples, score}, in this order. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("mean", mean);
        List<Map<String, Object>> list = new ArrayList<>();
        for (ClassResult one : classes) {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("class", one.label());
            entry.put("f1", one.f1());
            entry.put("main_latents", one.mainLatents());
            entry.put("examples", one.examples());
            entry.put("score", one.score());
            list.add(entry);
        }
        map.put("classes", list);
        return map;
    }
}
