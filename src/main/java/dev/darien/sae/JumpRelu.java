// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Kernels;

/**
 * Every pre-activation strictly above its latent's threshold (Rajamanoharan et al. 2024, section 3).
 *
 * @param bandwidth width of the window through which the thresholds learn, in units of (scaled) pre-activations; not
 *     used when encoding
 */
public record JumpRelu(float bandwidth) implements Sparsity {
    public JumpRelu {
        if (!(bandwidth >= 0)) {
            throw new IllegalArgumentException("a bandwidth can't be negative: " + bandwidth);
        }
    }

    @Override
    public String id() {
        return "jumprelu";
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
                selection.thresholds(),
                selection.training() ? bandwidth : 0,
                selection.codes());
    }
}
