// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Kernels;

/** Every positive pre-activation, as in the first sparse autoencoders of language models (Bricken et al. 2023). */
public record Relu() implements Sparsity {
    @Override
    public String id() {
        return "relu";
    }

    @Override
    public long capacity(int rows, int latents) {
        return (long) rows * latents;
    }

    @Override
    public void select(Kernels kernels, Selection selection) {
        kernels.encodeThreshold(selection.input(), selection.encoder(), null, 0, selection.codes());
    }
}
