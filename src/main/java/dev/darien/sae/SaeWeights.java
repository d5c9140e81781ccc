// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a sparse autoencoder or transcoder, feature-major on both sides so that every sparse operation touches
 * whole rows. With d' = d but for transcoders:
 *
 * @param encoder F32[F, d]
 * @param encoderBias F32[1, F]
 * @param decoder F32[F, d']
 * @param decoderBias F32[1, d']
 * @param thresholds F32[1, F] for rules that have them, and for those that can be used with them in the place of their
 *     own selection; else null
 * @param skip W_skip F32[d', d] of a transcoder with a skip connection, else null
 */
public record SaeWeights(
        Matrix encoder,
        Matrix encoderBias,
        Matrix decoder,
        Matrix decoderBias,
        @Nullable Matrix thresholds,
        @Nullable Matrix skip)
        implements AutoCloseable {

    /** Zeroed weights of an autoencoder: {@code latents} latents of width {@code width}. */
    public static SaeWeights allocate(Allocator allocator, int latents, int width, boolean withThresholds) {
        return allocate(allocator, latents, width, new Mapping.Identity(), withThresholds);
    }

    /** Zeroed weights for {@code latents} latents that see activations of width {@code width}. */
    public static SaeWeights allocate(
            Allocator allocator, int latents, int width, Mapping mapping, boolean withThresholds) {
        int outputWidth = mapping.outputWidth(width);
        boolean skips = mapping instanceof Mapping.Transcoder transcoder && transcoder.skip();
        Deque<Matrix> made = new ArrayDeque<>();
        try {
            made.add(allocator.matrix("encoder", latents, width));
            made.add(allocator.vector("encoder bias", latents));
            made.add(allocator.matrix("decoder", latents, outputWidth));
            made.add(allocator.vector("decoder bias", outputWidth));
            @Nullable Matrix thresholds = withThresholds ? allocator.vector("thresholds", latents) : null;
            if (thresholds != null) {
                made.add(thresholds);
            }
            @Nullable Matrix skip = skips ? allocator.matrix("skip connection", outputWidth, width) : null;
            return new SaeWeights(made.remove(), made.remove(), made.remove(), made.remove(), thresholds, skip);
        } catch (RuntimeException | Error e) {
            made.forEach(Matrix::close);
            throw e;
        }
    }

    public int latents() {
        return encoder.intRows();
    }

    /** Width of what is encoded, d. */
    public int width() {
        return encoder.columns();
    }

    /** Width of what is decoded, d'. */
    public int outputWidth() {
        return decoder.columns();
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
        if (skip != null) {
            skip.close();
        }
    }
}
