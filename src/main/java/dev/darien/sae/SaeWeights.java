// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a sparse autoencoder, feature-major on both sides so that every sparse operation touches whole rows.
 *
 * @param encoder F32[F, d]
 * @param encoderBias F32[1, F]
 * @param decoder F32[F, d]
 * @param decoderBias F32[1, d]
 * @param thresholds F32[1, F] for rules that have them, else null
 */
public record SaeWeights(
        Matrix encoder,
        Matrix encoderBias,
        Matrix decoder,
        Matrix decoderBias,
        @Nullable Matrix thresholds) implements AutoCloseable {

    /** Zeroed weights for {@code latents} latents of width {@code width}. */
    public static SaeWeights allocate(Allocator allocator, int latents, int width, boolean withThresholds) {
        return new SaeWeights(
                allocator.matrix("encoder", latents, width),
                allocator.vector("encoder bias", latents),
                allocator.matrix("decoder", latents, width),
                allocator.vector("decoder bias", width),
                withThresholds ? allocator.vector("thresholds", latents) : null);
    }

    public int latents() {
        return encoder.intRows();
    }

    public int width() {
        return encoder.columns();
    }

    @Override
    public void close() {
        encoder.close();
        encoderBias.close();
        decoder.close();
        decoderBias.close();
        if (thresholds != null) {
            thresholds.close();
        }
    }
}
