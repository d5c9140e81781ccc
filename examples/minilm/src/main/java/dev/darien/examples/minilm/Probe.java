// SPDX-License-Identifier: Apache-2.0
package dev.darien.examples.minilm;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * A label told by one feature against a threshold: of those whose means differ most, the one that tells it best.
 *
 * @param feature number of the feature
 * @param threshold above which the label is true
 * @param sign 1, or -1 where low values mean that it is
 */
record Probe(int feature, float threshold, int sign) {
    /** How many features of the largest differences are tried. */
    private static final int TRIED = 16;
    /** Some two hundred thresholds are as good as all. */
    private static final int THRESHOLDS = 200;

    static Probe fit(float[][] features, boolean[] labels) {
        return IntStream.range(0, features[0].length)
                .boxed()
                .sorted(Comparator.comparingDouble(
                        (Integer feature) -> -Math.abs(difference(features, labels, feature))))
                .limit(TRIED)
                .map(feature -> fit(features, labels, feature))
                .max(Comparator.comparingDouble(probe -> probe.accuracy(features, labels)))
                .orElseThrow();
    }

    private static Probe fit(float[][] features, boolean[] labels, int feature) {
        int sign = difference(features, labels, feature) >= 0 ? 1 : -1;
        Integer[] order = IntStream.range(0, labels.length).boxed().toArray(Integer[]::new);
        Arrays.sort(order, (a, b) -> Float.compare(features[a][feature], features[b][feature]));
        Probe best = new Probe(feature, Float.NEGATIVE_INFINITY, sign);
        double accuracy = 0;
        for (int i = 0; i + 1 < order.length; i += Math.max(1, order.length / THRESHOLDS)) {
            float between = (features[order[i]][feature] + features[order[i + 1]][feature]) / 2;
            Probe candidate = new Probe(feature, between, sign);
            double reached = candidate.accuracy(features, labels);
            if (reached > accuracy) {
                accuracy = reached;
                best = candidate;
            }
        }
        return best;
    }

    private static double difference(float[][] features, boolean[] labels, int feature) {
        double with = 0;
        double without = 0;
        int count = 0;
        for (int i = 0; i < labels.length; i++) {
            if (labels[i]) {
                with += features[i][feature];
                count++;
            } else {
                without += features[i][feature];
            }
        }
        return with / count - without / (labels.length - count);
    }

    /** Mean of the shares of those with and those without the label that are told right. */
    double accuracy(float[][] features, boolean[] labels) {
        int[] all = new int[2];
        int[] right = new int[2];
        for (int i = 0; i < labels.length; i++) {
            int group = labels[i] ? 1 : 0;
            boolean said = sign * features[i][feature] > sign * threshold;
            all[group]++;
            right[group] += said == labels[i] ? 1 : 0;
        }
        return 0.5 * right[0] / all[0] + 0.5 * right[1] / all[1];
    }
}
