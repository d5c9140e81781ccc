// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.Product;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/** The scalar reference of the dense kernels. Every sum is taken in double and rounded once. */
final class ScalarDense {
    private ScalarDense() {}

    static void convert(Matrix source, float scale, @Nullable Matrix offset, Matrix out) {
        for (long row = 0; row < out.rows(); row++) {
            for (int column = 0; column < out.columns(); column++) {
                double shift = offset == null ? 0 : Cells.get(offset, 0, column);
                Cells.set(out, row, column, (double) scale * source.get(row, column) - shift);
            }
        }
    }

    static void multiply(Product product, Matrix a, Matrix b, Matrix out, boolean accumulate) {
        boolean transposedA = product == Product.TN;
        boolean transposedB = product == Product.NT;
        int inner = transposedA ? a.intRows() : a.columns();
        for (int row = 0; row < out.rows(); row++) {
            for (int column = 0; column < out.columns(); column++) {
                double sum = accumulate ? Cells.get(out, row, column) : 0;
                for (int at = 0; at < inner; at++) {
                    double left = transposedA ? Cells.get(a, at, row) : Cells.get(a, row, at);
                    double right = transposedB ? Cells.get(b, column, at) : Cells.get(b, at, column);
                    sum += left * right;
                }
                Cells.set(out, row, column, sum);
            }
        }
    }

    static void scale(Matrix x, float factor) {
        for (long row = 0; row < x.rows(); row++) {
            for (int column = 0; column < x.columns(); column++) {
                Cells.set(x, row, column, Cells.get(x, row, column) * factor);
            }
        }
    }

    /** NaN stays NaN, as with {@link Math#max(float, float)}. */
    static void clampBelow(Matrix x, float minimum) {
        for (long row = 0; row < x.rows(); row++) {
            for (int column = 0; column < x.columns(); column++) {
                Cells.set(x, row, column, Math.max(Cells.get(x, row, column), minimum));
            }
        }
    }

    static void exponentialAverage(Matrix value, float rate, Matrix average) {
        for (long row = 0; row < average.rows(); row++) {
            for (int column = 0; column < average.columns(); column++) {
                double old = Cells.get(average, row, column);
                Cells.set(average, row, column, old + rate * (Cells.get(value, row, column) - old));
            }
        }
    }

    static void rowNorms(Matrix x, Matrix norms) {
        for (int row = 0; row < x.rows(); row++) {
            Cells.set(norms, 0, row, Math.sqrt(Cells.dot(x, row, x, row)));
        }
    }

    static void weightedRowSum(
            @Nullable Matrix weights, Matrix rows, float factor, boolean accumulate, Matrix out, Scratch scratch) {
        double[] sums = scratch.zeroed(rows.columns());
        for (int row = 0; row < rows.rows(); row++) {
            double weight = weights == null ? 1 : Cells.get(weights, 0, row);
            for (int column = 0; column < rows.columns(); column++) {
                sums[column] += weight * Cells.get(rows, row, column);
            }
        }
        for (int column = 0; column < rows.columns(); column++) {
            double before = accumulate ? Cells.get(out, 0, column) : 0;
            Cells.set(out, 0, column, before + factor * sums[column]);
        }
    }

    /**
     * Weiszfeld's iteration {@code m ← (Σ x_i/‖x_i - m‖) / (Σ 1/‖x_i - m‖)}, until it moves by no more than
     * {@code tolerance}. The guess stays in single precision, so that every device iterates on the same numbers. A row
     * that the guess coincides with counts as 1e-10 away, which holds the guess there if the others don't pull it off.
     */
    static void geometricMedian(Matrix x, int iterations, float tolerance, Matrix median, Scratch scratch) {
        weightedRowSum(null, x, 1f / x.rows(), false, median, scratch);
        double moved = Double.POSITIVE_INFINITY;
        for (int iteration = 0; iteration < iterations && moved > tolerance; iteration++) {
            double[] sums = scratch.zeroed(x.columns());
            double weights = 0;
            for (long row = 0; row < x.rows(); row++) {
                double weight = 1 / Math.max(distance(x, row, median), 1e-10);
                weights += weight;
                for (int column = 0; column < x.columns(); column++) {
                    sums[column] += weight * Cells.get(x, row, column);
                }
            }
            double squares = 0;
            for (int column = 0; column < x.columns(); column++) {
                double next = sums[column] / weights;
                double step = next - Cells.get(median, 0, column);
                squares += step * step;
                Cells.set(median, 0, column, next);
            }
            moved = Math.sqrt(squares);
        }
    }

    private static double distance(Matrix x, long row, Matrix point) {
        double squares = 0;
        for (int column = 0; column < x.columns(); column++) {
            double difference = (double) Cells.get(x, row, column) - Cells.get(point, 0, column);
            squares += difference * difference;
        }
        return Math.sqrt(squares);
    }
}
