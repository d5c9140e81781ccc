// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.data.SeededRandom;

/**
 * Principal components, largest first, by orthogonal iteration on the covariance: as a baseline they need not be exact to
 * more than a few digits.
 *
 * @param mean of the fitted rows, [d]
 * @param directions unit rows, [components][d]
 */
@SuppressWarnings("ArrayRecordComponent") // made here, written by nobody
record PrincipalComponents(float[] mean, float[][] directions) {
    private static final int ITERATIONS = 100;

    static PrincipalComponents of(float[][] rows, int[] fitted, int components) {
        int width = rows[fitted[0]].length;
        double[] mean = new double[width];
        for (int row : fitted) {
            for (int t = 0; t < width; t++) {
                mean[t] += (double) rows[row][t] / fitted.length;
            }
        }
        double[][] basis = new double[components][width];
        SeededRandom random = new SeededRandom(1);
        for (double[] direction : basis) {
            for (int t = 0; t < width; t++) {
                direction[t] = random.nextGaussian();
            }
        }
        double[][] covariance = covariance(rows, fitted, mean);
        orthonormalise(basis);
        for (int iteration = 0; iteration < ITERATIONS; iteration++) {
            for (int at = 0; at < components; at++) {
                basis[at] = product(covariance, basis[at]);
            }
            orthonormalise(basis);
        }
        float[][] directions = new float[components][width];
        float[] floatMean = new float[width];
        for (int t = 0; t < width; t++) {
            floatMean[t] = (float) mean[t];
            for (int at = 0; at < components; at++) {
                directions[at][t] = (float) basis[at][t];
            }
        }
        return new PrincipalComponents(floatMean, directions);
    }

    private static double[][] covariance(float[][] rows, int[] fitted, double[] mean) {
        int width = mean.length;
        double[][] covariance = new double[width][width];
        double[] centred = new double[width];
        for (int row : fitted) {
            for (int t = 0; t < width; t++) {
                centred[t] = rows[row][t] - mean[t];
            }
            for (int s = 0; s < width; s++) {
                double factor = centred[s] / fitted.length;
                double[] target = covariance[s];
                for (int t = 0; t < width; t++) {
                    target[t] += factor * centred[t];
                }
            }
        }
        return covariance;
    }

    private static double[] product(double[][] matrix, double[] vector) {
        double[] product = new double[vector.length];
        for (int row = 0; row < product.length; row++) {
            double sum = 0;
            for (int t = 0; t < vector.length; t++) {
                sum += matrix[row][t] * vector[t];
            }
            product[row] = sum;
        }
        return product;
    }

    /** Gram and Schmidt, twice, as once isn't enough for rows that are nearly alike; a row of nothing is left 0. */
    static void orthonormalise(double[]... rows) {
        for (int at = 0; at < rows.length; at++) {
            double[] row = rows[at];
            for (int pass = 0; pass < 2; pass++) {
                for (int before = 0; before < at; before++) {
                    double along = dot(row, rows[before]);
                    for (int t = 0; t < row.length; t++) {
                        row[t] -= along * rows[before][t];
                    }
                }
            }
            double norm = Math.sqrt(dot(row, row));
            for (int t = 0; t < row.length; t++) {
                row[t] = norm > 1e-150 ? row[t] / norm : 0;
            }
        }
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int t = 0; t < a.length; t++) {
            sum += a[t] * b[t];
        }
        return sum;
    }
}
