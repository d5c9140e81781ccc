// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class LogisticRegressionTest {
    /** Data that a line of Python makes too: {@code sin(1.7e + 0.9f²) + 0.3·cos(0.31e(f + 1))}. */
    private static double[][] columns(int examples, int features) {
        double[][] columns = new double[features][examples];
        for (int f = 0; f < features; f++) {
            for (int e = 0; e < examples; e++) {
                columns[f][e] = Math.sin(1.7 * e + 0.9 * f * f) + 0.3 * Math.cos(0.31 * e * (f + 1));
            }
        }
        return columns;
    }

    private static boolean[] labels(double[][] columns) {
        boolean[] labels = new boolean[columns[0].length];
        for (int e = 0; e < labels.length; e++) {
            labels[e] = columns[0][e] - 0.5 * columns[columns.length - 1][e] + 0.8 * Math.sin(2.3 * e) > 0.1;
        }
        return labels;
    }

    /** {@code LogisticRegression(C=1.0, solver="newton-cg", tol=1e-13)} of scikit-learn 1.2.1 on the same data. */
    @Test
    void findsWhatScikitLearnFinds() {
        assertFit(40, new double[] {0.751290561}, -0.118127347, 0.625);
        assertFit(60, new double[] {1.929420400, 0.492993122, -1.325094393}, 0.124794309, 0.9);
        assertFit(
                200,
                new double[] {
                    1.848594972,
                    0.494939155,
                    -0.260977395,
                    -0.360708904,
                    -0.162150679,
                    0.009350439,
                    -0.119725870,
                    -0.229774492,
                    0.465579070,
                    -0.600621497,
                    -0.717202732,
                    -1.350213438
                },
                -0.254083962,
                0.87);
    }

    private static void assertFit(int examples, double[] weights, double intercept, double accuracy) {
        double[][] columns = columns(examples, weights.length);
        boolean[] labels = labels(columns);
        LogisticRegression fitted = LogisticRegression.fit(columns, labels, 1);

        assertThat(fitted.weights()).containsExactly(weights, within(1e-8));
        assertThat(fitted.intercept()).isEqualTo(intercept, within(1e-8));
        boolean[] predicted = fitted.predict(columns, examples);
        int right = 0;
        for (int e = 0; e < examples; e++) {
            right += predicted[e] == labels[e] ? 1 : 0;
        }
        assertThat((double) right / examples).isEqualTo(accuracy, within(1e-12));
    }

    @Test
    void separableAndHugeAndConstantFeaturesDoNotUpsetIt() {
        boolean[] labels = {true, true, false, false};
        LogisticRegression separable =
                LogisticRegression.fit(new double[][] {{1e6, 2e6, -1e6, -3e6}, {7, 7, 7, 7}, {0, 0, 0, 0}}, labels, 1);
        assertThat(separable.predict(new double[][] {{1e6, 2e6, -1e6, -3e6}, {7, 7, 7, 7}, {0, 0, 0, 0}}, 4))
                .containsExactly(true, true, false, false);
        assertThat(separable.weights()[2]).isZero();
    }

    @Test
    void theGradientVanishesWhereItEnds() {
        Random random = new Random(3);
        double[][] columns = new double[7][90];
        boolean[] labels = new boolean[90];
        for (double[] column : columns) {
            for (int e = 0; e < 90; e++) {
                column[e] = random.nextGaussian();
            }
        }
        for (int e = 0; e < 90; e++) {
            labels[e] = columns[2][e] + random.nextGaussian() > 0;
        }
        LogisticRegression fitted = LogisticRegression.fit(columns, labels, 0.5);
        for (int f = 0; f < 8; f++) {
            double gradient = f < 7 ? fitted.weights()[f] : 0;
            for (int e = 0; e < 90; e++) {
                double margin = fitted.intercept();
                for (int g = 0; g < 7; g++) {
                    margin += fitted.weights()[g] * columns[g][e];
                }
                gradient += 0.5 * (1 / (1 + Math.exp(-margin)) - (labels[e] ? 1 : 0)) * (f < 7 ? columns[f][e] : 1);
            }
            assertThat(gradient).isEqualTo(0, within(1e-5));
        }
    }
}
