// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.data.DataException;
import dev.darien.data.SeededRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Telling one class from the rest: as many examples of the class as of all others together, in random order.
 *
 * @param label of the class
 * @param positives examples of the class
 * @param negatives as many of other classes
 */
@SuppressWarnings("ArrayRecordComponent") // made here, written by nobody
record ClassTask(String label, int[] positives, int[] negatives) {

    /**
     * The tasks of the most frequent classes.
     *
     * @param classes most tasks
     * @param perSide most examples of each side of a task
     * @param folds how many parts each side is to be cut into
     * @throws DataException if there is one class only, or a side has fewer examples than folds
     */
    static List<ClassTask> of(ExampleSet set, int classes, int perSide, int folds, long seed) {
        List<String> names = set.examples().names();
        List<List<Integer>> members = new ArrayList<>();
        names.forEach(name -> members.add(new ArrayList<>()));
        for (int example = 0; example < set.examples().count(); example++) {
            if (set.isThere(example)) {
                members.get(set.examples().classOf(example)).add(example);
            }
        }
        List<Integer> present = IntStream.range(0, names.size())
                .boxed()
                .filter(label -> !members.get(label).isEmpty())
                .sorted(Comparator.comparingInt(
                        (Integer label) -> -members.get(label).size()))
                .toList();
        if (present.size() < 2) {
            throw new DataException("all labels are of one class"
                    + (present.isEmpty() ? "" : " ('" + names.get(present.getFirst()) + "')")
                    + "; a probe needs at least two to tell apart");
        }
        List<ClassTask> tasks = new ArrayList<>();
        for (int label : present.subList(0, Math.min(classes, present.size()))) {
            List<Integer> others = new ArrayList<>();
            for (int other : present) {
                if (other != label) {
                    others.addAll(members.get(other));
                }
            }
            SeededRandom random = new SeededRandom(seed, label);
            int[] positives = shuffled(members.get(label), random);
            int[] negatives = shuffled(others, random);
            int count = Math.min(perSide, Math.min(positives.length, negatives.length));
            if (count < folds) {
                boolean rare = positives.length <= negatives.length;
                throw new DataException("class '" + names.get(label) + "' has " + count + " example"
                        + (count == 1 ? "" : "s") + (rare ? "" : " of other classes beside it") + ", fewer than the "
                        + folds + " folds; use fewer folds, fewer classes or more data");
            }
            tasks.add(
                    new ClassTask(names.get(label), Arrays.copyOf(positives, count), Arrays.copyOf(negatives, count)));
        }
        return tasks;
    }

    static int[] shuffled(List<Integer> examples, SeededRandom random) {
        int[] order = examples.stream().mapToInt(Integer::intValue).toArray();
        for (int at = order.length - 1; at > 0; at--) {
            int other = random.nextInt(at + 1);
            int example = order[at];
            order[at] = order[other];
            order[other] = example;
        }
        return order;
    }

    /** A training and a test part. */
    @SuppressWarnings("ArrayRecordComponent") // as above
    record Split(int[] trainPositives, int[] trainNegatives, int[] testPositives, int[] testNegatives) {
        int[] train() {
            return joined(trainPositives, trainNegatives);
        }

        int[] test() {
            return joined(testPositives, testNegatives);
        }

        /** For {@link #train}: positives come first. */
        boolean[] trainLabels() {
            return labels(trainPositives.length, trainNegatives.length);
        }

        /** For {@link #test}. */
        boolean[] testLabels() {
            return labels(testPositives.length, testNegatives.length);
        }

        private static boolean[] labels(int positives, int negatives) {
            boolean[] labels = new boolean[positives + negatives];
            Arrays.fill(labels, 0, positives, true);
            return labels;
        }
    }

    /** Part {@code fold} of {@code folds} for testing, the rest for training. */
    Split split(int fold, int folds) {
        return new Split(
                part(positives, fold, folds, false),
                part(negatives, fold, folds, false),
                part(positives, fold, folds, true),
                part(negatives, fold, folds, true));
    }

    static int[] part(int[] examples, int fold, int folds, boolean test) {
        return IntStream.range(0, examples.length)
                .filter(at -> (at % folds == fold) == test)
                .map(at -> examples[at])
                .toArray();
    }

    static int[] joined(int[] a, int[] b) {
        int[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }
}
