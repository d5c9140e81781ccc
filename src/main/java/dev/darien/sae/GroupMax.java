// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Kernels;

/**
 * The largest positive pre-activation of each of k groups of neighbouring latents: TopK whose latents compete within their
 * group alone.
 *
 * @param k groups
 */
public record GroupMax(int k) implements Sparsity {
    public GroupMax {
        if (k < 1) {
            throw new IllegalArgumentException("k must be at least 1, not " + k);
        }
    }

    @Override
    public String id() {
        return "groupmax";
    }

    @Override
    public long capacity(int rows, int latents) {
        return (long) rows * Math.min(k, latents);
    }

    @Override
    public Sparsity withK(int other) {
        return new GroupMax(other);
    }

    @Override
    public void select(Kernels kernels, Selection selection) {
        kernels.encodeGroupMax(selection.input(), selection.encoder(), k, selection.dead(), selection.codes());
    }
}
