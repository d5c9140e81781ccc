// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Kernels;

/**
 * A gate that decides which latents are active, and magnitudes of their own (Rajamanoharan et al. 2024, "Gated SAEs",
 * section 3.2), with shared encoder directions: with u the product, {@code 1[u + b_gate > 0] · relu(exp(r)·u + b_mag)}. In
 * training it selects the open gates, whose values are {@code u + b_gate}; afterwards it is JumpReLU on the magnitudes with
 * the threshold {@code b_mag - exp(r)·b_gate}, which is the same function.
 */
public record Gated() implements Sparsity {
    @Override
    public String id() {
        return "gated";
    }

    @Override
    public long capacity(int rows, int latents) {
        return (long) rows * latents;
    }

    @Override
    public boolean hasThresholds() {
        return true;
    }

    @Override
    public void select(Kernels kernels, Selection selection) {
        kernels.encodeThreshold(
                selection.input(),
                selection.encoder(),
                selection.training() ? null : selection.thresholds(),
                0,
                selection.codes());
    }
}
