// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

/**
 * The step that Activating-while-Pruning adds to a base method (Liu et al. 2023; as the authors' code has it): of the
 * negative weights that are left, those that count least are pruned. The inputs of a layer aren't negative after a ReLU,
 * so without a negative weight a neuron's pre-activation can only rise, and a dead neuron can only become active.
 *
 * <p>The authors' code prunes one weight more than it means to, and more on ties; this prunes exactly as many.
 */
public enum ActivatingStep {
    /** Least moved: by |w at the end of training - w at its start|, as in the authors' code. */
    MOVEMENT,
    /** Smallest: by |w|, to compare with. */
    MAGNITUDE;

    /**
     * Prunes {@code count} negative weights, of equal ones those of the lower index; fewer if fewer are left.
     *
     * @param start the weights at the start of training
     * @param end the trained weights, whose sign and, with {@link #MAGNITUDE}, size counts
     * @return how many were pruned
     */
    public int prune(PruningMask mask, float[] start, float[] end, int count) {
        if (start.length != end.length) {
            throw new IllegalArgumentException(
                    start.length + " weights at the start don't fit " + end.length + " at the end");
        }
        float[] scores = Floats.of(end.length, i -> Math.abs(this == MOVEMENT ? end[i] - start[i] : end[i]));
        return mask.pruneLowest(scores, count, i -> end[i] < 0);
    }
}
