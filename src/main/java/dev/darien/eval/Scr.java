// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.data.DataException;
import dev.darien.data.Examples;
import dev.darien.data.SeededRandom;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Spurious correlation removal (SAEBench, Karvonen et al. 2025, after SHIFT of Marks et al. 2024): a probe for one label is
 * trained on data where another label always goes along with it; taking away the latents that matter most to the other
 * label should make it tell the wanted one. {@code S = (A_abl - A_base)/(A_oracle - A_base)}, 0 where the denominator is
 * below 0.001. Both labels are tried as the wanted one; the one with the lower A_base is reported.
 *
 * @param wanted which label was to be told: {@code labels} or {@code spurious}
 * @param base accuracy of the biased probe on balanced data, A_base
 * @param oracle accuracy of a probe trained on balanced data, A_oracle
 * @param examples of each of the four combinations
 * @param scores by number of latents taken away, for {@code sae} and the baselines {@code pca} (principal components)
 *     and {@code random} (an orthonormal basis)
 */
public record Scr(String wanted, double base, double oracle, int examples, Map<String, Map<Integer, Double>> scores) {
    private static final int FOLDS = 5;
    private static final int COMPONENTS = 64;
    private static final double LEAST_ROOM = 1e-3;

    /**
     * Measures it; a fifth of the examples is for testing.
     *
     * @param set examples with the first label
     * @param spurious the second label of the same examples
     * @param perGroup most examples of each combination of labels
     * @param numbers of latents to take away
     * @throws DataException if a label hasn't two classes, or a combination of them fewer than 5 examples
     */
    public static Scr of(ExampleSet set, Examples spurious, int perGroup, List<Integer> numbers, long seed) {
        int[][] groups = groups(set, spurious, perGroup, seed);
        int[] all =
                IntStream.range(0, set.examples().count()).filter(set::isThere).toArray();
        Map<String, Features> sets = new LinkedHashMap<>();
        sets.put("sae", set.latents());
        sets.put("pca", set.principalComponents(all, COMPONENTS));
        sets.put("random", set.randomBasis(seed));
        Scr first = of("labels", set, groups, sets, numbers, seed);
        // Exchanging the labels exchanges the groups that have one but not the other.
        Scr second = of("spurious", set, new int[][] {groups[0], groups[2], groups[1], groups[3]}, sets, numbers, seed);
        return first.base <= second.base ? first : second;
    }

    /** Examples by wanted · 2 + spurious, as many of each. */
    private static int[][] groups(ExampleSet set, Examples spurious, int perGroup, long seed) {
        requireTwo(set.examples(), "the label");
        requireTwo(spurious, "the spurious label");
        if (spurious.count() != set.examples().count()) {
            throw new DataException("there are " + set.examples().count() + " labels, but " + spurious.count()
                    + " spurious ones; both must be of the same examples");
        }
        List<List<Integer>> members = new ArrayList<>();
        for (int group = 0; group < 4; group++) {
            members.add(new ArrayList<>());
        }
        for (int example = 0; example < spurious.count(); example++) {
            if (set.isThere(example)) {
                members.get(2 * set.examples().classOf(example) + spurious.classOf(example))
                        .add(example);
            }
        }
        int count =
                Math.min(perGroup, members.stream().mapToInt(List::size).min().orElseThrow());
        if (count < FOLDS) {
            int rarest = IntStream.range(0, 4)
                    .filter(group -> members.get(group).size() == count)
                    .findFirst()
                    .orElse(0);
            throw new DataException("only " + count + " examples are of class '"
                    + set.examples().names().get(rarest / 2) + "' and of the spurious class '"
                    + spurious.names().get(rarest % 2) + "', where at least " + FOLDS
                    + " are needed to train and test on");
        }
        int[][] groups = new int[4][];
        for (int group = 0; group < 4; group++) {
            groups[group] = IntStream.of(ClassTask.shuffled(members.get(group), new SeededRandom(seed, group)))
                    .limit(count)
                    .toArray();
        }
        return groups;
    }

    private static void requireTwo(Examples examples, String what) {
        if (examples.names().size() != 2) {
            throw new DataException(what + " has " + examples.names().size() + " class"
                    + (examples.names().size() == 1 ? "" : "es") + " ("
                    + String.join(", ", examples.names().stream().limit(6).toList())
                    + "), but removing a spurious correlation needs exactly two");
        }
    }

    private static Scr of(
            String wanted,
            ExampleSet set,
            int[][] groups,
            Map<String, Features> sets,
            List<Integer> numbers,
            long seed) {
        ClassTask.Split biased = new ClassTask("", groups[3], groups[0]).split(0, FOLDS);
        ClassTask.Split balanced = balanced(groups[2], groups[3], groups[0], groups[1]);
        ClassTask.Split other = balanced(groups[1], groups[3], groups[0], groups[2]);
        LinearProbe probe = LinearProbe.train(set.activations(), biased, seed);
        LinearProbe unwanted = LinearProbe.train(set.activations(), other, seed);
        double base = accuracy(probe, set.activations(), balanced);
        double oracle = accuracy(LinearProbe.train(set.activations(), balanced, seed), set.activations(), balanced);
        Map<String, Map<Integer, Double>> scores = new LinkedHashMap<>();
        sets.forEach((name, features) -> {
            double[] effects =
                    Ablation.effects(features, unwanted, other.trainPositives(), other.trainNegatives(), false);
            Map<Integer, Double> byNumber = new LinkedHashMap<>();
            for (int number : numbers) {
                float[][] rest = Ablation.without(
                        set.activations(), features, Ablation.strongest(effects, number), balanced.test());
                byNumber.put(number, score(base, accuracy(probe, rest, balanced), oracle));
            }
            scores.put(name, byNumber);
        });
        return new Scr(wanted, base, oracle, groups[0].length, scores);
    }

    /** Both groups of each side, half and half in either part. */
    private static ClassTask.Split balanced(int[] onePositive, int[] otherPositive, int[] oneNegative, int[] other) {
        ClassTask.Split one = new ClassTask("", onePositive, oneNegative).split(0, FOLDS);
        ClassTask.Split two = new ClassTask("", otherPositive, other).split(0, FOLDS);
        return new ClassTask.Split(
                ClassTask.joined(one.trainPositives(), two.trainPositives()),
                ClassTask.joined(one.trainNegatives(), two.trainNegatives()),
                ClassTask.joined(one.testPositives(), two.testPositives()),
                ClassTask.joined(one.testNegatives(), two.testNegatives()));
    }

    private static double accuracy(LinearProbe probe, float[][] activations, ClassTask.Split split) {
        return probe.accuracy(activations, split.testPositives(), split.testNegatives());
    }

    static double score(double base, double ablated, double oracle) {
        return oracle - base < LEAST_ROOM ? 0 : (ablated - base) / (oracle - base);
    }

    /** {@code scr} by number of latents, {@code baselines, wanted, base, oracle, examples}, in this order. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        Map<String, Object> baselines = new LinkedHashMap<>(scores);
        map.put("scr", baselines.remove("sae"));
        map.put("baselines", baselines);
        map.put("wanted", wanted);
        map.put("base", base);
        map.put("oracle", oracle);
        map.put("examples_of_each_combination", examples);
        return map;
    }
}
