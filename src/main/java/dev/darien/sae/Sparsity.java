// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Kernels;

/**
 * The rule by which a sparse autoencoder turns pre-activations into sparse codes. Immutable; per-latent thresholds are
 * weights of the SAE, not part of the rule.
 */
public sealed interface Sparsity
        permits Relu,
                TopK,
                BatchTopK,
                JumpRelu,
                Gated,
                FeatureChoice,
                GroupMax,
                MatchingPursuit,
                GradientTopK,
                AbsTopK {

    /** The field's name of the rule, as {@code --arch} takes it. */
    String id();

    /** Most entries that {@code rows} rows can select among {@code latents} latents. */
    long capacity(int rows, int latents);

    /** Whether the codes of a row depend on other rows of its batch. */
    default boolean batchWide() {
        return false;
    }

    /** Whether an SAE with this rule has a threshold for each latent. */
    default boolean hasThresholds() {
        return false;
    }

    /** Whether the encoder's rows are the decoder's, without a bias of their own. */
    default boolean isTied() {
        return false;
    }

    /** The rule by which an SAE trained with this one encodes afterwards. */
    default Sparsity inference() {
        return this;
    }

    /**
     * Whether the number of selected latents is bounded by a k, so that dead latents can be given a selection of their
     * own (AuxK).
     */
    default boolean bounded() {
        return k() > 0;
    }

    /** Latents for each row, at most or on average; 0 for rules without a k. */
    default int k() {
        return 0;
    }

    /** The same rule with another k; the rule itself where it has none. */
    default Sparsity withK(int other) {
        return this;
    }

    /** Encodes {@code selection.input()} into {@code selection.codes()}. */
    void select(Kernels kernels, Selection selection);
}
