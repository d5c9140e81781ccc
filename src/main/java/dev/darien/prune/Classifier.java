// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import dev.darien.data.SeededRandom;
import dev.darien.device.Device;
import dev.darien.device.Product;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A classifier with ReLU between its layers, and the gradient of its mean cross-entropy. Its products are the device's
 * kernels; what lies between them runs in Java on the host. Weights are one vector, layer after layer, each layer's
 * [outputs, fanIn]; so are gradients.
 */
final class Classifier implements AutoCloseable {
    private final NetworkShape shape;
    private final int batch;
    private final Allocator memory = Allocator.host("classifier");
    private final HostProducts products;

    private final Matrix weights;
    private final Matrix gradients;
    private final float[] biases;
    private final float[] biasGradients;

    private final Matrix input;
    private final List<Matrix> outputs = new ArrayList<>();
    private final List<Matrix> outputGradients = new ArrayList<>();
    /** Of each layer; null for a dense one, whose input is its patch. */
    private final List<@Nullable Patches> patches = new ArrayList<>();

    private final List<Matrix> patchValues = new ArrayList<>();

    private final Matrix patchGradients;
    private final int[] labels;

    /** A classifier with all weights 0, for batches of up to {@code batch} images. */
    Classifier(Device device, NetworkShape shape, int batch) {
        this.shape = shape;
        this.batch = batch;
        this.products = new HostProducts(device);
        this.biases = new float[shape.biases()];
        this.biasGradients = new float[shape.biases()];
        this.labels = new int[batch];
        try {
            this.weights = memory.vector("weights", shape.weights());
            this.gradients = memory.vector("gradients", shape.weights());
            this.input = vector("input", shape.inputs());
            int widest = 0;
            for (LayerShape layer : shape.layers()) {
                outputs.add(vector("outputs", layer.neurons()));
                outputGradients.add(vector("gradients of outputs", layer.neurons()));
                Patches ofLayer = layer.isDense() ? null : new Patches(layer);
                int values = ofLayer == null ? 0 : ofLayer.size();
                patches.add(ofLayer);
                patchValues.add(vector("patches", values));
                widest = Math.max(widest, values);
            }
            this.patchGradients = vector("gradients of patches", widest);
        } catch (RuntimeException | Error e) {
            memory.releaseAll();
            memory.close();
            throw e;
        }
    }

    private Matrix vector(String label, int values) {
        return memory.vector(label, Math.multiplyExact(batch, values));
    }

    /** Weights from N(0, 2/(fanIn + fanOut)), Glorot and Bengio's initialisation as the authors have it; biases 0. */
    void initialise(long seed) {
        SeededRandom random = new SeededRandom(seed);
        long at = 0;
        for (LayerShape layer : shape.layers()) {
            int fanOut = layer.isDense() ? layer.outputs() : layer.kernel() * layer.kernel() * layer.outputs();
            double deviation = Math.sqrt(2.0 / (layer.fanIn() + fanOut));
            for (int i = 0; i < layer.weights(); i++, at += Float.BYTES) {
                weights.segment().set(Matrix.FLOAT, at, (float) (deviation * random.nextGaussian()));
            }
        }
        Arrays.fill(biases, 0);
    }

    NetworkShape shape() {
        return shape;
    }

    /** The most images in a batch. */
    int batch() {
        return batch;
    }

    /** A copy of all weights. */
    float[] weights() {
        return weights.segment().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }

    /** A copy of the gradients that {@link #backward} left. */
    float[] gradients() {
        return gradients.segment().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }

    /** Sets all weights. */
    void setWeights(float[] values) {
        MemorySegment.copy(values, 0, weights.segment(), Matrix.FLOAT, 0, values.length);
    }

    /** The biases themselves, layer after layer. */
    float[] biases() {
        return biases;
    }

    /** The gradients of {@link #biases}. */
    float[] biasGradients() {
        return biasGradients;
    }

    MemorySegment weightMemory() {
        return weights.segment();
    }

    MemorySegment gradientMemory() {
        return gradients.segment();
    }

    /** The outputs of a layer for the last batch, [rows, neurons]; after ReLU for all but the last layer. */
    MemorySegment outputMemory(int layer) {
        return outputs.get(layer).segment();
    }

    /** Takes the images {@code order[first …]} as the batch. */
    void load(LabelledImages images, int[] order, int first, int rows) {
        for (int row = 0; row < rows; row++) {
            images.copy(order[first + row], input.segment(), row);
            labels[row] = images.label(order[first + row]);
        }
    }

    /** Computes the outputs of all layers for the first {@code rows} images of the batch. */
    void forward(int rows) {
        Matrix from = input;
        int bias = 0;
        for (int i = 0; i < shape.layers().size(); i++) {
            LayerShape layer = shape.layers().get(i);
            Patches ofLayer = patches.get(i);
            if (ofLayer != null) {
                ofLayer.gather(from.segment(), rows, patchValues.get(i).segment());
            }
            Matrix out = view(outputs.get(i), rows * layer.positions(), layer.outputs());
            products.multiply(Product.NT, operand(i, from, rows), weights(i, weights), out);
            Elementwise.addBiases(out.segment(), rows, layer.neurons(), biases, bias, layer.outputs(), !isLast(i));
            from = outputs.get(i);
            bias += layer.outputs();
        }
    }

    /**
     * The gradient of the mean cross-entropy of the batch that {@link #forward} has just seen.
     *
     * @return the sum of the cross-entropies, in nats
     */
    double backward(int rows) {
        int last = shape.layers().size() - 1;
        double loss = Elementwise.crossEntropy(
                outputMemory(last),
                labels,
                rows,
                shape.classes(),
                outputGradients.get(last).segment());
        int bias = shape.biases();
        for (int i = last; i >= 0; i--) {
            LayerShape layer = shape.layers().get(i);
            bias -= layer.outputs();
            Matrix delta = view(outputGradients.get(i), rows * layer.positions(), layer.outputs());
            Matrix from = i == 0 ? input : outputs.get(i - 1);
            products.multiply(Product.TN, delta, operand(i, from, rows), weights(i, gradients));
            Elementwise.channelSums(delta.segment(), rows, layer.neurons(), biasGradients, bias, layer.outputs());
            if (i > 0) {
                inputGradients(i, delta, rows);
            }
        }
        return loss;
    }

    private void inputGradients(int i, Matrix delta, int rows) {
        LayerShape layer = shape.layers().get(i);
        Matrix below = outputGradients.get(i - 1);
        Patches ofLayer = patches.get(i);
        if (ofLayer == null) {
            products.multiply(Product.NN, delta, weights(i, weights), view(below, rows, layer.inputs()));
        } else {
            Matrix ofPatches = view(patchGradients, rows * layer.positions(), layer.fanIn());
            products.multiply(Product.NN, delta, weights(i, weights), ofPatches);
            ofLayer.scatter(ofPatches.segment(), rows, below.segment());
        }
        Elementwise.maskInactive(outputMemory(i - 1), below.segment(), rows * layer.inputs());
    }

    /** How many of the first {@code rows} images have their own class's logit above all others. */
    int correct(int rows) {
        MemorySegment logits = outputMemory(shape.layers().size() - 1);
        int classes = shape.classes();
        int correct = 0;
        for (int row = 0; row < rows; row++) {
            long at = (long) row * classes * Float.BYTES;
            float own = logits.get(Matrix.FLOAT, at + (long) labels[row] * Float.BYTES);
            boolean best = true;
            for (int c = 0; c < classes; c++) {
                best &= c == labels[row] || logits.get(Matrix.FLOAT, at + (long) c * Float.BYTES) < own;
            }
            correct += best ? 1 : 0;
        }
        return correct;
    }

    private boolean isLast(int layer) {
        return layer == shape.layers().size() - 1;
    }

    private Matrix operand(int i, Matrix from, int rows) {
        LayerShape layer = shape.layers().get(i);
        return view(layer.isDense() ? from : patchValues.get(i), rows * layer.positions(), layer.fanIn());
    }

    private Matrix weights(int i, Matrix all) {
        LayerShape layer = shape.layers().get(i);
        long offset = (long) shape.weightOffset(i) * Float.BYTES;
        return Matrix.of(
                all.segment().asSlice(offset, (long) layer.weights() * Float.BYTES),
                DType.F32,
                layer.outputs(),
                layer.fanIn());
    }

    private static Matrix view(Matrix vector, int rows, int columns) {
        return Matrix.of(vector.segment(), DType.F32, rows, columns);
    }

    @Override
    public void close() {
        try {
            products.close();
        } finally {
            memory.releaseAll();
            memory.close();
        }
    }
}
