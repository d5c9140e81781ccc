// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import java.util.Arrays;
import java.util.function.IntPredicate;

/** Which weights of a network are left. A pruned weight never comes back. */
public final class PruningMask {
    private final boolean[] kept;
    private int surviving;

    /** A mask that keeps all of {@code weights} weights. */
    public PruningMask(int weights) {
        kept = new boolean[weights];
        Arrays.fill(kept, true);
        surviving = weights;
    }

    private PruningMask(PruningMask other) {
        kept = other.kept.clone();
        surviving = other.surviving;
    }

    /** A mask of its own that keeps the same weights. */
    public PruningMask copy() {
        return new PruningMask(this);
    }

    /** Number of weights, pruned ones too. */
    public int size() {
        return kept.length;
    }

    /** Number of weights that are left. */
    public int surviving() {
        return surviving;
    }

    /** The share of weights that are pruned. */
    public double sparsity() {
        return 1 - surviving / (double) kept.length;
    }

    /** Whether a weight is left. */
    public boolean keeps(int weight) {
        return kept[weight];
    }

    /**
     * Prunes the {@code count} lowest-scoring of those weights that are left and that {@code candidate} accepts; of equal
     * scores those of the lower index. Fewer if there are fewer.
     *
     * @param scores one for each weight; NaN counts as the highest
     * @return how many were pruned
     */
    public int pruneLowest(float[] scores, int count, IntPredicate candidate) {
        if (scores.length != kept.length) {
            throw new IllegalArgumentException(scores.length + " scores don't fit " + kept.length + " weights");
        }
        long[] ranked = new long[surviving];
        int candidates = 0;
        for (int i = 0; i < kept.length; i++) {
            if (kept[i] && candidate.test(i)) {
                ranked[candidates++] = (long) sortable(scores[i]) << 32 | i;
            }
        }
        Arrays.sort(ranked, 0, candidates);
        int pruned = Math.min(Math.max(count, 0), candidates);
        for (int i = 0; i < pruned; i++) {
            kept[(int) ranked[i]] = false;
        }
        surviving -= pruned;
        return pruned;
    }

    /** An int that compares as the float does; -0 is 0, and NaN comes last. */
    private static int sortable(float score) {
        int bits = Float.floatToIntBits(score + 0f);
        return bits >= 0 ? bits : bits ^ Integer.MAX_VALUE;
    }

    /** Sets pruned weights to 0. */
    void apply(float[] weights) {
        for (int i = 0; i < kept.length; i++) {
            if (!kept[i]) {
                weights[i] = 0;
            }
        }
    }

    /** 1 for each weight that is left, 0 for the others. */
    float[] factors() {
        return Floats.of(kept.length, i -> kept[i] ? 1 : 0);
    }
}
