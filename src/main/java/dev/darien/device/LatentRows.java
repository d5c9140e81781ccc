// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Matrix;

/**
 * A row for each latent on both sides: weights, their gradients, or a moment of those.
 *
 * @param encoder F32[F, d]
 * @param decoder F32[F, d_out]
 */
public record LatentRows(Matrix encoder, Matrix decoder) implements AutoCloseable {
    public LatentRows {
        if (encoder.rows() != decoder.rows()) {
            throw new IllegalArgumentException("encoder " + encoder.shape() + " and decoder " + decoder.shape()
                    + " must have a row for each latent");
        }
    }

    @Override
    public void close() {
        encoder.close();
        decoder.close();
    }
}
