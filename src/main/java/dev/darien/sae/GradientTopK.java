// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Kernels;
import java.util.Objects;

/**
 * The k latents of each row with the highest score {@code z_j · (1 + β·|a_j|)}, where z are the pre-activations and
 * {@code a_j = g · d_j} is what a step along the decoder's row d_j does to a model's loss, to first order; g is the
 * loss's gradient by the row (Olmo et al. 2024, "Features that Make a Difference: Leveraging Gradients for Improved
 * Dictionary Learning"). The codes are pre-activations as they are. No gradient flows through the scores. Afterwards it
 * encodes as {@link TopK}, since the gradient isn't known then; who has it encodes with this rule and
 * {@link Inference#encode(dev.darien.memory.Matrix, dev.darien.memory.Matrix)}.
 *
 * @param k latents for each row
 * @param beta β, how much attribution counts; at 0 this is TopK
 * @param normalised whether a is divided by its mean magnitude over batch and latents, which makes β independent of the
 *     loss's scale; otherwise gradients are by the activations as they come, and β is in units of 1 over the loss
 */
public record GradientTopK(int k, float beta, boolean normalised) implements Sparsity {
    public GradientTopK {
        if (k < 1) {
            throw new IllegalArgumentException("k must be at least 1, not " + k);
        }
        if (!(beta >= 0) || Float.isInfinite(beta)) {
            throw new IllegalArgumentException("beta must be finite and not negative, not " + beta);
        }
    }

    @Override
    public String id() {
        return "gradient-topk";
    }

    @Override
    public long capacity(int rows, int latents) {
        return (long) rows * Math.min(k, latents);
    }

    @Override
    public Sparsity withK(int other) {
        return new GradientTopK(other, beta, normalised);
    }

    /** The same rule with another β. */
    public GradientTopK withBeta(float other) {
        return new GradientTopK(k, other, normalised);
    }

    @Override
    public Sparsity inference() {
        return new TopK(k);
    }

    @Override
    public void select(Kernels kernels, Selection selection) {
        Selection.Attribution attribution = Objects.requireNonNull(selection.attribution(), "gradients");
        if (normalised) {
            kernels.attributionStrength(
                    attribution.gradients(), attribution.directions(), beta, attribution.strength());
        } else {
            kernels.fill(attribution.strength(), beta);
        }
        kernels.encodeGradientTopK(
                selection.input(),
                selection.encoder(),
                attribution.gradients(),
                attribution.directions(),
                attribution.strength(),
                k,
                selection.dead(),
                selection.codes());
    }
}
