// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import java.util.Arrays;

/**
 * Logistic regression with an L2 penalty on the weights, none on the intercept: the minimum of {@code ½‖w‖² + C·Σ log(1 +
 * exp(-y·(w·x + b)))}, as scikit-learn's {@code LogisticRegression} has it. By Newton's method, whose linear systems
 * conjugate gradients solve, so that any number of features will do.
 *
 * @param weights one for each feature
 * @param intercept b
 */
@SuppressWarnings("ArrayRecordComponent") // made here, written by nobody
record LogisticRegression(double[] weights, double intercept) {
    private static final int MOST_STEPS = 100;
    private static final double TOLERANCE = 1e-10;

    /**
     * Fits it.
     *
     * @param columns [features][examples]
     * @param positive whether an example is of the class, [examples]
     * @param c weight of the examples against the penalty
     */
    static LogisticRegression fit(double[][] columns, boolean[] positive, double c) {
        int features = columns.length;
        int examples = positive.length;
        // The intercept is the last one.
        double[] parameters = new double[features + 1];
        double[] margins = new double[examples];
        double[] curvatures = new double[examples];
        double[] gradient = new double[features + 1];
        double loss = loss(parameters, margins, positive, c);
        for (int step = 0; step < MOST_STEPS; step++) {
            double[] slopes = new double[examples];
            for (int e = 0; e < examples; e++) {
                double probability = 1 / (1 + Math.exp(-margins[e]));
                slopes[e] = c * (probability - (positive[e] ? 1 : 0));
                curvatures[e] = c * Math.max(probability * (1 - probability), 1e-12);
            }
            transposed(columns, slopes, gradient);
            for (int f = 0; f < features; f++) {
                gradient[f] += parameters[f];
            }
            if (largest(gradient) <= TOLERANCE * c * examples) {
                break;
            }
            double[] direction = solve(columns, curvatures, gradient);
            double slope = 0;
            for (int f = 0; f <= features; f++) {
                slope += gradient[f] * direction[f];
            }
            double[] along = margins(columns, direction);
            double length = 1;
            double[] next = parameters;
            double[] nextMargins = margins;
            double nextLoss = loss;
            for (int halving = 0; halving < 40; halving++, length /= 2) {
                next = added(parameters, direction, -length);
                nextMargins = added(margins, along, -length);
                nextLoss = loss(next, nextMargins, positive, c);
                if (nextLoss <= loss - 1e-4 * length * slope) {
                    break;
                }
            }
            if (!(nextLoss < loss)) {
                break;
            }
            parameters = next;
            margins = nextMargins;
            loss = nextLoss;
        }
        double[] weights = new double[features];
        System.arraycopy(parameters, 0, weights, 0, features);
        return new LogisticRegression(weights, parameters[features]);
    }

    /** The solution of Hessian · direction = gradient by conjugate gradients, preconditioned by the diagonal. */
    private static double[] solve(double[][] columns, double[] curvatures, double[] gradient) {
        int size = gradient.length;
        double[] diagonal = new double[size];
        for (int f = 0; f < size; f++) {
            double sum = f < columns.length ? 1 : 1e-12;
            for (int e = 0; e < curvatures.length; e++) {
                double x = f < columns.length ? columns[f][e] : 1;
                sum += curvatures[e] * x * x;
            }
            diagonal[f] = sum;
        }
        double[] solution = new double[size];
        double[] residual = gradient.clone();
        double[] search = new double[size];
        double before = 0;
        double[] product = new double[size];
        double enough = 1e-16 * dot(gradient, gradient);
        for (int step = 0; step < 4 * size + 10 && dot(residual, residual) > enough; step++) {
            double now = 0;
            for (int f = 0; f < size; f++) {
                now += residual[f] * residual[f] / diagonal[f];
            }
            for (int f = 0; f < size; f++) {
                search[f] = residual[f] / diagonal[f] + (step == 0 ? 0 : now / before * search[f]);
            }
            double[] bent = margins(columns, search);
            for (int e = 0; e < bent.length; e++) {
                bent[e] *= curvatures[e];
            }
            transposed(columns, bent, product);
            for (int f = 0; f < columns.length; f++) {
                product[f] += search[f];
            }
            double length = now / dot(search, product);
            for (int f = 0; f < size; f++) {
                solution[f] += length * search[f];
                residual[f] -= length * product[f];
            }
            before = now;
        }
        return solution;
    }

    private static double[] margins(double[][] columns, double[] parameters) {
        int examples = columns.length == 0 ? 0 : columns[0].length;
        double[] margins = new double[examples];
        Arrays.fill(margins, parameters[columns.length]);
        for (int f = 0; f < columns.length; f++) {
            double weight = parameters[f];
            double[] column = columns[f];
            for (int e = 0; e < examples; e++) {
                margins[e] += weight * column[e];
            }
        }
        return margins;
    }

    private static void transposed(double[][] columns, double[] values, double[] out) {
        for (int f = 0; f < columns.length; f++) {
            out[f] = dot(columns[f], values);
        }
        double sum = 0;
        for (double value : values) {
            sum += value;
        }
        out[columns.length] = sum;
    }

    private static double loss(double[] parameters, double[] margins, boolean[] positive, double c) {
        double penalty = 0;
        for (int f = 0; f < parameters.length - 1; f++) {
            penalty += parameters[f] * parameters[f];
        }
        double sum = 0;
        for (int e = 0; e < margins.length; e++) {
            double margin = positive[e] ? margins[e] : -margins[e];
            sum += margin > 0 ? Math.log1p(Math.exp(-margin)) : -margin + Math.log1p(Math.exp(margin));
        }
        return penalty / 2 + c * sum;
    }

    private static double[] added(double[] a, double[] b, double factor) {
        double[] sum = a.clone();
        for (int at = 0; at < sum.length; at++) {
            sum[at] += factor * b[at];
        }
        return sum;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int at = 0; at < a.length; at++) {
            sum += a[at] * b[at];
        }
        return sum;
    }

    private static double largest(double[] values) {
        double largest = 0;
        for (double value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }

    /** Whether each example is more likely of the class than not. */
    boolean[] predict(double[][] columns, int examples) {
        boolean[] predicted = new boolean[examples];
        for (int e = 0; e < examples; e++) {
            double margin = intercept;
            for (int f = 0; f < weights.length; f++) {
                margin += weights[f] * columns[f][e];
            }
            predicted[e] = margin > 0;
        }
        return predicted;
    }
}
