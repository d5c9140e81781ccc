// SPDX-License-Identifier: Apache-2.0
package dev.darien.jmh;

import dev.darien.device.KernelId;

/**
 * What a call of a kernel amounts to: floating-point operations where arithmetic bounds it, else bytes that it has to read
 * and write at least.
 *
 * @param flops 0 for a kernel that moves data
 * @param bytes 0 for one that computes
 */
record Amount(double flops, double bytes) {

    private static Amount flops(double flops) {
        return new Amount(flops, 0);
    }

    private static Amount floats(double count) {
        return new Amount(0, count * Float.BYTES);
    }

    static Amount of(KernelId kernel, Shape shape) {
        double d = shape.width;
        double latents = shape.latents;
        double rows = shape.batch;
        double entries = rows * shape.k;
        double product = 2 * rows * d * latents;
        return switch (kernel) {
            case MULTIPLY,
                    ENCODE_TOP_K,
                    ENCODE_BATCH_TOP_K,
                    ENCODE_THRESHOLD,
                    ENCODE_FEATURE_CHOICE,
                    ENCODE_GROUP_MAX,
                    ENCODE_ABS_TOP_K,
                    ATTRIBUTION_STRENGTH ->
                flops(product);
            case ENCODE_GRADIENT_TOP_K -> flops(2 * product);
            case ENCODE_DEAD -> flops(product / Workload.DEAD_EVERY);
            // A product for each step.
            case ENCODE_MATCHING_PURSUIT -> flops(product * shape.k);
            case DECODE, ADD_DECODED -> flops(2 * entries * d);
            case RECONSTRUCT, LATENT_GRADIENTS -> flops(4 * entries * d);
            case GEOMETRIC_MEDIAN -> flops(5 * rows * d * Workload.MEDIAN_ITERATIONS);
            case CONVERT -> floats(2 * rows * d);
            case FILL, WEIGHTED_ROW_SUM -> floats(rows * d);
            case SCALE, CLAMP_BELOW -> floats(2 * rows * d);
            case EXPONENTIAL_AVERAGE -> floats(3 * latents);
            case ROW_NORMS, SQUARED_NORM -> floats(latents * d);
            case PACK -> floats(2 * latents * d);
            case AUXILIARY_SCALE -> floats(2 * rows * d);
            // Weights, gradient and two moments read; weights and moments written. latentStep does both sides, and makes
            // its gradients itself.
            case ADAM -> floats(7 * latents * d);
            case LATENT_STEP -> floats(12 * latents * d);
            case GROUP_BY_LATENT -> floats(4 * entries + 2 * latents);
            case ADD_L1, ADD_PENALTY, GATED_MAGNITUDES, KEEP_LATENTS -> floats(4 * entries);
            case ENCODER_BIAS_GRADIENT, THRESHOLD_GRADIENT, GATED_GRADIENT -> floats(3 * entries + latents);
            case MARK_FIRED -> floats(2 * entries);
            case LIST_DEAD, LIST_UNDERUSED -> floats(2 * latents);
            case ADD_STATISTICS -> floats(rows + entries);
            case CLIP_SCALE -> floats(2);
        };
    }
}
