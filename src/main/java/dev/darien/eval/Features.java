// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import java.util.Arrays;

/**
 * What examples are described by: features, each with a value for each example and a direction in the activations' space,
 * so that taking a feature away from an example is subtracting value times direction. Latents of an SAE with their decoder
 * rows, or a baseline.
 */
sealed interface Features {
    /** Number of features. */
    int count();

    /** Adds {@code weight} times each feature's value of {@code example} to {@code sums}, [features]. */
    void add(int example, double weight, double[] sums);

    /** Value of one feature for each of {@code examples}. */
    double[] column(int feature, int[] examples);

    /** Direction of a feature, [d]. */
    float[] direction(int feature);

    /** Mean over {@code positives} minus mean over {@code negatives}, of each feature. */
    default double[] meanDifferences(int[] positives, int[] negatives) {
        double[] differences = new double[count()];
        for (int example : positives) {
            add(example, 1.0 / positives.length, differences);
        }
        for (int example : negatives) {
            add(example, -1.0 / negatives.length, differences);
        }
        return differences;
    }

    /** Few features are active in each example: rows of entries ascending by feature, as in compressed rows. */
    @SuppressWarnings("ArrayRecordComponent") // made by ExampleSet, written by nobody
    record Sparse(int[][] indices, float[][] values, float[][] directions) implements Features {
        @Override
        public int count() {
            return directions.length;
        }

        @Override
        public void add(int example, double weight, double[] sums) {
            for (int at = 0; at < indices[example].length; at++) {
                sums[indices[example][at]] += weight * values[example][at];
            }
        }

        @Override
        public double[] column(int feature, int[] examples) {
            double[] column = new double[examples.length];
            for (int row = 0; row < examples.length; row++) {
                int at = Arrays.binarySearch(indices[examples[row]], feature);
                column[row] = at < 0 ? 0 : values[examples[row]][at];
            }
            return column;
        }

        @Override
        public float[] direction(int feature) {
            return directions[feature];
        }
    }

    /** Every feature has a value in every example: [examples][features]. */
    @SuppressWarnings("ArrayRecordComponent") // as above
    record Dense(float[][] values, float[][] directions) implements Features {
        @Override
        public int count() {
            return directions.length;
        }

        @Override
        public void add(int example, double weight, double[] sums) {
            for (int feature = 0; feature < sums.length; feature++) {
                sums[feature] += weight * values[example][feature];
            }
        }

        @Override
        public double[] column(int feature, int[] examples) {
            double[] column = new double[examples.length];
            for (int row = 0; row < examples.length; row++) {
                column[row] = values[examples[row]][feature];
            }
            return column;
        }

        @Override
        public float[] direction(int feature) {
            return directions[feature];
        }
    }
}
