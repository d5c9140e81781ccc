// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** What a classifier does between its products, on dense single-precision memory of the host. */
final class Elementwise {
    private static final ValueLayout.OfFloat FLOAT = Matrix.FLOAT;

    private Elementwise() {}

    /** {@code out[r, c] += biases[offset + c]}, then what is negative becomes 0 if {@code relu}. */
    static void addBiases(MemorySegment out, int rows, int columns, float[] biases, int offset, boolean relu) {
        float floor = relu ? 0 : Float.NEGATIVE_INFINITY;
        long at = 0;
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++, at += Float.BYTES) {
                out.set(FLOAT, at, Math.max(out.get(FLOAT, at) + biases[offset + column], floor));
            }
        }
    }

    /** {@code gradient[i] = 0} where {@code activations[i]} isn't positive: the derivative of ReLU, 0 at 0. */
    static void maskInactive(MemorySegment activations, MemorySegment gradient, int count) {
        for (long at = 0, end = (long) count * Float.BYTES; at < end; at += Float.BYTES) {
            gradient.set(FLOAT, at, activations.get(FLOAT, at) > 0 ? gradient.get(FLOAT, at) : 0);
        }
    }

    /** {@code sums[offset + c] = Σ_r x[r, c]}. */
    static void columnSums(MemorySegment x, int rows, int columns, float[] sums, int offset) {
        for (int column = 0; column < columns; column++) {
            sums[offset + column] = 0;
        }
        long at = 0;
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++, at += Float.BYTES) {
                sums[offset + column] += x.get(FLOAT, at);
            }
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

    /** The patches of {@code rows} inputs, [rows · positions, fanIn], of a layer that isn't dense. */
    static void gatherPatches(LayerShape layer, MemorySegment input, int rows, MemorySegment patches) {
        long run = (long) layer.kernel() * layer.channels() * Float.BYTES;
        long to = 0;
        for (int row = 0; row < rows; row++) {
            for (int y = 0; y < layer.outputSide(); y++) {
                for (int x = 0; x < layer.outputSide(); x++) {
                    for (int dy = 0; dy < layer.kernel(); dy++, to += run) {
                        MemorySegment.copy(input, lineStart(layer, row, y, x, dy), patches, to, run);
                    }
                }
            }
        }
    }

    /** The transpose of {@link #gatherPatches}: each input value gets the sum over the patches that it is in. */
    static void scatterPatches(LayerShape layer, MemorySegment patches, int rows, MemorySegment input) {
        input.asSlice(0, (long) rows * layer.inputs() * Float.BYTES).fill((byte) 0);
        int run = layer.kernel() * layer.channels();
        long from = 0;
        for (int row = 0; row < rows; row++) {
            for (int y = 0; y < layer.outputSide(); y++) {
                for (int x = 0; x < layer.outputSide(); x++) {
                    for (int dy = 0; dy < layer.kernel(); dy++) {
                        long to = lineStart(layer, row, y, x, dy);
                        for (int i = 0; i < run; i++, to += Float.BYTES, from += Float.BYTES) {
                            input.set(FLOAT, to, input.get(FLOAT, to) + patches.get(FLOAT, from));
                        }
                    }
                }
            }
        }
    }

    /** The byte at which line {@code dy} of the patch at (y, x) begins in its input. */
    private static long lineStart(LayerShape layer, int row, int y, int x, int dy) {
        long line = (long) row * layer.side() + (long) y * layer.stride() + dy;
        return (line * layer.side() + (long) x * layer.stride()) * layer.channels() * Float.BYTES;
    }
}
