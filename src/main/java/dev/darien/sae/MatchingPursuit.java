// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Kernels;
import dev.darien.device.Pursuit;
import dev.darien.device.PursuitSteps;
import org.jspecify.annotations.Nullable;

/**
 * Matching pursuit (Costa et al. 2025, MP-SAE, section 3): step by step the decoder row that fits the residual best, which
 * loses its part of it. The encoder's rows are the decoder's, and its bias is 0; the decoder bias is subtracted first.
 *
 * @param k steps; as a latent may be taken again, at most as many are active
 * @param residualThreshold the pursuit ends once the residual's norm is below; 0 for never
 * @param stopOnRepeat whether it ends when a latent is taken for the second time
 */
public record MatchingPursuit(int k, float residualThreshold, boolean stopOnRepeat) implements Sparsity {
    /** Checks the ranges. */
    public MatchingPursuit {
        // Made to be thrown away: it has the checks.
        new Pursuit(k, residualThreshold, stopOnRepeat).steps();
    }

    /** A pursuit of {@code k} steps, whatever is left. */
    public MatchingPursuit(int k) {
        this(k, 0, false);
    }

    @Override
    public String id() {
        return "matching-pursuit";
    }

    @Override
    public long capacity(int rows, int latents) {
        return (long) rows * Math.min(k, latents);
    }

    @Override
    public boolean isTied() {
        return true;
    }

    @Override
    public Sparsity withK(int other) {
        return new MatchingPursuit(other, residualThreshold, stopOnRepeat);
    }

    @Override
    public void select(Kernels kernels, Selection selection) {
        kernels.encodeMatchingPursuit(
                selection.input(),
                selection.encoder(),
                new Pursuit(k, residualThreshold, stopOnRepeat),
                steps(kernels, selection.steps()),
                selection.codes());
    }

    /** As many as there are now; those beyond, of a k that is still falling, are none. */
    private @Nullable PursuitSteps steps(Kernels kernels, @Nullable PursuitSteps all) {
        if (all == null || all.values().rows() == k) {
            return all;
        }
        kernels.fill(all.values().slice(k, all.values().rows() - k), 0);
        return new PursuitSteps(all.latents().slice(0, k), all.values().slice(0, k));
    }
}
