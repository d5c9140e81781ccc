// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

/**
 * What an SAE does to each activation vector of its own before it encodes it, and undoes in the reconstruction. Unlike a
 * common scale it can't be folded into the weights: it depends on the vector. Darien trains none that need it.
 */
public enum RowNormalization {
    /** Nothing. */
    NONE("none"),
    /**
     * {@code (x - mean) / (std + 1e-5)}, undone by {@code · std + mean}, std with d - 1 degrees of freedom: OpenAI's TopK
     * SAEs and SAELens's {@code layer_norm}.
     */
    LAYER_NORM("layer_norm"),
    /** {@code x · √d / ‖x‖}, undone by the inverse: SAELens's {@code constant_norm_rescale}. */
    CONSTANT_NORM("constant_norm_rescale");

    private final String id;

    RowNormalization(String id) {
        this.id = id;
    }

    /** SAELens's name of it, in {@code normalize_activations}. */
    public String id() {
        return id;
    }
}
