// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.data.DataException;
import dev.darien.data.Tensor;
import dev.darien.memory.Matrix;

/** Refuses weights that are NaN or infinite: nothing that is computed with them means anything. */
final class FiniteWeights {
    private FiniteWeights() {}

    /** The elements of a vector in a file. An infinity may yet come to something, as the logarithm of 0 does. */
    static double[] requireNumbers(Tensor tensor) {
        double[] values = tensor.values();
        for (int at = 0; at < values.length; at++) {
            if (Double.isNaN(values[at])) {
                throw new DataException(sentence(tensor.what() + " holds NaN, as number " + at));
            }
        }
        return values;
    }

    /** A vector with all that was folded into it, as the single precision that it becomes. */
    static double[] require(Tensor beside, String role, double... values) {
        for (int at = 0; at < values.length; at++) {
            if (!Float.isFinite((float) values[at])) {
                throw new DataException(sentence("the %s that goes with %s comes to %s, as number %d"
                        .formatted(role, beside.what(), (float) values[at], at)));
            }
        }
        return values;
    }

    /** Thresholds as they are compared with: everywhere values pass a ReLU too, so that one below 0 is the same as 0. */
    static double[] requireThresholds(Tensor beside, double... thresholds) {
        double[] values = new double[thresholds.length];
        for (int latent = 0; latent < values.length; latent++) {
            if (Double.isNaN(thresholds[latent])) {
                throw new DataException(sentence(
                        "the threshold that goes with %s comes to NaN, of latent %d".formatted(beside.what(), latent)));
            }
            values[latent] = Math.max(0, thresholds[latent]);
        }
        return values;
    }

    /** The rows from {@code first}, read from {@code tensor} and multiplied by what is folded into them. */
    static void require(Matrix rows, Tensor tensor, int first) {
        for (int row = 0; row < rows.rows(); row++) {
            // A number times 0 is 0; everything else times 0 is NaN, which stays.
            float sum = 0;
            for (int column = 0; column < rows.columns(); column++) {
                sum += rows.get(row, column) * 0;
            }
            if (sum != 0) {
                throw new DataException(sentence("%s comes to %s, in row %d of [%d, %d]"
                        .formatted(
                                tensor.what(),
                                bad(rows, row),
                                first + row,
                                tensor.shape().getFirst(),
                                rows.columns())));
            }
        }
    }

    private static float bad(Matrix rows, int row) {
        for (int column = 0; column < rows.columns(); column++) {
            if (!Float.isFinite(rows.get(row, column))) {
                return rows.get(row, column);
            }
        }
        throw new IllegalStateException("every number of row " + row + " is finite");
    }

    private static String sentence(String what) {
        return what + ", but weights must be finite numbers; find out what wrote them";
    }
}
