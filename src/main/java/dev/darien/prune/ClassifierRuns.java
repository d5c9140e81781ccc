// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import dev.darien.data.SeededRandom;
import dev.darien.memory.Matrix;
import dev.darien.train.DivergedException;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/** Passes of a classifier over images: training, accuracy, dead neurons, the mean gradient. */
final class ClassifierRuns {
    private ClassifierRuns() {}

    /**
     * Trains from the weights that the classifier has. Weights that aren't kept are 0 and stay so; their gradient counts
     * as 0. The order of the images depends on the seed only, so that a rewound run sees what the first one saw.
     *
     * @param kept 1 for each weight to train, 0 for each pruned one
     * @throws DivergedException if the loss is no longer a number
     */
    static void train(
            Classifier classifier, LabelledImages images, ClassifierTraining training, float[] kept, long seed) {
        int[] order = IntStream.range(0, images.count()).toArray();
        float[] velocity = new float[kept.length];
        float[] biasVelocity = new float[classifier.biases().length];
        int batches = Math.ceilDiv(images.count(), training.batch());
        long steps = (long) training.epochs() * batches;
        long step = 0;
        for (int epoch = 0; epoch < training.epochs(); epoch++) {
            shuffle(order, new SeededRandom(seed, epoch));
            double loss = 0;
            for (int first = 0; first < order.length; first += training.batch(), step++) {
                int rows = Math.min(training.batch(), order.length - first);
                classifier.load(images, order, first, rows);
                classifier.forward(rows);
                loss += classifier.backward(rows);
                descend(classifier, training, training.learningRate(step, steps), kept, velocity, biasVelocity);
            }
            if (!Double.isFinite(loss)) {
                throw new DivergedException("the classifier's loss is no longer a number after epoch " + (epoch + 1)
                        + "; lower the learning rate");
            }
        }
    }

    private static void descend(
            Classifier classifier,
            ClassifierTraining training,
            double learningRate,
            float[] kept,
            float[] velocity,
            float[] biasVelocity) {
        float rate = (float) learningRate;
        float momentum = (float) training.momentum();
        float decay = (float) training.weightDecay();
        MemorySegment weights = classifier.weightMemory();
        MemorySegment gradients = classifier.gradientMemory();
        for (int i = 0; i < velocity.length; i++) {
            long at = (long) i * Float.BYTES;
            float weight = weights.get(Matrix.FLOAT, at);
            velocity[i] = momentum * velocity[i] + kept[i] * (gradients.get(Matrix.FLOAT, at) + decay * weight);
            weights.set(Matrix.FLOAT, at, weight - rate * velocity[i]);
        }
        float[] biases = classifier.biases();
        for (int i = 0; i < biases.length; i++) {
            biasVelocity[i] = momentum * biasVelocity[i] + classifier.biasGradients()[i] + decay * biases[i];
            biases[i] -= rate * biasVelocity[i];
        }
    }

    private static void shuffle(int[] order, SeededRandom random) {
        for (int i = order.length - 1; i > 0; i--) {
            int other = random.nextInt(i + 1);
            int moved = order[i];
            order[i] = order[other];
            order[other] = moved;
        }
    }

    /** Does something with the outputs of each batch. */
    private interface BatchTask {
        void run(int rows);
    }

    private static void forEachBatch(Classifier classifier, LabelledImages images, BatchTask task) {
        int[] order = IntStream.range(0, images.count()).toArray();
        for (int first = 0; first < order.length; first += classifier.batch()) {
            int rows = Math.min(classifier.batch(), order.length - first);
            classifier.load(images, order, first, rows);
            classifier.forward(rows);
            task.run(rows);
        }
    }

    /** The share of images whose class is told right. */
    static double accuracy(Classifier classifier, LabelledImages images) {
        int[] correct = new int[1];
        forEachBatch(classifier, images, rows -> correct[0] += classifier.correct(rows));
        return correct[0] / (double) images.count();
    }

    /** The dead-neuron rate over all neurons with a ReLU. */
    static DeadNeuronRate deadNeurons(Classifier classifier, LabelledImages images) {
        return DeadNeuronRate.of(activeCounts(classifier, images), images.count());
    }

    /** For how many images each neuron with a ReLU is active, layer after layer. */
    static int[] activeCounts(Classifier classifier, LabelledImages images) {
        NetworkShape shape = classifier.shape();
        int[] counts = new int[shape.hiddenNeurons()];
        forEachBatch(classifier, images, rows -> {
            int from = 0;
            for (int layer = 0; layer < shape.layers().size() - 1; layer++) {
                int neurons = shape.layers().get(layer).neurons();
                MemorySegment outputs = classifier.outputMemory(layer);
                for (int row = 0; row < rows; row++) {
                    long start = (long) row * neurons * Float.BYTES;
                    for (int neuron = 0; neuron < neurons; neuron++) {
                        float output = outputs.get(Matrix.FLOAT, start + (long) neuron * Float.BYTES);
                        counts[from + neuron] += output > 0 ? 1 : 0;
                    }
                }
                from += neurons;
            }
        });
        return counts;
    }

    /** The gradient of the mean cross-entropy over all images by each weight. */
    static float[] meanGradient(Classifier classifier, LabelledImages images) {
        double[] sums = new double[classifier.shape().weights()];
        forEachBatch(classifier, images, rows -> {
            classifier.backward(rows);
            MemorySegment gradients = classifier.gradientMemory();
            for (int i = 0; i < sums.length; i++) {
                sums[i] += (double) rows * gradients.get(Matrix.FLOAT, (long) i * Float.BYTES);
            }
        });
        return Floats.of(sums.length, i -> sums[i] / images.count());
    }
}
