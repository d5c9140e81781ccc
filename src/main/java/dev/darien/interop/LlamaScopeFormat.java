// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.data.DataException;
import dev.darien.data.TensorFile;
import dev.darien.sae.SaeLoader;
import dev.darien.sae.TopK;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Llama Scope (OpenMOSS): {@code hyperparams.json} and {@code checkpoints/final.safetensors} with
 * {@code encoder.weight}[F, d] and {@code decoder.weight}[d, F], trained on activations of mean length √d. The one
 * threshold is in units of codes of unscaled activations: with s = √d / mean length, {@code relu(s·x·Eᵀ + b)} passes
 * where it exceeds s · threshold.
 */
final class LlamaScopeFormat implements FormatReader {
    private static final String CONFIGURATION = "hyperparams.json";

    static boolean isConfigured(Candidate candidate) {
        return candidate.json(CONFIGURATION).isPresent();
    }

    @Override
    public boolean recognises(Candidate candidate) {
        return candidate.is(TensorFile.Kind.SAFETENSORS)
                && candidate.has("encoder.weight", "encoder.bias", "decoder.weight")
                && (candidate.has("decoder.bias") || isConfigured(candidate))
                && (isConfigured(candidate) || !DictionaryLearningFormat.isConfigured(candidate));
    }

    @Override
    public SaeLoader read(Candidate candidate, ReadAs as) {
        if (candidate.has("log_jumprelu_threshold")) {
            throw new DataException(
                    candidate.file().path() + " is of Llama Scope's R1-Distill series, whose files don't"
                            + " say by which scale its inputs are to be multiplied; Darien can't read those");
        }
        Path where = candidate.path(CONFIGURATION);
        Map<String, Object> configuration =
                candidate.requireJson(CONFIGURATION, "which says how activations are scaled and latents selected");
        refuseUnsupported(where, configuration);
        SaeLoader loader = new SaeLoader(candidate.tensor("encoder.weight"))
                .encoderBias(candidate.tensor("encoder.bias"))
                .decoder(candidate.tensor("decoder.weight").transposed());
        if (candidate.has("decoder.bias")) {
            loader.decoderBias(candidate.tensor("decoder.bias"));
        }
        Candidate.requireSize(where, configuration, "d_model", loader.width());
        Candidate.requireSize(where, configuration, "d_sae", loader.latents());
        double in = scale(where, configuration, "in", loader.width());
        double out = scale(where, configuration, "out", loader.width());
        loader.foldScale(in, out);
        if (in != 1 || out != 1) {
            loader.note("the scale of the activations, √d / " + "dataset_average_activation_norm, was folded in");
        }
        select(loader, candidate, where, configuration, as, in);
        Map<String, @Nullable Object> known = new LinkedHashMap<>();
        known.put("hook_name", configuration.get("hook_point_in"));
        return loader.configuration(candidate.configuration(SaeFormat.LLAMA_SCOPE, configuration, known));
    }

    private static void select(
            SaeLoader loader,
            Candidate candidate,
            Path where,
            Map<String, Object> configuration,
            ReadAs as,
            double in) {
        boolean byDecoderNorm = Candidate.flag(where, configuration, "sparsity_include_decoder_norm");
        String rule = String.valueOf(configuration.getOrDefault("act_fn", "jumprelu"));
        as.rule(candidate, rule);
        switch (rule) {
            case "relu" -> {
                // Nothing to set.
            }
            case "topk" -> {
                @Nullable Integer k = Candidate.count(where, configuration, "top_k");
                if (k == null) {
                    throw new DataException(where + " has act_fn = topk but no top_k");
                }
                loader.sparsity(new TopK(k));
                if (byDecoderNorm) {
                    loader.foldDecoderNorms(false);
                }
            }
            case "jumprelu" -> {
                double threshold = positive(where, "jump_relu_threshold", configuration.get("jump_relu_threshold"));
                double[] thresholds = new double[loader.latents()];
                // Compared with codes times the length of the decoder row, in units of the output; or with codes alone.
                double[] norms = byDecoderNorm ? loader.decoderNorms() : new double[0];
                for (int latent = 0; latent < thresholds.length; latent++) {
                    thresholds[latent] = byDecoderNorm ? threshold / norms[latent] : threshold * in;
                }
                loader.thresholds(thresholds);
            }
            default -> throw new DataException(where + ": act_fn '" + rule + "' is not one of relu, topk, jumprelu");
        }
    }

    private static void refuseUnsupported(Path where, Map<String, Object> configuration) {
        Object in = configuration.get("hook_point_in");
        Object out = configuration.getOrDefault("hook_point_out", in);
        if (in != null && !in.equals(out)) {
            throw new DataException(
                    where + ": a transcoder from " + in + " to " + out
                            + " reconstructs other activations than those it encodes; Darien reads transcoders from folders of SAELens only");
        }
        if (Candidate.flag(where, configuration, "use_glu_encoder")) {
            throw new DataException(where + ": use_glu_encoder = true multiplies codes by a second encoder's output;"
                    + " Darien has no such SAEs");
        }
        if (Candidate.flag(where, configuration, "apply_decoder_bias_to_pre_encoder")) {
            throw new DataException(where + ": apply_decoder_bias_to_pre_encoder = true is set in no published SAE of"
                    + " this format, and not supported");
        }
    }

    /** √d over the mean length of activations; 1 if they weren't scaled. */
    private static double scale(Path where, Map<String, Object> configuration, String side, int width) {
        Object kind = configuration.getOrDefault("norm_activation", "dataset-wise");
        return switch (String.valueOf(kind)) {
            case "dataset-wise" -> {
                String key = "dataset_average_activation_norm";
                @Nullable Object norm = Candidate.object(configuration.get(key)).get(side);
                yield Math.sqrt(width) / positive(where, key + "." + side, norm);
            }
            case "inference", "none", "null" -> 1;
            default ->
                throw new DataException(
                        where + ": norm_activation '" + kind + "' is neither dataset-wise nor inference");
        };
    }

    private static double positive(Path where, String key, @Nullable Object value) {
        if (value instanceof Number number && number.doubleValue() > 0 && Double.isFinite(number.doubleValue())) {
            return number.doubleValue();
        }
        throw new DataException(where + ": " + key + " is " + value + ", not a number above 0");
    }
}
