// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.SeededRandom;
import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import dev.darien.memory.Matrix;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("device")
class ClassifierTest {
    private static final int ROWS = 5;
    private static final LabelledImages IMAGES = LabelledImages.generated(ROWS, 13, 1);
    private static final int[] ORDER = IntStream.range(0, ROWS).toArray();
    private static final NetworkShape MLP = NetworkShape.mlp(169, 10, 7, 6);
    private static final NetworkShape CONVOLUTIONAL = NetworkShape.convolutional(169, 10, 3, 6);

    static List<String> devices() {
        return TestDevices.all();
    }

    private static Classifier classifier(Device device, NetworkShape shape) {
        Classifier classifier = new Classifier(device, shape, ROWS + 2);
        classifier.initialise(3);
        SeededRandom random = new SeededRandom(4);
        for (int i = 0; i < classifier.biases().length; i++) {
            classifier.biases()[i] = (float) (0.1 * random.nextGaussian());
        }
        classifier.load(IMAGES, ORDER, 0, ROWS);
        return classifier;
    }

    private static double loss(Classifier classifier) {
        classifier.forward(ROWS);
        return classifier.backward(ROWS) / ROWS;
    }

    @ParameterizedTest
    @MethodSource("devices")
    void gradientsAreThoseOfFiniteDifferences(String name) {
        for (NetworkShape shape : List.of(MLP, CONVOLUTIONAL)) {
            try (Device device = Device.open(name);
                    Classifier classifier = classifier(device, shape)) {
                loss(classifier);
                float[] gradients = classifier.gradients();
                float[] biasGradients = classifier.biasGradients().clone();
                float[] weights = classifier.weights();
                // A prime step visits every layer, without the time for every weight.
                for (int i = 0; i < weights.length; i += 7) {
                    double difference = 0;
                    for (int sign : new int[] {1, -1}) {
                        float[] moved = weights.clone();
                        moved[i] += sign * 0x1p-11f;
                        classifier.setWeights(moved);
                        difference += sign * loss(classifier) * 0x1p10;
                    }
                    assertThat((double) gradients[i])
                            .as("%s, weight %d", shape.name(), i)
                            .isCloseTo(difference, within(2e-3 + 0.02 * Math.abs(difference)));
                }
                classifier.setWeights(weights);
                for (int i = 0; i < biasGradients.length; i++) {
                    float bias = classifier.biases()[i];
                    double difference = 0;
                    for (int sign : new int[] {1, -1}) {
                        classifier.biases()[i] = bias + sign * 0x1p-11f;
                        difference += sign * loss(classifier) * 0x1p10;
                    }
                    classifier.biases()[i] = bias;
                    assertThat((double) biasGradients[i])
                            .as("%s, bias %d", shape.name(), i)
                            .isCloseTo(difference, within(2e-3 + 0.02 * Math.abs(difference)));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aConvolutionIsTheSumOverItsPatch(String name) {
        try (Device device = Device.open(name);
                Classifier classifier = classifier(device, CONVOLUTIONAL)) {
            classifier.forward(ROWS);
            LayerShape layer = CONVOLUTIONAL.layers().getFirst();
            float[] weights = classifier.weights();
            for (int row = 0; row < ROWS; row++) {
                for (int y = 0; y < layer.outputSide(); y++) {
                    for (int x = 0; x < layer.outputSide(); x++) {
                        for (int channel = 0; channel < layer.outputs(); channel++) {
                            double sum = classifier.biases()[channel];
                            for (int i = 0; i < 25; i++) {
                                int pixel = (2 * y + i / 5) * 13 + 2 * x + i % 5;
                                sum += weights[channel * 25 + i] * pixel(row, pixel);
                            }
                            int at = ((row * layer.outputSide() + y) * layer.outputSide() + x) * 3 + channel;
                            assertThat((double) classifier.outputMemory(0).get(Matrix.FLOAT, at * 4L))
                                    .isCloseTo(Math.max(0, sum), within(1e-5));
                        }
                    }
                }
            }
        }
    }

    private static double pixel(int image, int pixel) {
        java.lang.foreign.MemorySegment row = java.lang.foreign.MemorySegment.ofArray(new float[IMAGES.width()]);
        IMAGES.copy(image, row, 0);
        return row.get(Matrix.FLOAT, pixel * 4L);
    }

    @Test
    void theGradientOverAllImagesIsTheMeanOfTheBatches() {
        try (Device device = Device.open(TestDevices.training());
                Classifier whole = classifier(device, MLP);
                Classifier parts = new Classifier(device, MLP, 2)) {
            parts.setWeights(whole.weights());
            System.arraycopy(whole.biases(), 0, parts.biases(), 0, whole.biases().length);
            loss(whole);

            float[] mean = ClassifierRuns.meanGradient(parts, IMAGES);

            for (int i = 0; i < mean.length; i++) {
                assertThat(mean[i]).isCloseTo(whole.gradients()[i], within(1e-6f));
            }
        }
    }

    @Test
    void aTrainedClassifierTellsImagesApartThatItHasNotSeen() {
        LabelledImages images = LabelledImages.generated(3200, 13, 5);
        for (NetworkShape shape : List.of(NetworkShape.mlp(169, 10, 32), NetworkShape.convolutional(169, 10, 6, 32))) {
            try (Device device = Device.open(TestDevices.training());
                    Classifier classifier = new Classifier(device, shape, 32)) {
                classifier.initialise(1);
                float[] kept = Floats.of(shape.weights(), i -> 1);
                ClassifierRuns.train(
                        classifier, images.slice(0, 3000), new ClassifierTraining(10, 32, 0.05, 0.9, 5e-4), kept, 1);

                assertThat(ClassifierRuns.accuracy(classifier, images.slice(3000, 200)))
                        .as(shape.name())
                        .isGreaterThan(0.6);
            }
        }
    }

    @Test
    void activeNeuronsAreCountedOverAllBatches() {
        try (Device device = Device.open(TestDevices.training());
                Classifier classifier = classifier(device, CONVOLUTIONAL);
                Classifier parts = new Classifier(device, CONVOLUTIONAL, 2)) {
            parts.setWeights(classifier.weights());
            System.arraycopy(classifier.biases(), 0, parts.biases(), 0, parts.biases().length);

            int[] counts = ClassifierRuns.activeCounts(parts, IMAGES);

            assertThat(counts).hasSize(CONVOLUTIONAL.hiddenNeurons()).hasSize(75 + 6 + 6);
            assertThat(counts).containsExactly(ClassifierRuns.activeCounts(classifier, IMAGES));
            assertThat(counts).contains(0, ROWS).doesNotContain(ROWS + 1);
        }
    }

    @Test
    void shapesThatDontFitAreRefusedInASentence() {
        assertThatThrownBy(() -> NetworkShape.convolutional(170, 10, 8, 16))
                .hasMessageContaining("square images")
                .hasMessageContaining("170");
        assertThatThrownBy(() -> NetworkShape.convolutional(144, 10, 8, 16)).hasMessageContaining("13 x 13");
        assertThatThrownBy(() -> NetworkShape.mlp(16, 10)).hasMessageContaining("hidden layer");
        assertThatThrownBy(() -> new NetworkShape("x", List.of(LayerShape.dense(3, 4), LayerShape.dense(5, 2))))
                .hasMessageContaining("layer 1 takes 5 values but layer 0 gives 4");
        assertThatThrownBy(() -> new ClassifierTraining(0, 64, 0.1, 0.9, 0)).hasMessageContaining("1 epoch");
        assertThatThrownBy(() -> new ClassifierTraining(1, 64, 0.1, 1, 0)).hasMessageContaining("momentum");
    }
}
