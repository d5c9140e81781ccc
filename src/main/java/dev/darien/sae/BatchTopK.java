// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Kernels;
import java.util.Objects;

/**
 * The k · rows largest positive pre-activations of a batch (Bussmann et al. 2024, section 3); the same rule as Mutual
 * Choice (Ayonrinde 2024). Afterwards it encodes row by row with one threshold, the running mean of the smallest value
 * kept in training.
 *
 * @param k mean number of latents for each row
 */
public record BatchTopK(int k) implements Sparsity {
    public BatchTopK {
        if (k < 1) {
            throw new IllegalArgumentException("k must be at least 1, not " + k);
        }
    }

    @Override
    public String id() {
        return "batchtopk";
    }

    @Override
    public long capacity(int rows, int latents) {
        return (long) rows * Math.min(k, latents);
    }

    @Override
    public boolean batchWide() {
        return true;
    }

    @Override
    public Sparsity withK(int other) {
        return new BatchTopK(other);
    }

    @Override
    public Sparsity inference() {
        return new JumpRelu(0);
    }

    @Override
    public void select(Kernels kernels, Selection selection) {
        long budget = k * selection.input().rows();
        kernels.encodeBatchTopK(
                selection.input(),
                selection.encoder(),
                budget,
                selection.dead(),
                selection.codes(),
                Objects.requireNonNull(selection.smallestKept()));
    }
}
