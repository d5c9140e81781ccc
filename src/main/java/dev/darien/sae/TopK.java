// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Kernels;

/**
 * The k largest positive pre-activations of each row (Gao et al. 2024, section 2.3).
 *
 * @param k latents for each row
 */
public record TopK(int k) implements Sparsity {
    public TopK {
        if (k < 1) {
            throw new IllegalArgumentException("k must be at least 1, not " + k);
        }
    }

    @Override
    public String id() {
        return "topk";
    }

    @Override
    public long capacity(int rows, int latents) {
        return (long) rows * Math.min(k, latents);
    }

    @Override
    public Sparsity withK(int other) {
        return new TopK(other);
    }

    @Override
    public void select(Kernels kernels, Selection selection) {
        kernels.encodeTopK(selection.input(), selection.encoder(), k, selection.dead(), selection.codes());
    }
}
