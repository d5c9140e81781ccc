// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.data.DataException;
import dev.darien.data.TensorFile;
import dev.darien.sae.SaeLoader;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Gemma Scope 2: {@code config.json} and {@code params.safetensors} with {@code w_enc}[d, F], {@code w_dec}[F, d],
 * {@code b_enc}, {@code b_dec} and {@code threshold}[F], all lower case. JumpReLU without any subtraction or scale. Its
 * transcoders have the same tensors, or a skip connection besides.
 */
final class GemmaScope2Format implements FormatReader {
    private static final String CONFIGURATION = "config.json";

    @Override
    public boolean recognises(Candidate candidate) {
        return candidate.is(TensorFile.Kind.SAFETENSORS)
                && candidate.has("w_enc", "w_dec", "b_enc", "b_dec", "threshold");
    }

    @Override
    public SaeLoader read(Candidate candidate, ReadAs as) {
        Path where = candidate.path(CONFIGURATION);
        Map<String, Object> configuration = candidate.json(CONFIGURATION).orElse(Map.of());
        refuseUnsupported(candidate, where, configuration);
        as.rule(candidate, "jumprelu");
        SaeLoader loader = new SaeLoader(candidate.tensor("w_enc").transposed())
                .encoderBias(candidate.tensor("b_enc"))
                .decoder(candidate.tensor("w_dec"))
                .decoderBias(candidate.tensor("b_dec"))
                .subtractsDecoderBias(Candidate.flag(where, configuration, "apply_b_dec_to_input"));
        loader.thresholds(loader.perLatent(candidate.tensor("threshold")));
        Candidate.requireSize(where, configuration, "width", loader.latents());
        if (configuration.isEmpty()) {
            loader.note("there is no config.json beside it, so that it was taken for an SAE and not a transcoder");
        }
        Map<String, @Nullable Object> known = new LinkedHashMap<>();
        known.put("model_name", configuration.get("model_name"));
        known.put("hf_hook_name", configuration.get("hf_hook_point_in"));
        return loader.configuration(candidate.configuration(SaeFormat.GEMMA_SCOPE_2, configuration, known));
    }

    private static void refuseUnsupported(Candidate candidate, Path where, Map<String, Object> configuration) {
        Object architecture = configuration.getOrDefault("architecture", "jump_relu");
        if (!"jump_relu".equals(architecture)) {
            throw new DataException(where + ": architecture '" + architecture + "' is not jump_relu, the only one that"
                    + " Gemma Scope 2 is known to have");
        }
        Object in = configuration.get("hf_hook_point_in");
        Object out = configuration.getOrDefault("hf_hook_point_out", in);
        if (in != null && !in.equals(out)) {
            throw new DataException(
                    where + ": a transcoder from " + in + " to " + out
                            + " reconstructs other activations than those it encodes; Darien reads transcoders from folders of SAELens only");
        }
        Object type = configuration.getOrDefault("type", "sae");
        if (!"sae".equals(type)) {
            throw new DataException(where + ": type '" + type + "' is no sae; Darien reads transcoders from folders of"
                    + " SAELens only");
        }
        if (candidate.has("affine_skip_connection") || Candidate.flag(where, configuration, "affine_connection")) {
            throw new DataException(candidate.file().path() + ": a skip connection (affine_skip_connection) adds what"
                    + " isn't made of latents; Darien has no SAEs with one");
        }
        if (candidate.tensor("w_dec").shape().size() == 3) {
            throw new DataException(candidate.tensor("w_dec").what() + " has the shape "
                    + candidate.tensor("w_dec").shape() + ", that of a cross-layer transcoder; Darien has none");
        }
    }
}
