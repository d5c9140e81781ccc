// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import java.util.Arrays;

/**
 * The total variance of vectors that arrive batch by batch. Each batch is centred on its own mean and then merged (Chan,
 * Golub and LeVeque 1979): {@code E‖x‖² - ‖E x‖²} would lose every digit where the mean is large, as activations' often
 * is.
 */
final class VarianceSum {
    private final double[] mean;
    private final double[] batchMean;
    private long count;
    private double squaredDistance;

    VarianceSum(int width) {
        mean = new double[width];
        batchMean = new double[width];
    }

    /** Adds the first {@code count} of {@code rows}. */
    void add(float[][] rows, int rowCount) {
        if (rowCount == 0) {
            return;
        }
        Arrays.fill(batchMean, 0);
        for (int row = 0; row < rowCount; row++) {
            float[] x = rows[row];
            for (int i = 0; i < batchMean.length; i++) {
                batchMean[i] += x[i];
            }
        }
        for (int i = 0; i < batchMean.length; i++) {
            batchMean[i] /= rowCount;
        }
        double within = 0;
        for (int row = 0; row < rowCount; row++) {
            float[] x = rows[row];
            for (int i = 0; i < batchMean.length; i++) {
                double distance = x[i] - batchMean[i];
                within += distance * distance;
            }
        }
        double between = 0;
        long all = count + rowCount;
        for (int i = 0; i < mean.length; i++) {
            double difference = batchMean[i] - mean[i];
            between += difference * difference;
            mean[i] += difference * rowCount / all;
        }
        squaredDistance += within + between * ((double) count * rowCount / all);
        count = all;
    }

    /** Σ‖x - x̄‖² over everything added, x̄ its mean. */
    double squaredDistance() {
        return squaredDistance;
    }
}
