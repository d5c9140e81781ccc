// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Kernels;

/**
 * The k pre-activations of largest magnitude of each row, with their signs, so that one latent can stand for a concept and
 * its opposite (Zhu et al. 2025, AbsTopK).
 *
 * @param k latents for each row
 */
public record AbsTopK(int k) implements Sparsity {
    /** Checks k. */
    public AbsTopK {
        if (k < 1) {
            throw new IllegalArgumentException("k must be at least 1, not " + k);
        }
    }

    @Override
    public String id() {
        return "abs-topk";
    }

    @Override
    public long capacity(int rows, int latents) {
        return (long) rows * Math.min(k, latents);
    }

    @Override
    public Sparsity withK(int other) {
        return new AbsTopK(other);
    }

    @Override
    public void select(Kernels kernels, Selection selection) {
        kernels.encodeAbsTopK(selection.input(), selection.encoder(), k, selection.dead(), selection.codes());
    }
}
