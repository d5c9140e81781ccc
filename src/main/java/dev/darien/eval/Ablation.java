// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Which features matter to a probe, and examples without them (SAEBench, Karvonen et al. 2025, SCR and TPP). Averaging over
 * an example's tokens and taking features away are both linear, so averages are all that is needed; what the SAE doesn't
 * reconstruct stays as it is.
 */
final class Ablation {
    private Ablation() {}

    /**
     * Effect of each feature on a probe: (mean over positives - mean over negatives) times the probe's weights along the
     * feature's direction.
     *
     * @param signed TPP's: a mean difference below 0 counts as 0, and the product keeps its sign; else SCR's: its magnitude
     */
    static double[] effects(Features features, LinearProbe probe, int[] positives, int[] negatives, boolean signed) {
        double[] effects = features.meanDifferences(positives, negatives);
        for (int feature = 0; feature < effects.length; feature++) {
            if (effects[feature] != 0) {
                double along = ExampleSet.dot(probe.weights(), features.direction(feature));
                effects[feature] = signed ? Math.max(0, effects[feature]) * along : Math.abs(effects[feature] * along);
            }
        }
        return effects;
    }

    /** The {@code n} features with the largest effects above 0, largest first; of equal ones the lower. */
    static int[] strongest(double[] effects, int n) {
        return IntStream.range(0, effects.length)
                .filter(feature -> effects[feature] > 0)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer feature) -> -effects[feature])
                        .thenComparingInt(feature -> feature))
                .limit(n)
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** The rows {@code examples} of {@code activations} without {@code removed}; other rows are null. */
    static float[][] without(float[][] activations, Features features, int[] removed, int[] examples) {
        float[][] rest = new float[activations.length][];
        for (int example : examples) {
            rest[example] = activations[example].clone();
        }
        for (int feature : removed) {
            double[] values = features.column(feature, examples);
            float[] direction = features.direction(feature);
            for (int at = 0; at < examples.length; at++) {
                if (values[at] != 0) {
                    float[] row = rest[examples[at]];
                    for (int t = 0; t < row.length; t++) {
                        row[t] -= (float) (values[at] * direction[t]);
                    }
                }
            }
        }
        return rest;
    }
}
