// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.SafetensorsWriter;
import dev.darien.data.TensorFile;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.AbsTopK;
import dev.darien.sae.BatchTopK;
import dev.darien.sae.FeatureChoice;
import dev.darien.sae.Gated;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.GroupMax;
import dev.darien.sae.HostWeights;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.MatchingPursuit;
import dev.darien.sae.Relu;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeLoader;
import dev.darien.sae.SaeWeights;
import dev.darien.sae.Sparsity;
import dev.darien.sae.TopK;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * dictionary_learning: a state dictionary, {@code ae.pt}, and {@code config.json}. Which of its classes it is shows in
 * the tensors, but for AutoEncoderTopK and BatchTopKSAE, which have the same. Written as safetensors with the same
 * names.
 */
final class DictionaryLearningFormat implements FormatWriter {
    private static final String CONFIGURATION = "config.json";
    private static final String WEIGHTS = "ae.safetensors";
    private static final String TOP_K = "AutoEncoderTopK";
    private static final String BATCH_TOP_K = "BatchTopKSAE";

    /** Its classes, by tensors that no other has. */
    private enum DictClass {
        AUTO_ENCODER("AutoEncoder", "bias", "encoder.weight", "encoder.bias", "decoder.weight"),
        AUTO_ENCODER_NEW("AutoEncoderNew", "encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"),
        GATED("GatedAutoEncoder", "decoder_bias", "encoder.weight", "r_mag", "gate_bias", "mag_bias", "decoder.weight"),
        TOP_K_OR_BATCH(TOP_K, "b_dec", "encoder.weight", "encoder.bias", "decoder.weight"),
        MATRYOSHKA("MatryoshkaBatchTopKSAE", "W_enc", "b_enc", "W_dec", "b_dec", "k", "threshold", "group_sizes"),
        JUMP_RELU("JumpReluAutoEncoder", "W_enc", "b_enc", "W_dec", "b_dec", "threshold");

        private final String name;

        @SuppressWarnings("ImmutableEnumChecker") // List.of is.
        private final List<String> tensors;

        DictClass(String name, String... tensors) {
            this.name = name;
            this.tensors = List.of(tensors);
        }

        static @Nullable DictClass of(Candidate candidate) {
            for (DictClass type : values()) {
                if (candidate.tensors().keySet().containsAll(type.tensors)
                        // A common threshold is BatchTopK's.
                        && (type != JUMP_RELU
                                || candidate.tensor("threshold").shape().size() == 1)) {
                    return type;
                }
            }
            return null;
        }
    }

    /** Whether its configuration lies beside the file. */
    static boolean isConfigured(Candidate candidate) {
        return candidate
                .json(CONFIGURATION)
                .map(json -> json.get("trainer") instanceof Map<?, ?> trainer && trainer.containsKey("dict_class"))
                .orElse(false);
    }

    @Override
    public boolean recognises(Candidate candidate) {
        @Nullable DictClass type = DictClass.of(candidate);
        if (type == null || candidate.has("pre_bias")) {
            return false;
        }
        if (candidate.is(TensorFile.Kind.TORCH)) {
            return true;
        }
        // As safetensors: what Darien writes. Some have the names of other formats.
        return candidate.is(TensorFile.Kind.SAFETENSORS)
                && (isConfigured(candidate)
                        || switch (type) {
                            case AUTO_ENCODER_NEW -> !LlamaScopeFormat.isConfigured(candidate);
                            case JUMP_RELU, MATRYOSHKA ->
                                candidate.json("cfg.json").isEmpty();
                            default -> true;
                        });
    }

    // ------------------------------------------------------------------------------------------------------ reading

    @Override
    public SaeLoader read(Candidate candidate, ReadAs as) {
        Map<String, Object> configuration = candidate.json(CONFIGURATION).orElse(Map.of());
        // A backup carries the trainer's configuration itself.
        Map<String, Object> trainer = Candidate.object(
                configuration.getOrDefault("trainer", candidate.file().content().getOrDefault("config", Map.of())));
        @Nullable DictClass type = DictClass.of(candidate);
        if (type == null) {
            throw new DataException(candidate.file().path() + " doesn't have the tensors of any class of"
                    + " dictionary_learning; it holds "
                    + String.join(", ", candidate.tensors().keySet()));
        }
        SaeLoader loader = weights(candidate, type);
        Path where = candidate.path(CONFIGURATION);
        Candidate.requireSize(where, trainer, "activation_dim", loader.width());
        Candidate.requireSize(where, trainer, "dict_size", loader.latents());
        switch (type) {
            case AUTO_ENCODER, AUTO_ENCODER_NEW -> as.rule(candidate, "relu");
            case GATED -> {
                as.rule(candidate, "gated");
                loader.gated(
                        loader.perLatent(candidate.tensor("r_mag")),
                        loader.perLatent(candidate.tensor("gate_bias")),
                        loader.perLatent(candidate.tensor("mag_bias")));
            }
            case JUMP_RELU -> {
                as.rule(candidate, "jumprelu");
                loader.thresholds(loader.perLatent(candidate.tensor("threshold")));
            }
            case TOP_K_OR_BATCH, MATRYOSHKA -> select(loader, candidate, type, trainer, as);
        }
        if (type == DictClass.AUTO_ENCODER && !areOnes(loader.decoderNorms())) {
            // So does its loader; the reconstruction is the same, the codes are not.
            loader.foldDecoderNorms(false);
        }
        noteExtras(loader, candidate, type);
        Map<String, @Nullable Object> known = new LinkedHashMap<>();
        known.put("model_name", trainer.get("lm_name"));
        known.put("hook_name", trainer.get("submodule_name"));
        return loader.configuration(candidate.configuration(SaeFormat.DICTIONARY_LEARNING, configuration, known));
    }

    private static SaeLoader weights(Candidate candidate, DictClass type) {
        return switch (type) {
            case JUMP_RELU, MATRYOSHKA ->
                new SaeLoader(candidate.tensor("W_enc").transposed())
                        .encoderBias(candidate.tensor("b_enc"))
                        .decoder(candidate.tensor("W_dec"))
                        .decoderBias(candidate.tensor("b_dec"))
                        .subtractsDecoderBias(type == DictClass.MATRYOSHKA);
            default -> {
                SaeLoader loader = new SaeLoader(candidate.tensor("encoder.weight"))
                        .decoder(candidate.tensor("decoder.weight").transposed())
                        .decoderBias(candidate.tensor(
                                switch (type) {
                                    case AUTO_ENCODER -> "bias";
                                    case AUTO_ENCODER_NEW -> "decoder.bias";
                                    case GATED -> "decoder_bias";
                                    default -> "b_dec";
                                }))
                        .subtractsDecoderBias(type != DictClass.AUTO_ENCODER_NEW);
                if (type != DictClass.GATED) {
                    loader.encoderBias(candidate.tensor("encoder.bias"));
                }
                yield loader;
            }
        };
    }

    /** TopK keeps the k largest of a row; BatchTopK what exceeds the threshold, once training has measured one. */
    private static void select(
            SaeLoader loader, Candidate candidate, DictClass type, Map<String, Object> trainer, ReadAs as) {
        boolean isMatryoshka = type == DictClass.MATRYOSHKA;
        double threshold = candidate.has("threshold") ? candidate.number("threshold") : -1;
        @Nullable Object said = isMatryoshka ? type.name : trainer.get("dict_class");
        boolean known = isMatryoshka || BATCH_TOP_K.equals(said) || TOP_K.equals(said);
        if (!known && as.rule() == null && !(threshold > 0)) {
            throw new DataException(candidate.file().path() + " may be an " + TOP_K + " or a " + BATCH_TOP_K
                    + ", which have the same tensors, and its threshold is " + threshold
                    + ", so not set: training sets it"
                    + " after 1000 steps; settle it with --as topk, or with the config.json that belongs to it");
        }
        String rule = as.rule(candidate, TOP_K.equals(said) ? "topk" : "batchtopk", "topk", "batchtopk");
        if (rule.equals("topk")) {
            loader.sparsity(new TopK(k(candidate, trainer)));
            return;
        }
        if (!(threshold > 0)) {
            throw new DataException(candidate.file().path() + ": the threshold of this BatchTopK SAE is " + threshold
                    + ", so not set: training sets it after 1000 steps, and without it every positive latent would be"
                    + " active; train it longer, or read it with --as topk");
        }
        loader.threshold(threshold);
        if (!known && as.rule() == null) {
            loader.note("read as BatchTopK, because its threshold is set; --as topk reads it as TopK");
        }
    }

    private static int k(Candidate candidate, Map<String, Object> trainer) {
        Path where = candidate.path(CONFIGURATION);
        @Nullable Integer said = Candidate.count(where, trainer, "k");
        if (!candidate.has("k")) {
            if (said == null) {
                throw new DataException(candidate.file().path() + " has no tensor 'k', and there is none in " + where
                        + " either; without it a TopK SAE can't be used");
            }
            return said;
        }
        int k = candidate.count("k");
        if (said != null && said != k) {
            throw new DataException(where + ": k is " + said + ", but by the tensor 'k' of "
                    + candidate.file().path() + " it is " + k);
        }
        return k;
    }

    /** As {@code torch.allclose}, by which its loader decides. */
    private static boolean areOnes(double[] norms) {
        for (double norm : norms) {
            if (Math.abs(norm - 1) > 1e-5 + 1e-8) {
                return false;
            }
        }
        return true;
    }

    private static void noteExtras(SaeLoader loader, Candidate candidate, DictClass type) {
        List<String> used = type.tensors;
        Set<String> all = new LinkedHashSet<>(candidate.tensors().keySet());
        // Beside a state dictionary that is wrapped.
        all.addAll(candidate.file().tensors().keySet());
        List<String> extras = all.stream()
                .filter(name -> !used.contains(name) && !name.equals("k") && !name.equals("threshold"))
                .toList();
        if (!extras.isEmpty()) {
            loader.note("tensors that have no part in a " + type.name + " are left out: " + String.join(", ", extras));
        }
    }

    // ------------------------------------------------------------------------------------------------------ writing

    @Override
    public List<String> files() {
        return List.of(WEIGHTS, CONFIGURATION);
    }

    @Override
    public List<String> write(Sae sae, Path out) {
        Folding.refuseNormalization(sae, "dictionary_learning");
        try (HostWeights host = HostWeights.of(sae);
                Matrix k = sae.device().staging("k", DType.I32, 1, 1);
                Matrix unset = sae.device().staging("threshold", DType.F32, 1, 1)) {
            SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
            Candidate.texts(SaeFormat.DICTIONARY_LEARNING, sae.configuration())
                    .forEach((key, value) -> writer.metadata(key, String.valueOf(value)));
            String type = dictClass(sae, host.weights());
            try (Folding folding = Folding.of(sae, host, type.equals(TOP_K) || type.equals("AutoEncoder"))) {
                addWeights(writer, type, host.weights(), folding.encoderBias());
                if (sae.sparsity() instanceof TopK topK) {
                    k.setLong(0, 0, topK.k());
                    unset.set(0, 0, -1);
                    writer.scalar("k", k).scalar("threshold", unset);
                }
                writer.write(out.resolve(WEIGHTS));
                JsonFile.write(out.resolve(CONFIGURATION), configuration(sae, type));
                return folding.notes();
            }
        }
    }

    private static String dictClass(Sae sae, SaeWeights weights) {
        return switch (sae.sparsity()) {
            case TopK topK -> TOP_K;
            case JumpRelu jumpRelu -> "JumpReluAutoEncoder";
            case Gated gated -> "JumpReluAutoEncoder";
            // Its loader gives AutoEncoder a decoder of unit length, and thereby other codes.
            case Relu relu -> sae.subtractsDecoderBias() && areOnes(norms(weights)) ? "AutoEncoder" : "AutoEncoderNew";
            case GroupMax groupMax -> throw without(groupMax);
            case AbsTopK absTopK -> throw without(absTopK);
            case MatchingPursuit pursuit -> throw without(pursuit);
            case GradientTopK gradientTopK ->
                throw new IllegalStateException("a finished SAE does not select by gradients");
            case FeatureChoice featureChoice ->
                throw new IllegalStateException("a finished SAE does not select over a batch");
            case BatchTopK batchTopK -> throw new IllegalStateException("a finished SAE does not select over a batch");
        };
    }

    private static DataException without(Sparsity rule) {
        return new DataException(
                "dictionary_learning has no class for " + rule.id() + "; write sae-lens, which Darien reads");
    }

    private static double[] norms(SaeWeights weights) {
        double[] norms = new double[weights.latents()];
        for (int latent = 0; latent < norms.length; latent++) {
            double sum = 0;
            for (int i = 0; i < weights.width(); i++) {
                double value = weights.decoder().get(latent, i);
                sum += value * value;
            }
            norms[latent] = Math.sqrt(sum);
        }
        return norms;
    }

    private static void addWeights(SafetensorsWriter writer, String type, SaeWeights weights, Matrix encoderBias) {
        @Nullable Matrix thresholds = weights.thresholds();
        if (thresholds != null && type.equals("JumpReluAutoEncoder")) {
            writer.transposed("W_enc", weights.encoder())
                    .tensor("b_enc", encoderBias, weights.latents())
                    .tensor("W_dec", weights.decoder())
                    .tensor("b_dec", weights.decoderBias(), weights.width())
                    .tensor("threshold", thresholds, weights.latents());
            return;
        }
        String decoderBias =
                switch (type) {
                    case "AutoEncoder" -> "bias";
                    case "AutoEncoderNew" -> "decoder.bias";
                    default -> "b_dec";
                };
        writer.tensor("encoder.weight", weights.encoder())
                .tensor("encoder.bias", encoderBias, weights.latents())
                .transposed("decoder.weight", weights.decoder())
                .tensor(decoderBias, weights.decoderBias(), weights.width());
    }

    private static Map<String, Object> configuration(Sae sae, String type) {
        Map<String, Object> configuration = Candidate.written(SaeFormat.DICTIONARY_LEARNING, sae.configuration());
        Map<String, Object> trainer = Candidate.object(configuration.get("trainer"));
        trainer.put("dict_class", type);
        trainer.put("activation_dim", sae.width());
        trainer.put("dict_size", sae.latents());
        if (sae.sparsity() instanceof TopK topK) {
            trainer.put("k", topK.k());
        } else {
            trainer.remove("k");
        }
        configuration.put("trainer", trainer);
        return configuration;
    }
}
