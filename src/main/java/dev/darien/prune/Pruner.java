// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import dev.darien.data.SeededRandom;
import dev.darien.device.Device;
import dev.darien.memory.Turn;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Iterative pruning with rewinding: train, prune, set what is left back to the first weights, and so on. Everything
 * depends on the seed only: first weights, order of the images, random scores. Several methods can be run one after the
 * other; the unpruned network, which is the same for all, is trained once.
 *
 * <p>The authors' code trains twice in a cycle, to choose weights and, rewound, to measure; its next cycle then begins by
 * training the same weights once more. Here that is one training: a cycle measures it and the next prunes by it.
 */
@SuppressWarnings("try") // A turn is taken, not looked at.
public final class Pruner implements AutoCloseable {
    private static final int RANDOM_SCORES = 1;

    private final Turn turn = new Turn("the pruner");
    private final Classifier classifier;
    private final LabelledImages training;
    private final LabelledImages heldOut;
    private final ClassifierTraining options;
    private final long seed;
    private final float[] firstWeights;
    private @Nullable Trained dense;

    /** A network before and after its training. */
    private static final class Trained {
        final float[] start;
        final float[] end;
        final float[] biases;
        final double accuracy;
        final DeadNeuronRate dead;

        Trained(float[] start, float[] end, float[] biases, double accuracy, DeadNeuronRate dead) {
            this.start = start;
            this.end = end;
            this.biases = biases;
            this.accuracy = accuracy;
            this.dead = dead;
        }
    }

    /**
     * A pruner of networks of one shape.
     *
     * @param training what networks are trained and dead neurons counted on
     * @param heldOut what accuracy is measured on
     * @throws IllegalArgumentException if the images don't fit the network or each other
     */
    public Pruner(
            Device device,
            NetworkShape shape,
            LabelledImages training,
            LabelledImages heldOut,
            ClassifierTraining options,
            long seed) {
        for (LabelledImages images : List.of(training, heldOut)) {
            if (images.width() != shape.inputs() || images.classes() > shape.classes()) {
                throw new IllegalArgumentException("images of %d pixels and %d classes don't fit a network of %d and %d"
                        .formatted(images.width(), images.classes(), shape.inputs(), shape.classes()));
            }
        }
        this.training = training;
        this.heldOut = heldOut;
        this.options = options;
        this.seed = seed;
        this.classifier = new Classifier(device, shape, Math.min(options.batch(), training.count()));
        classifier.initialise(seed);
        this.firstWeights = classifier.weights();
    }

    /**
     * Prunes in {@code cycles} cycles.
     *
     * @param listener told of each cycle when it is done
     * @return cycle 0, which prunes nothing, and the others
     * @throws dev.darien.train.DivergedException if a loss is no longer a number
     * @throws IllegalStateException if this is closed or at work in another thread
     */
    public List<PruningCycle> prune(PruningMethod method, int cycles, Consumer<PruningCycle> listener) {
        try (Turn held = turn.take()) {
            return run(method, cycles, listener);
        }
    }

    private List<PruningCycle> run(PruningMethod method, int cycles, Consumer<PruningCycle> listener) {
        if (cycles < 0) {
            throw new IllegalArgumentException("there can't be " + cycles + " cycles of pruning");
        }
        List<PruningCycle> done = new ArrayList<>();
        PruningMask mask = new PruningMask(firstWeights.length);
        Trained trained = dense();
        done.add(cycle(0, mask, trained, null));
        listener.accept(done.getLast());
        for (int number = 1; number <= cycles; number++) {
            PruningCycle.Pruned pruned = step(method, mask, trained, number);
            trained = train(mask);
            done.add(cycle(number, mask, trained, pruned));
            listener.accept(done.getLast());
        }
        return done;
    }

    private static PruningCycle cycle(
            int number, PruningMask mask, Trained trained, PruningCycle.@Nullable Pruned pruned) {
        return new PruningCycle(number, mask.copy(), trained.accuracy, trained.dead, pruned);
    }

    private Trained dense() {
        if (dense == null) {
            dense = train(new PruningMask(firstWeights.length));
        }
        return dense;
    }

    /** Trains what {@code mask} keeps of the first weights. */
    private Trained train(PruningMask mask) {
        float[] start = firstWeights.clone();
        mask.apply(start);
        classifier.setWeights(start);
        Arrays.fill(classifier.biases(), 0);
        ClassifierRuns.train(classifier, training, options, mask.factors(), seed);
        return new Trained(
                start,
                classifier.weights(),
                classifier.biases().clone(),
                ClassifierRuns.accuracy(classifier, heldOut),
                ClassifierRuns.deadNeurons(classifier, training));
    }

    /** Prunes by what training has made of the weights. */
    private PruningCycle.Pruned step(PruningMethod method, PruningMask mask, Trained trained, int number) {
        float[] weights = trained.end;
        int activating = method.activating(mask.surviving());
        int byBase = method.total(mask.surviving()) - activating;
        float[] gradients = new float[0];
        if (method.base() == BaseMethod.GRADIENT) {
            load(trained, mask);
            gradients = ClassifierRuns.meanGradient(classifier, training);
        }
        float[] scores = method.base()
                .scores(
                        classifier.shape(),
                        mask,
                        weights,
                        gradients,
                        SeededRandom.combine(SeededRandom.combine(seed, RANDOM_SCORES), number));
        int base = mask.pruneLowest(scores, byBase, i -> true);
        DeadNeuronRate afterBase = deadAfter(trained, mask);
        if (activating == 0) {
            return new PruningCycle.Pruned(base, 0, afterBase, afterBase);
        }
        int byActivating = method.step().prune(mask, trained.start, weights, activating);
        // Where too few negative weights are left, the base method makes up for them.
        base += mask.pruneLowest(scores, activating - byActivating, i -> true);
        return new PruningCycle.Pruned(base, byActivating, afterBase, deadAfter(trained, mask));
    }

    private DeadNeuronRate deadAfter(Trained trained, PruningMask mask) {
        load(trained, mask);
        return ClassifierRuns.deadNeurons(classifier, training);
    }

    private void load(Trained trained, PruningMask mask) {
        float[] weights = trained.end.clone();
        mask.apply(weights);
        classifier.setWeights(weights);
        System.arraycopy(trained.biases, 0, classifier.biases(), 0, trained.biases.length);
    }

    /** Gives the classifier's memory back; idempotent. */
    @Override
    public void close() {
        if (turn.end()) {
            classifier.close();
        }
    }
}
