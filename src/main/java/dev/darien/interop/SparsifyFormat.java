// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.SafetensorsWriter;
import dev.darien.data.TensorFile;
import dev.darien.sae.AbsTopK;
import dev.darien.sae.HostWeights;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeLoader;
import dev.darien.sae.SaeWeights;
import dev.darien.sae.TopK;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * EleutherAI's sparsify: {@code cfg.json} and {@code sae.safetensors}. {@code f = topk(relu((x - b_dec)·Eᵀ + b))}, so
 * that fewer than k may be active; with {@code signed}, in older files, by magnitude without the relu. Both matrices are
 * [F, d].
 */
final class SparsifyFormat implements FormatWriter {
    private static final String CONFIGURATION = "cfg.json";
    private static final String WEIGHTS = "sae.safetensors";
    /** k where a configuration has none. */
    private static final int DEFAULT_K = 32;

    @Override
    public boolean recognises(Candidate candidate) {
        return candidate.is(TensorFile.Kind.SAFETENSORS)
                && candidate.has("encoder.weight", "encoder.bias", "b_dec")
                && !candidate.has("decoder.weight");
    }

    @Override
    public SaeLoader read(Candidate candidate, ReadAs as) {
        Path where = candidate.path(CONFIGURATION);
        Map<String, Object> configuration =
                candidate.requireJson(CONFIGURATION, "which says how many latents are kept");
        refuseUnsupported(where, configuration, candidate);
        boolean signed = Candidate.flag(where, configuration, "signed");
        as.rule(candidate, signed ? "abs-topk" : "topk");
        if (!candidate.has("W_dec")) {
            throw new DataException(candidate.file().path() + " has no tensor 'W_dec': the SAE was saved without its"
                    + " decoder; save it whole");
        }
        SaeLoader loader = new SaeLoader(candidate.tensor("encoder.weight"))
                .encoderBias(candidate.tensor("encoder.bias"))
                .decoder(candidate.tensor("W_dec"))
                .decoderBias(candidate.tensor("b_dec"))
                .subtractsDecoderBias(true);
        Candidate.requireSize(where, configuration, "d_in", loader.width());
        if (!Integer.valueOf(0).equals(configuration.get("num_latents"))) {
            Candidate.requireSize(where, configuration, "num_latents", loader.latents());
        }
        @Nullable Integer k = Candidate.count(where, configuration, "k");
        if (k == null) {
            k = DEFAULT_K;
            loader.note(where + " has no k; sparsify's default of " + DEFAULT_K + " was taken");
        }
        return loader.sparsity(signed ? new AbsTopK(k) : new TopK(k))
                .configuration(candidate.configuration(SaeFormat.SPARSIFY, configuration, Map.of()));
    }

    private static void refuseUnsupported(Path where, Map<String, Object> configuration, Candidate candidate) {
        Object activation = configuration.getOrDefault("activation", "topk");
        if (!"topk".equals(activation)) {
            throw new DataException(where + ": activation '" + activation + "'"
                    + ("groupmax".equals(activation) ? " keeps the largest of each group of latents, which" : "")
                    + " is none that Darien has; only topk can be read");
        }
        if (Candidate.flag(where, configuration, "transcode")) {
            throw new DataException(
                    where + ": a transcoder (transcode = true) reconstructs other activations than those"
                            + " it encodes; Darien reads transcoders from folders of SAELens only");
        }
        if (Candidate.flag(where, configuration, "skip_connection") || candidate.has("W_skip")) {
            throw new DataException(where
                    + ": a skip connection (W_skip) adds what isn't made of latents; Darien has no" + " SAEs with one");
        }
    }

    @Override
    public List<String> files() {
        return List.of(WEIGHTS, CONFIGURATION);
    }

    @Override
    public List<String> write(Sae sae, Path out) {
        if (!(sae.sparsity() instanceof TopK topK)) {
            throw new DataException("sparsify has no field for the selection of a "
                    + sae.sparsity().id() + " SAE: it keeps the k largest latents of each row; write another format");
        }
        Folding.refuseNormalization(sae, "sparsify");
        try (HostWeights host = HostWeights.of(sae);
                Folding folding = Folding.of(sae, host, true)) {
            SaeWeights weights = host.weights();
            SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
            Candidate.texts(SaeFormat.SPARSIFY, sae.configuration())
                    .forEach((key, value) -> writer.metadata(key, String.valueOf(value)));
            writer.tensor("encoder.weight", weights.encoder())
                    .tensor("encoder.bias", folding.encoderBias(), weights.latents())
                    .tensor("W_dec", weights.decoder())
                    .tensor("b_dec", weights.decoderBias(), weights.width())
                    .write(out.resolve(WEIGHTS));
            Map<String, Object> configuration = Candidate.written(SaeFormat.SPARSIFY, sae.configuration());
            configuration.put("activation", "topk");
            configuration.remove("signed");
            configuration.putIfAbsent("expansion_factor", Math.max(1, weights.latents() / weights.width()));
            configuration.putIfAbsent("normalize_decoder", false);
            configuration.put("num_latents", weights.latents());
            configuration.put("k", topK.k());
            configuration.putIfAbsent("multi_topk", false);
            configuration.put("skip_connection", false);
            configuration.put("transcode", false);
            configuration.put("d_in", weights.width());
            JsonFile.write(out.resolve(CONFIGURATION), configuration);
            return folding.notes();
        }
    }
}
