// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.data.DataException;
import dev.darien.data.TensorFile;
import dev.darien.sae.RowNormalization;
import dev.darien.sae.SaeLoader;
import dev.darien.sae.TopK;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The BatchTopK and matryoshka_sae repositories of Bussmann et al.: {@code sae.pt} with {@code W_enc}[d, F],
 * {@code W_dec}[F, d], {@code b_enc} and {@code b_dec}, and {@code config.json}. The TopK family has a {@code b_enc} that
 * it never uses; only matryoshka_sae keeps a threshold.
 */
final class BussmannFormat implements FormatReader {
    private static final String CONFIGURATION = "config.json";
    private static final String LOG_THRESHOLD = "jumprelu.log_threshold";

    @Override
    public boolean recognises(Candidate candidate) {
        return candidate.is(TensorFile.Kind.TORCH)
                && candidate.has("W_enc", "W_dec", "b_enc", "b_dec")
                && !candidate.has("k")
                // A threshold for each latent is dictionary_learning's JumpReLU.
                && (!candidate.has("threshold")
                        || candidate.tensor("threshold").shape().isEmpty());
    }

    @Override
    public SaeLoader read(Candidate candidate, ReadAs as) {
        Path where = candidate.path(CONFIGURATION);
        Map<String, Object> configuration = candidate.requireJson(
                CONFIGURATION, "which says what the SAE is and whether activations are standardised");
        SaeLoader loader = new SaeLoader(candidate.tensor("W_enc").transposed())
                .decoder(candidate.tensor("W_dec"))
                .decoderBias(candidate.tensor("b_dec"));
        Candidate.requireSize(where, configuration, "act_size", loader.width());
        if (!configuration.containsKey("group_sizes")) {
            Candidate.requireSize(where, configuration, "dict_size", loader.latents());
        }
        select(loader, candidate, where, configuration, as);
        if (Candidate.flag(where, configuration, "input_unit_norm")) {
            loader.normalization(RowNormalization.LAYER_NORM);
        }
        Map<String, @Nullable Object> known = new LinkedHashMap<>();
        known.put("model_name", configuration.get("model_name"));
        known.put("hook_name", configuration.get("hook_point"));
        return loader.configuration(candidate.configuration(SaeFormat.BUSSMANN, configuration, known));
    }

    private static void select(
            SaeLoader loader, Candidate candidate, Path where, Map<String, Object> configuration, ReadAs as) {
        String type = String.valueOf(configuration.get("sae_type"));
        switch (type) {
            case "vanilla" -> {
                as.rule(candidate, "relu");
                loader.encoderBias(candidate.tensor("b_enc")).subtractsDecoderBias(true);
            }
            case "jumprelu" -> {
                as.rule(candidate, "jumprelu");
                double[] thresholds = loader.perLatent(candidate.tensor(LOG_THRESHOLD));
                for (int i = 0; i < thresholds.length; i++) {
                    thresholds[i] = Math.exp(thresholds[i]);
                }
                loader.encoderBias(candidate.tensor("b_enc")).thresholds(thresholds);
            }
            case "topk" -> {
                as.rule(candidate, "topk");
                loader.sparsity(topK(where, configuration)).subtractsDecoderBias(true);
            }
            case "batchtopk", "batch-topk", "global-matryoshka-topk" -> {
                loader.subtractsDecoderBias(true);
                if (as.rule(candidate, "batchtopk", "topk").equals("topk")) {
                    loader.sparsity(topK(where, configuration));
                } else {
                    loader.threshold(threshold(candidate, type));
                }
            }
            default ->
                throw new DataException(where + ": sae_type '" + type + "' is not one of vanilla, topk, batchtopk,"
                        + " batch-topk, global-matryoshka-topk, jumprelu");
        }
    }

    private static double threshold(Candidate candidate, String type) {
        Path path = candidate.file().path();
        if (!candidate.has("threshold")) {
            throw new DataException(path + " is a " + type + " SAE without a threshold, which that repository never"
                    + " measured: its codes depend on the rest of the batch; read it with --as topk");
        }
        double threshold = candidate.number("threshold");
        if (!(threshold > 0)) {
            throw new DataException(path + ": the threshold of this " + type + " SAE is " + threshold
                    + ", so not set yet; train it longer, or read it with --as topk");
        }
        return threshold;
    }

    private static TopK topK(Path where, Map<String, Object> configuration) {
        @Nullable Integer k = Candidate.count(where, configuration, "top_k");
        if (k == null) {
            throw new DataException(where + " has no top_k, without which a TopK SAE can't be used");
        }
        return new TopK(k);
    }
}
