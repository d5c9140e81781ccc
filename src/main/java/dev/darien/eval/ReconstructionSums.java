// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

/** Sums over tokens from which the metrics of reconstruction are made, in double precision and in order of tokens. */
final class ReconstructionSums {
    private long tokens;
    private long nonZeroTokens;
    private double squaredError;
    private double cosine;
    private double l2Ratio;
    private double squaredReconstruction;
    private double product;

    /** Adds one activation and its reconstruction; false, and nothing added, if the activation isn't finite. */
    boolean add(float[] x, float[] reconstruction) {
        double xx = 0;
        double yy = 0;
        double xy = 0;
        double error = 0;
        for (int i = 0; i < x.length; i++) {
            double a = x[i];
            double b = reconstruction[i];
            xx += a * a;
            yy += b * b;
            xy += a * b;
            error += (a - b) * (a - b);
        }
        // Squares of floats don't overflow a double, so this is infinite or NaN only where x is.
        if (!Double.isFinite(xx)) {
            return false;
        }
        tokens++;
        squaredError += error;
        squaredReconstruction += yy;
        product += xy;
        if (xx > 0) {
            nonZeroTokens++;
            cosine += yy == 0 ? 0 : xy / (Math.sqrt(xx) * Math.sqrt(yy));
            l2Ratio += Math.sqrt(yy) / Math.sqrt(xx);
        }
        return true;
    }

    long tokens() {
        return tokens;
    }

    double mse() {
        return squaredError / tokens;
    }

    double fvu(double totalSquaredDistance) {
        return squaredError == 0 ? 0 : squaredError / totalSquaredDistance;
    }

    double cosine() {
        return cosine / nonZeroTokens;
    }

    double l2Ratio() {
        return l2Ratio / nonZeroTokens;
    }

    double relativeBias() {
        return squaredReconstruction / product;
    }
}
