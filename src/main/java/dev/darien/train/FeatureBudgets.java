// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import org.jspecify.annotations.Nullable;

/**
 * How a Feature Choice run goes over from Mutual Choice and what budgets it gives its latents (Ayonrinde 2024; the numbers
 * are Darien's own).
 *
 * @param mutualShare share of the run, at its start, that selects over the whole batch
 * @param law of the rates by rank; null to fit it to the densities at the end of that share
 * @param cap largest rate of a latent, 1 for every token
 * @param rounding how rates become whole numbers of tokens
 * @param refresh steps after which ranks are taken anew; 0 to keep those of the start
 */
public record FeatureBudgets(double mutualShare, @Nullable ZipfLaw law, double cap, Rounding rounding, int refresh) {
    /** 80 % of the run by Mutual Choice, then budgets that are fitted. */
    public static final FeatureBudgets DEFAULT = new FeatureBudgets(0.8, null, 1, Rounding.STOCHASTIC, 0);

    /** Rates times the rows of a batch as whole numbers. */
    public enum Rounding {
        /** To the nearest, at least 1. */
        NEAREST,
        /** Up or down at random, so that the mean over batches is the rate; the total of each batch stays within one. */
        STOCHASTIC,
        /** Down, and what is left is carried to the next batches. */
        ACCUMULATED
    }

    public FeatureBudgets {
        if (!(mutualShare >= 0 && mutualShare < 1)) {
            throw new IllegalArgumentException(
                    "the share of Mutual Choice lies between 0 and 1, and isn't all of the run: " + mutualShare);
        }
        if (!(cap > 0 && cap <= 1)) {
            throw new IllegalArgumentException("the cap of a budget is a share of the tokens above 0, not " + cap);
        }
        if (refresh < 0) {
            throw new IllegalArgumentException("ranks can't be refreshed every " + refresh + " steps");
        }
    }

    /** The first step that selects by latent. */
    long start(long steps) {
        return Math.min(steps - 1, Math.round(mutualShare * steps));
    }

    /** The smallest rate of a latent. */
    double least(int batch) {
        return rounding == Rounding.NEAREST ? 1.0 / batch : 0;
    }
}
