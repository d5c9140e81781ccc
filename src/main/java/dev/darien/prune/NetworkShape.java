// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import java.util.ArrayList;
import java.util.List;

/**
 * A classifier's layers, first to last, with ReLU between them.
 *
 * @param name what it is called in results
 */
public record NetworkShape(String name, List<LayerShape> layers) {
    private static final int KERNEL = 5;
    private static final int STRIDE = 2;

    public NetworkShape {
        layers = List.copyOf(layers);
        if (layers.size() < 2) {
            throw new IllegalArgumentException("a classifier needs a hidden layer, of whose neurons some may be dead");
        }
        for (int i = 1; i < layers.size(); i++) {
            if (layers.get(i).inputs() != layers.get(i - 1).neurons()) {
                throw new IllegalArgumentException("layer %d takes %d values but layer %d gives %d"
                        .formatted(
                                i,
                                layers.get(i).inputs(),
                                i - 1,
                                layers.get(i - 1).neurons()));
            }
            if (!layers.get(i).isDense()
                    && layers.get(i).channels() != layers.get(i - 1).outputs()) {
                throw new IllegalArgumentException("layer %d has %d channels but layer %d gives %d"
                        .formatted(
                                i,
                                layers.get(i).channels(),
                                i - 1,
                                layers.get(i - 1).outputs()));
            }
        }
    }

    /** A multilayer perceptron: {@code inputs}, each of {@code hidden}, {@code classes}. */
    public static NetworkShape mlp(int inputs, int classes, int... hidden) {
        List<LayerShape> layers = new ArrayList<>();
        int width = inputs;
        for (int outputs : hidden) {
            layers.add(LayerShape.dense(width, outputs));
            width = outputs;
        }
        layers.add(LayerShape.dense(width, classes));
        return new NetworkShape("mlp", layers);
    }

    /**
     * Two convolutions of 5 x 5 at stride 2, of {@code channels} and twice as many channels, then a dense layer of
     * {@code hidden} neurons and one of {@code classes}.
     *
     * @param inputs pixels of a square image of at least 13 x 13
     */
    public static NetworkShape convolutional(int inputs, int classes, int channels, int hidden) {
        int side = (int) Math.round(Math.sqrt(inputs));
        if (side * side != inputs || side < KERNEL + STRIDE * (KERNEL - 1)) {
            throw new IllegalArgumentException("a convolutional classifier needs square images of at least 13 x 13"
                    + " pixels, but these have " + inputs + " pixels");
        }
        LayerShape first = new LayerShape(side, 1, KERNEL, STRIDE, channels);
        LayerShape second = new LayerShape(first.outputSide(), channels, KERNEL, STRIDE, 2 * channels);
        return new NetworkShape(
                "conv",
                List.of(first, second, LayerShape.dense(second.neurons(), hidden), LayerShape.dense(hidden, classes)));
    }

    /** Values of one input. */
    public int inputs() {
        return layers.getFirst().inputs();
    }

    /** Number of classes. */
    public int classes() {
        return layers.getLast().neurons();
    }

    /** Weights of all layers, biases not counted. */
    public int weights() {
        return layers.stream().mapToInt(LayerShape::weights).reduce(0, Math::addExact);
    }

    /** Biases of all layers. */
    int biases() {
        return layers.stream().mapToInt(LayerShape::outputs).sum();
    }

    /** Neurons with a ReLU: those of all layers but the last. */
    int hiddenNeurons() {
        return layers.subList(0, layers.size() - 1).stream()
                .mapToInt(LayerShape::neurons)
                .sum();
    }

    /** Where the weights of {@code layer} begin among all weights. */
    int weightOffset(int layer) {
        return layers.subList(0, layer).stream().mapToInt(LayerShape::weights).sum();
    }
}
