// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.data.DataException;
import dev.darien.data.TensorFile;
import dev.darien.sae.RowNormalization;
import dev.darien.sae.SaeLoader;
import dev.darien.sae.TopK;
import java.nio.file.Path;
import java.util.Map;

/**
 * OpenAI's sparse_autoencoder: a state dictionary with {@code pre_bias}[d], {@code encoder.weight}[F, d],
 * {@code latent_bias}[F], {@code decoder.weight}[d, F] and the name of the activation. TopK implies that each activation
 * vector is standardised.
 */
final class OpenAiFormat implements FormatReader {
    @Override
    public boolean recognises(Candidate candidate) {
        return candidate.is(TensorFile.Kind.TORCH) && candidate.has("pre_bias", "encoder.weight", "latent_bias");
    }

    @Override
    public SaeLoader read(Candidate candidate, ReadAs as) {
        SaeLoader loader = new SaeLoader(candidate.tensor("encoder.weight"))
                .encoderBias(candidate.tensor("latent_bias"))
                .decoderBias(candidate.tensor("pre_bias"))
                .subtractsDecoderBias(true)
                // Tied weights are there once more, under the name of the layer that transposes them.
                .decoder(
                        candidate.has("decoder.linear.weight")
                                ? candidate.tensor("decoder.linear.weight")
                                : candidate.tensor("decoder.weight").transposed());
        Object activation = candidate.value("activation") == null ? "ReLU" : candidate.value("activation");
        switch (String.valueOf(activation)) {
            case "ReLU" -> as.rule(candidate, "relu");
            case "TopK" -> {
                as.rule(candidate, "topk");
                loader.sparsity(topK(candidate)).normalization(RowNormalization.LAYER_NORM);
            }
            default ->
                throw new DataException(candidate.file().path() + " has the activation '" + activation
                        + "', which is neither ReLU nor TopK; Darien has no equal of it");
        }
        return loader.configuration(candidate.configuration(SaeFormat.OPENAI, Map.of(), Map.of()));
    }

    private static TopK topK(Candidate candidate) {
        Path where = candidate.file().path();
        Map<String, Object> state = Candidate.object(candidate.value("activation_state_dict"));
        Object after = state.getOrDefault("postact_fn", "ReLU");
        if (!"ReLU".equals(after)) {
            throw new DataException(
                    where + " applies " + after + " and not ReLU to the k largest latents, so that codes"
                            + " may be negative; Darien has no such rule");
        }
        Integer k = Candidate.count(where, state, "k");
        if (k == null) {
            throw new DataException(where + " is a TopK SAE without a k in its activation_state_dict");
        }
        return new TopK(k);
    }
}
