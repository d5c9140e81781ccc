// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.data.DataException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Sparse probing (SAEBench, Karvonen et al. 2025; Gurnee et al. 2023): how well few latents tell a class from the rest.
 * The K latents whose class means differ most on the training part go into a logistic regression (L2, C = 1), whose
 * accuracy is measured on the other part; averaged over the folds of a cross-validation and over classes. Both sides have
 * as many examples, so chance is 0.5.
 *
 * @param ks how many latents were used
 * @param classes what came of each class
 * @param accuracy mean accuracy over the classes for each K: of {@code sae}, and as baselines of single {@code channels} of
 *     the activations, {@code pca} (principal components) and {@code random} directions, all chosen in the same way
 * @param allChannels accuracy with all channels of the activations: what is there to be found
 */
public record SparseProbing(
        List<Integer> ks, List<ClassResult> classes, Map<String, Map<Integer, Double>> accuracy, double allChannels) {

    private static final double C = 1;
    private static final int COMPONENTS = 64;

    public SparseProbing {
        ks = List.copyOf(ks);
        classes = List.copyOf(classes);
    }

    /**
     * One class against the rest.
     *
     * @param label of the class
     * @param examples of each side
     * @param accuracy of the SAE's latents for each K
     * @param latents those chosen first on all examples, as many as the largest K
     */
    public record ClassResult(String label, int examples, Map<Integer, Double> accuracy, List<Integer> latents) {
        public ClassResult {
            latents = List.copyOf(latents);
        }
    }

    /**
     * How to probe.
     *
     * @param ks how many latents to use, each its own probe
     * @param folds of the cross-validation
     * @param classes most classes to probe, the most frequent ones
     * @param perSide most examples of a class, and of the others beside it
     * @param seed of the choice of examples and of random directions
     */
    public record Options(List<Integer> ks, int folds, int classes, int perSide, long seed) {
        /** K of 1, 2 and 5, five folds, five classes, 2,500 examples of each side. */
        public static final Options DEFAULT = new Options(List.of(1, 2, 5), 5, 5, 2500, 1);

        /** @throws IllegalArgumentException if a number is out of range */
        public Options {
            ks = ks.stream().distinct().sorted().toList();
            if (ks.isEmpty() || ks.getFirst() < 1) {
                throw new IllegalArgumentException("a probe needs at least 1 latent, not " + ks);
            }
            if (folds < 2) {
                throw new IllegalArgumentException("cross-validation needs at least 2 folds, not " + folds);
            }
            if (classes < 1) {
                throw new IllegalArgumentException("at least 1 class must be probed, not " + classes);
            }
            if (perSide < folds) {
                throw new IllegalArgumentException(perSide + " examples are fewer than the " + folds + " folds");
            }
        }
    }

    /**
     * Probes the most frequent classes.
     *
     * @throws DataException if there is one class only, or a class has fewer examples than folds
     */
    public static SparseProbing of(ExampleSet set, Options options) {
        List<ClassTask> tasks =
                ClassTask.of(set, options.classes(), options.perSide(), options.folds(), options.seed());
        int[] all =
                IntStream.range(0, set.examples().count()).filter(set::isThere).toArray();
        Map<String, Features> sets = new LinkedHashMap<>();
        sets.put("sae", set.latents());
        sets.put("channels", set.channels());
        sets.put("pca", set.principalComponents(all, COMPONENTS));
        sets.put("random", set.randomDirections(options.seed()));
        Map<String, Map<Integer, Double>> accuracy = new LinkedHashMap<>();
        List<ClassResult> classes = new ArrayList<>();
        sets.forEach((name, features) -> {
            List<double[]> results = IntStream.range(0, tasks.size())
                    .parallel()
                    .mapToObj(task -> accuracies(features, tasks.get(task), options))
                    .toList();
            Map<Integer, Double> means = new LinkedHashMap<>();
            for (int k = 0; k < options.ks().size(); k++) {
                int at = k;
                means.put(
                        options.ks().get(k),
                        results.stream().mapToDouble(one -> one[at]).average().orElseThrow());
            }
            accuracy.put(name, means);
            if (features == set.latents()) {
                for (int task = 0; task < tasks.size(); task++) {
                    classes.add(result(features, tasks.get(task), options.ks(), results.get(task)));
                }
            }
        });
        return new SparseProbing(options.ks(), classes, accuracy, allChannels(set, tasks, options));
    }

    private static ClassResult result(Features features, ClassTask task, List<Integer> ks, double[] accuracies) {
        Map<Integer, Double> byK = new LinkedHashMap<>();
        for (int k = 0; k < accuracies.length; k++) {
            byK.put(ks.get(k), accuracies[k]);
        }
        int[] chosen = chosen(features, task.positives(), task.negatives(), ks.getLast());
        return new ClassResult(
                task.label(),
                task.positives().length,
                byK,
                IntStream.of(chosen).boxed().toList());
    }

    /** For each K the mean over folds. */
    private static double[] accuracies(Features features, ClassTask task, Options options) {
        double[] sums = new double[options.ks().size()];
        for (int fold = 0; fold < options.folds(); fold++) {
            ClassTask.Split split = task.split(fold, options.folds());
            int[] chosen = chosen(
                    features,
                    split.trainPositives(),
                    split.trainNegatives(),
                    options.ks().getLast());
            for (int k = 0; k < sums.length; k++) {
                int[] used = IntStream.of(chosen).limit(options.ks().get(k)).toArray();
                sums[k] += accuracy(features, used, split) / options.folds();
            }
        }
        return sums;
    }

    private static double allChannels(ExampleSet set, List<ClassTask> tasks, Options options) {
        Features channels = set.channels();
        int[] used = IntStream.range(0, channels.count()).toArray();
        return IntStream.range(0, tasks.size())
                .parallel()
                .mapToDouble(task -> accuracy(channels, used, tasks.get(task).split(0, options.folds())))
                .average()
                .orElseThrow();
    }

    /** The features whose means differ most, at most {@code k}; of equal ones the lower. */
    static int[] chosen(Features features, int[] positives, int[] negatives, int k) {
        double[] differences = features.meanDifferences(positives, negatives);
        return IntStream.range(0, differences.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer feature) -> -Math.abs(differences[feature]))
                        .thenComparingInt(feature -> feature))
                .limit(k)
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** Fits the features {@code used} on the training part; the share of the test part that is told rightly. */
    static double accuracy(Features features, int[] used, ClassTask.Split split) {
        boolean[] predicted =
                fit(features, used, split).predict(columns(features, used, split.test()), split.test().length);
        boolean[] labels = split.testLabels();
        int right = 0;
        for (int at = 0; at < labels.length; at++) {
            right += predicted[at] == labels[at] ? 1 : 0;
        }
        return (double) right / labels.length;
    }

    static LogisticRegression fit(Features features, int[] used, ClassTask.Split split) {
        return LogisticRegression.fit(columns(features, used, split.train()), split.trainLabels(), C);
    }

    static double[][] columns(Features features, int[] used, int[] examples) {
        double[][] columns = new double[used.length][];
        for (int at = 0; at < used.length; at++) {
            columns[at] = features.column(used[at], examples);
        }
        return columns;
    }

    /** {@code accuracy} and {@code baselines} by K, {@code all_channels}, and {@code classes}, in this order. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        Map<String, Object> baselines = new LinkedHashMap<>(accuracy);
        map.put("accuracy", baselines.remove("sae"));
        map.put("baselines", baselines);
        map.put("all_channels", allChannels);
        List<Map<String, Object>> list = new ArrayList<>();
        for (ClassResult one : classes) {
            Map<String, Object> entry = new LinkedHashMap<>();
            entry.put("class", one.label());
            entry.put("examples", one.examples());
            entry.put("accuracy", one.accuracy());
            entry.put("latents", one.latents());
            list.add(entry);
        }
        map.put("classes", list);
        return map;
    }
}
