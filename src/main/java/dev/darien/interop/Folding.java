// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.data.DataException;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.HostWeights;
import dev.darien.sae.RowNormalization;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeWeights;
import java.util.List;

/**
 * The encoder's bias for a format that always subtracts the decoder's bias from the input, or never does:
 * {@code W·(x - b_dec) + b = W·x + (b - W·b_dec)}.
 */
record Folding(Matrix encoderBias, boolean folded, String sentence) implements AutoCloseable {

    /** The bias of {@code sae} as a format wants it that {@code subtracts} b_dec, or doesn't. */
    static Folding of(Sae sae, HostWeights host, boolean subtracts) {
        SaeWeights weights = host.weights();
        if (sae.subtractsDecoderBias() == subtracts) {
            return new Folding(weights.encoderBias(), false, "");
        }
        double sign = subtracts ? 1 : -1;
        Matrix bias = sae.device().staging("encoder bias", DType.F32, 1, weights.latents());
        for (int latent = 0; latent < weights.latents(); latent++) {
            double sum = weights.encoderBias().get(0, latent);
            for (int i = 0; i < weights.width(); i++) {
                sum += sign
                        * weights.encoder().get(latent, i)
                        * weights.decoderBias().get(0, i);
            }
            bias.set(0, latent, (float) sum);
        }
        return new Folding(
                bias,
                true,
                subtracts
                        ? "b_enc was raised by W_enc·b_dec, because the format subtracts b_dec from what it encodes"
                        : "the subtraction of b_dec from what is encoded was folded into b_enc");
    }

    /** What was done. */
    List<String> notes() {
        return folded ? List.of(sentence) : List.of();
    }

    /** Only SAELens's format has a field for it. */
    static void refuseNormalization(Sae sae, String format) {
        if (sae.normalization() != RowNormalization.NONE) {
            throw new DataException(format + " has no field for a normalisation of each activation vector ("
                    + sae.normalization().id() + "), and it can't be folded into the weights; write sae-lens");
        }
    }

    @Override
    public void close() {
        if (folded) {
            encoderBias.close();
        }
    }
}
