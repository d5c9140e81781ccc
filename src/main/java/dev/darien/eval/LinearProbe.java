// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.data.SeededRandom;
import java.util.Arrays;

/**
 * The linear probe of SHIFT and TPP (SAEBench, Karvonen et al. 2025, appendix): logistic loss with an L1 penalty of 1e-3 on
 * the weights, AdamW (learning rate 1e-3, decay 0.01), batches of 16, 20 epochs; the epoch with the best accuracy on the
 * test part is kept.
 *
 * @param weights [d]
 * @param bias of the decision
 */
@SuppressWarnings("ArrayRecordComponent") // made here, written by nobody
record LinearProbe(float[] weights, float bias) {
    private static final int EPOCHS = 20;
    private static final int BATCH = 16;
    private static final double RATE = 1e-3;
    private static final double DECAY = 0.01;
    private static final double L1 = 1e-3;
    private static final double BETA_1 = 0.9;
    private static final double BETA_2 = 0.999;
    private static final double EPSILON = 1e-8;

    /** Trains it on rows of {@code activations}. */
    static LinearProbe train(float[][] activations, ClassTask.Split split, long seed) {
        int[] train = split.train();
        boolean[] labels = split.trainLabels();
        int width = activations[train[0]].length;
        // The bias is the last one.
        double[] parameters = new double[width + 1];
        double[] first = new double[width + 1];
        double[] second = new double[width + 1];
        double[] gradient = new double[width + 1];
        int[] order = new int[train.length];
        for (int at = 0; at < order.length; at++) {
            order[at] = at;
        }
        LinearProbe best = of(parameters);
        double bestAccuracy = -1;
        int step = 0;
        for (int epoch = 0; epoch < EPOCHS; epoch++) {
            shuffle(order, new SeededRandom(seed, epoch));
            for (int from = 0; from < order.length; from += BATCH) {
                int to = Math.min(from + BATCH, order.length);
                Arrays.fill(gradient, 0);
                for (int at = from; at < to; at++) {
                    float[] x = activations[train[order[at]]];
                    double margin = parameters[width];
                    for (int t = 0; t < width; t++) {
                        margin += parameters[t] * x[t];
                    }
                    double slope = (1 / (1 + Math.exp(-margin)) - (labels[order[at]] ? 1 : 0)) / (to - from);
                    for (int t = 0; t < width; t++) {
                        gradient[t] += slope * x[t];
                    }
                    gradient[width] += slope;
                }
                step++;
                for (int t = 0; t <= width; t++) {
                    double g = gradient[t] + (t < width ? L1 * Math.signum(parameters[t]) : 0);
                    first[t] += (1 - BETA_1) * (g - first[t]);
                    second[t] += (1 - BETA_2) * (g * g - second[t]);
                    double mean = first[t] / (1 - Math.pow(BETA_1, step));
                    double square = second[t] / (1 - Math.pow(BETA_2, step));
                    parameters[t] -= RATE * (mean / (Math.sqrt(square) + EPSILON) + DECAY * parameters[t]);
                }
            }
            LinearProbe now = of(parameters);
            double accuracy = now.accuracy(activations, split.testPositives(), split.testNegatives());
            if (accuracy > bestAccuracy) {
                bestAccuracy = accuracy;
                best = now;
            }
        }
        return best;
    }

    private static LinearProbe of(double... parameters) {
        float[] weights = new float[parameters.length - 1];
        for (int t = 0; t < weights.length; t++) {
            weights[t] = (float) parameters[t];
        }
        return new LinearProbe(weights, (float) parameters[weights.length]);
    }

    private static void shuffle(int[] order, SeededRandom random) {
        for (int at = order.length - 1; at > 0; at--) {
            int other = random.nextInt(at + 1);
            int swapped = order[at];
            order[at] = order[other];
            order[other] = swapped;
        }
    }

    boolean isPositive(float[] x) {
        return ExampleSet.dot(weights, x) + bias > 0;
    }

    /** The share of examples that it tells rightly. */
    double accuracy(float[][] activations, int[] positives, int[] negatives) {
        int right = 0;
        for (int example : positives) {
            right += isPositive(activations[example]) ? 1 : 0;
        }
        for (int example : negatives) {
            right += isPositive(activations[example]) ? 0 : 1;
        }
        return (double) right / (positives.length + negatives.length);
    }
}
