// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a sparse autoencoder, feature-major on both sides so that every sparse operation touches whole rows.
 *
 * @param encoder F32[F, d]
 * @param encoderBias F32[1, F]
 * @param decoder F32[F, d]
 * @param decoderBias F32[1, d]
 * @param thresholds F32[1, F] for rules that have them, and for those that can be used with them in the place of their
 *     own selection; else null
 */
public record SaeWeights(
        Matrix encoder,
        Matrix encoderBias,
        Matrix decoder,
        Matrix decoderBias,
        @Nullable Matrix thresholds) implements AutoCloseable {

    /** Zeroed weights for {@code latents} latents of width {@code width}. */
    public static SaeWeights allocate(Allocator allocator, int latents, int width, boolean withThresholds) {
        Deque<Matrix> made = new ArrayDeque<>();
        try {
            made.add(allocator.matrix("encoder", latents, width));
            made.add(allocator.vector("encoder bias", latents));
            made.add(allocator.matrix("decoder", latents, width));
            made.add(allocator.vector("decoder bias", width));
            if (withThresholds) {
                made.add(allocator.vector("thresholds", latents));
            }
        } catch (RuntimeException | Error e) {
            made.forEach(Matrix::close);
            throw e;
        }
        return new SaeWeights(made.remove(), made.remove(), made.remove(), made.remove(), made.poll());
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
