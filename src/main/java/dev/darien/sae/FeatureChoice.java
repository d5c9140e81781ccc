// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Kernels;
import java.util.Objects;

/**
 * Each latent takes the tokens of a batch that it likes best, as many as its budget (Ayonrinde 2024, Feature Choice).
 * Afterwards it encodes row by row with a threshold for each latent, the running mean of the smallest value that it kept.
 *
 * @param k mean number of latents for each row: what the budgets add up to, over the rows
 * @param keepNonPositive whether a latent takes tokens with values that aren't positive too, and learns from them; the paper
 *     doesn't say
 */
public record FeatureChoice(int k, boolean keepNonPositive) implements Sparsity {
    public FeatureChoice {
        if (k < 1) {
            throw new IllegalArgumentException("k must be at least 1, not " + k);
        }
    }

    @Override
    public String id() {
        return "feature-choice";
    }

    /** Budgets are whole numbers, each rounded by less than one. */
    @Override
    public long capacity(int rows, int latents) {
        return Math.min((long) rows * latents, (long) rows * Math.min(k, latents) + latents);
    }

    @Override
    public boolean batchWide() {
        return true;
    }

    @Override
    public Sparsity withK(int other) {
        return new FeatureChoice(other, keepNonPositive);
    }

    @Override
    public Sparsity inference() {
        return new JumpRelu(0);
    }

    /** The dead latents of {@code selection} are left alone: the selection goes by latent, theirs by row. */
    @Override
    public void select(Kernels kernels, Selection selection) {
        Selection.Budgets budgets = Objects.requireNonNull(selection.budgets());
        kernels.encodeFeatureChoice(
                selection.input(),
                selection.encoder(),
                budgets.tokens(),
                keepNonPositive,
                selection.codes(),
                budgets.smallestKept());
    }
}
