// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

/**
 * What is pruned in each cycle, as shares of the weights that are left. With Activating-while-Pruning the base method
 * prunes {@code rate - ap}, so that as much is left with it as without.
 *
 * @param base the base method
 * @param rate share pruned in all, in (0, 1); 0.2 in the authors' code
 * @param ap share pruned by the activating step, at most {@code rate}; 0 for the base method alone; 0.02 in the authors'
 *     code
 * @param step which negative weights the activating step takes
 */
public record PruningMethod(BaseMethod base, double rate, double ap, ActivatingStep step) {
    public PruningMethod {
        if (!(rate > 0 && rate < 1)) {
            throw new IllegalArgumentException(
                    "the share of weights to prune in a cycle must be between 0 and 1, as 0.2, not " + rate);
        }
        if (!(ap >= 0 && ap <= rate)) {
            throw new IllegalArgumentException("the activating step's share must be between 0 and the whole share of "
                    + rate + ", as 0.02, not " + ap);
        }
    }

    /** The base method, with the activating step by {@link ActivatingStep#MOVEMENT}. */
    public static PruningMethod of(BaseMethod base, double rate, double ap) {
        return new PruningMethod(base, rate, ap, ActivatingStep.MOVEMENT);
    }

    /** How many of {@code surviving} weights a cycle prunes in all. */
    int total(int surviving) {
        return (int) (surviving * rate);
    }

    /** How many of them the activating step prunes. */
    int activating(int surviving) {
        return Math.min((int) (surviving * ap), total(surviving));
    }
}
