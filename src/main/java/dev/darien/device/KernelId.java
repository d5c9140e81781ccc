// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

/**
 * The list of kernels: a row for each method of {@link Kernels}. Tests and benchmarks go through this list with an
 * exhaustive switch, so that a kernel without a test or a benchmark doesn't compile.
 */
public enum KernelId {
    CONVERT,
    MULTIPLY,
    FILL,
    SCALE,
    CLAMP_BELOW,
    EXPONENTIAL_AVERAGE,
    ROW_NORMS,
    WEIGHTED_ROW_SUM,
    GEOMETRIC_MEDIAN,
    PACK,
    ENCODE_TOP_K,
    ENCODE_BATCH_TOP_K,
    ENCODE_THRESHOLD,
    ENCODE_FEATURE_CHOICE,
    ENCODE_GROUP_MAX,
    ENCODE_ABS_TOP_K,
    ENCODE_DEAD,
    ENCODE_MATCHING_PURSUIT,
    ATTRIBUTION_STRENGTH,
    ENCODE_GRADIENT_TOP_K,
    DECODE,
    RECONSTRUCT,
    ADD_L1,
    AUXILIARY_SCALE,
    GROUP_BY_LATENT,
    ENCODER_BIAS_GRADIENT,
    THRESHOLD_GRADIENT,
    LATENT_GRADIENTS,
    GATED_MAGNITUDES,
    GATED_GRADIENT,
    ADD_DECODED,
    KEEP_LATENTS,
    ADD_PENALTY,
    SQUARED_NORM,
    CLIP_SCALE,
    ADAM,
    LATENT_STEP,
    MARK_FIRED,
    LIST_DEAD,
    LIST_UNDERUSED,
    ADD_STATISTICS;

    /** Name of the method in {@link Kernels}. */
    public String method() {
        StringBuilder name = new StringBuilder();
        boolean wordStarts = false;
        for (char letter : name().toCharArray()) {
            if (letter == '_') {
                wordStarts = true;
            } else {
                name.append(wordStarts ? letter : Character.toLowerCase(letter));
                wordStarts = false;
            }
        }
        return name.toString();
    }
}
