// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

/**
 * A convolution without padding over a square input, {@code [side, side, channels]} with channels next to each other. A
 * dense layer is one over a single position: its input may be any earlier output, laid out flat.
 *
 * @param side height and width of the input
 * @param channels values at each position of the input
 * @param kernel height and width of a patch
 * @param stride positions from one patch to the next, in both directions
 * @param outputs channels of the output
 */
public record LayerShape(int side, int channels, int kernel, int stride, int outputs) {
    public LayerShape {
        if (side < 1 || channels < 1 || stride < 1 || outputs < 1 || kernel < 1 || kernel > side) {
            throw new IllegalArgumentException("a layer can't have %d outputs from patches of %d x %d, %d apart, of an"
                            .formatted(outputs, kernel, kernel, stride)
                    + " input of %d x %d x %d".formatted(side, side, channels));
        }
    }

    /** A dense layer. */
    public static LayerShape dense(int inputs, int outputs) {
        return new LayerShape(1, inputs, 1, 1, outputs);
    }

    /** Whether its one patch is the input itself. */
    boolean isDense() {
        return side == 1;
    }

    /** Height and width of the output. */
    int outputSide() {
        return (side - kernel) / stride + 1;
    }

    /** Positions of the output, and patches of the input. */
    int positions() {
        return outputSide() * outputSide();
    }

    /** Values of one input. */
    int inputs() {
        return side * side * channels;
    }

    /** Values of one patch: the weights of each output channel. */
    int fanIn() {
        return kernel * kernel * channels;
    }

    /** Values of one output. Each position of a channel counts as a neuron. */
    int neurons() {
        return positions() * outputs;
    }

    /** Number of weights, [outputs, fanIn]. */
    int weights() {
        return Math.multiplyExact(outputs, fanIn());
    }
}
