// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What a classifier does between its products, on dense single-precision memory of the host. */
final class Elementwise {
    private static final ValueLayout.OfFloat FLOAT = Matrix.FLOAT;

    private Elementwise() {}

    /**
     * {@code out[r, i] += biases[offset + i mod outputs]}, then what is negative becomes 0 if {@code relu}.
     *
     * @param neurons of a row, {@code outputs} for each position
     */
    static void addBiases(
            MemorySegment out, int rows, int neurons, float[] biases, int offset, int outputs, boolean relu) {
        float floor = relu ? 0 : Float.NEGATIVE_INFINITY;
        float[] tiled = Floats.of(neurons, i -> biases[offset + i % outputs]);
        for (int row = 0; row < rows; row++) {
            long start = (long) row * neurons * Float.BYTES;
            for (int i = 0; i < neurons; i++) {
                long at = start + (long) i * Float.BYTES;
                out.set(FLOAT, at, Math.max(out.get(FLOAT, at) + tiled[i], floor));
            }
        }
    }

    /** {@code gradient[i] = 0} where {@code activations[i]}, which ReLU gave, is 0: its derivative, 0 at 0. */
    static void maskInactive(MemorySegment activations, MemorySegment gradient, int count) {
        for (int i = 0; i < count; i++) {
            long at = (long) i * Float.BYTES;
            // Activations aren't negative, so their bits are 0 or a positive number; a branch here would be a guess.
            int active = -activations.get(Matrix.INT, at) >> 31;
            gradient.set(Matrix.INT, at, gradient.get(Matrix.INT, at) & active);
        }
    }

    /** {@code sums[offset + c] = Σ x[r, i]} over all rows and those i that are c modulo {@code outputs}. */
    static void channelSums(MemorySegment x, int rows, int neurons, float[] sums, int offset, int outputs) {
        float[] tiled = new float[neurons];
        for (int row = 0; row < rows; row++) {
            long start = (long) row * neurons * Float.BYTES;
            for (int i = 0; i < neurons; i++) {
                tiled[i] += x.get(FLOAT, start + (long) i * Float.BYTES);
            }
        }
        for (int output = 0; output < outputs; output++) {
            float sum = 0;
            for (int i = output; i < neurons; i += outputs) {
                sum += tiled[i];
            }
            sums[offset + output] = sum;
        }
    }

    /**
     * The gradient of the mean cross-entropy by the logits, {@code (softmax - onehot) / rows}.
     *
     * @return the sum of the cross-entropies, in nats
     */
    static double crossEntropy(MemorySegment logits, int[] labels, int rows, int classes, MemorySegment gradient) {
        double loss = 0;
        double[] exponentials = new double[classes];
        for (int row = 0; row < rows; row++) {
            long at = (long) row * classes * Float.BYTES;
            double largest = Double.NEGATIVE_INFINITY;
            for (int c = 0; c < classes; c++) {
                largest = Math.max(largest, logits.get(FLOAT, at + (long) c * Float.BYTES));
            }
            double sum = 0;
            for (int c = 0; c < classes; c++) {
                exponentials[c] = Math.exp(logits.get(FLOAT, at + (long) c * Float.BYTES) - largest);
                sum += exponentials[c];
            }
            for (int c = 0; c < classes; c++) {
                double target = c == labels[row] ? 1 : 0;
                gradient.set(FLOAT, at + (long) c * Float.BYTES, (float) ((exponentials[c] / sum - target) / rows));
            }
            loss += Math.log(sum) + largest - logits.get(FLOAT, at + (long) labels[row] * Float.BYTES);
        }
        return loss;
    }
}
