// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

/**
 * How a classifier is trained: stochastic gradient descent with momentum and weight decay, {@code v = m·v + g + decay·w;
 * w -= lr·v}. The learning rate is that of the authors' code, as shares of a run: it rises linearly over the first half,
 * then is a tenth of its peak, and from 64 % of the run on a hundredth.
 *
 * @param epochs passes over the training images
 * @param batch images in a step
 * @param learningRate its peak
 * @param momentum m, in [0, 1)
 * @param weightDecay decay, at least 0
 */
public record ClassifierTraining(int epochs, int batch, double learningRate, double momentum, double weightDecay) {
    /** Momentum, weight decay and batch of the authors' code; few epochs, for small networks and data. */
    public static final ClassifierTraining DEFAULT = new ClassifierTraining(8, 64, 0.1, 0.9, 5e-4);

    private static final double RISE = 0.5;
    private static final double SECOND_DROP = 0.64;

    public ClassifierTraining {
        if (epochs < 1 || batch < 1 || batch > 65_536) {
            throw new IllegalArgumentException("a classifier needs 1 epoch or more, of batches of 1 to 65536 images,"
                    + " not " + epochs + " of " + batch);
        }
        if (!(learningRate > 0) || !(momentum >= 0 && momentum < 1) || !(weightDecay >= 0)) {
            throw new IllegalArgumentException(("the learning rate must be above 0, the momentum in [0, 1) and the"
                            + " weight decay at least 0, not %s, %s and %s")
                    .formatted(learningRate, momentum, weightDecay));
        }
    }

    /** The same with another number of epochs. */
    public ClassifierTraining withEpochs(int newEpochs) {
        return new ClassifierTraining(newEpochs, batch, learningRate, momentum, weightDecay);
    }

    /** The learning rate of step {@code step}, from 0, of {@code steps}. */
    double learningRate(long step, long steps) {
        double done = step / (double) steps;
        if (done < RISE) {
            return learningRate * done / RISE;
        }
        return learningRate * (done < SECOND_DROP ? 0.1 : 0.01);
    }
}
