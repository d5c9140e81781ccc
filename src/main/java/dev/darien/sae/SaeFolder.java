// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.SafetensorsWriter;
import dev.darien.data.Tensor;
import dev.darien.data.TensorFile;
import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * SAELens's folder format, which is also Darien's: {@code cfg.json} and {@code sae_weights.safetensors}. Written as
 * version 6 does; read as versions 5 and 6 do, training checkpoints included.
 */
public final class SaeFolder {
    /** The configuration's file. */
    public static final String CONFIGURATION = "cfg.json";
    /** The weights' file. */
    public static final String WEIGHTS = "sae_weights.safetensors";

    /** Among SAELens's free metadata: the threshold by which a TopK SAE can encode as JumpReLU, if it has one. */
    private static final String SPARE_THRESHOLD = "darien_threshold";

    static final String EXPECTED_AVERAGE = "expected_average_only_in";
    /** The key under which {@link Sae#configuration()} carries the metadata of the weights' file. */
    private static final String WEIGHTS_METADATA = "__metadata__";

    private static final String PURSUIT = "matching_pursuit";
    private static final String FORMAT = "format";
    private static final String SCALER = "activation_scaler.json";
    private static final String WRITTEN_VERSION = "6.0.0";
    private static final Set<String> USED = Set.of(
            "W_enc",
            "b_enc",
            "W_dec",
            "b_dec",
            "threshold",
            SaeLensArchitecture.SKIP_WEIGHTS,
            "log_threshold",
            "b_gate",
            "b_mag",
            "r_mag",
            "topk_threshold",
            "scaling_factor",
            "finetuning_scaling_factor");

    private SaeFolder() {}

    // ------------------------------------------------------------------------------------------------------ writing

    static void save(Sae sae, Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new DataException("the folder " + folder + " can't be created: " + e.getMessage(), e);
        }
        Map<String, Object> configuration = configuration(sae);
        SafetensorsWriter writer = new SafetensorsWriter();
        if (configuration.remove(WEIGHTS_METADATA) instanceof Map<?, ?> metadata) {
            metadata.forEach((key, value) -> writer.metadata(String.valueOf(key), String.valueOf(value)));
        }
        SaeWeights weights = sae.weights();
        Device device = sae.device();
        boolean tied = sae.sparsity().isTied();
        writer.metadata(FORMAT, "pt");
        if (!tied) {
            // SAELens keeps the encoder as [d_in, d_sae].
            writer.transposed("W_enc", device, weights.encoder());
        }
        writer.tensor("W_dec", device, weights.decoder(), weights.latents(), weights.outputWidth())
                .tensor("b_dec", device, weights.decoderBias(), weights.outputWidth());
        @Nullable Matrix skip = weights.skip();
        if (skip != null) {
            writer.tensor(SaeLensArchitecture.SKIP_WEIGHTS, device, skip, weights.outputWidth(), weights.width());
        }
        @Nullable Matrix thresholds = weights.thresholds();
        if (thresholds != null && sae.sparsity() instanceof Gated) {
            writeGated(writer, device, weights, thresholds, folder);
        } else {
            if (!tied) {
                writer.tensor("b_enc", device, weights.encoderBias(), weights.latents());
            }
            if (thresholds != null && sae.sparsity().hasThresholds()) {
                writer.tensor("threshold", device, thresholds, weights.latents());
            }
            writer.write(folder.resolve(WEIGHTS));
        }
        // Last: a folder with a configuration is a whole one.
        JsonFile.write(folder.resolve(CONFIGURATION), configuration);
    }

    /** exp(r_mag) is in the encoder's weights already, so that the threshold is b_mag - b_gate. */
    private static void writeGated(
            SafetensorsWriter writer, Device device, SaeWeights weights, Matrix thresholds, Path folder) {
        int latents = weights.latents();
        try (Matrix gate = device.staging("b_gate", DType.F32, 1, latents);
                Matrix theta = device.staging("thresholds", DType.F32, 1, latents);
                Matrix zeros = device.staging("r_mag", DType.F32, 1, latents)) {
            zeros.clear();
            device.download(weights.encoderBias(), gate);
            device.download(thresholds, theta);
            for (int latent = 0; latent < latents; latent++) {
                gate.set(0, latent, gate.get(0, latent) - theta.get(0, latent));
            }
            writer.tensor("b_mag", device, weights.encoderBias(), latents)
                    .tensor("b_gate", gate, latents)
                    .tensor("r_mag", zeros, latents)
                    .write(folder.resolve(WEIGHTS));
        }
    }

    private static Map<String, Object> configuration(Sae sae) {
        Map<String, Object> configuration = new LinkedHashMap<>(sae.configuration());
        configuration.put(
                "architecture",
                new SaeLensArchitecture(ruleName(sae.sparsity()), SaeLensArchitecture.Kind.of(sae.mapping())).name());
        configuration.put("d_in", sae.width());
        configuration.put("d_sae", sae.latents());
        SaeLensArchitecture.write(sae.mapping(), configuration);
        configuration.put("dtype", "float32");
        configuration.putIfAbsent("device", "cpu");
        configuration.put("apply_b_dec_to_input", sae.subtractsDecoderBias());
        configuration.put("normalize_activations", sae.normalization().id());
        configuration.putIfAbsent("reshape_activations", "none");
        Map<String, Object> metadata = SaeLensConfiguration.metadata(configuration);
        if (!String.valueOf(metadata.get(SaeLensConfiguration.VERSION)).matches("([6-9]|\\d{2,})\\..*")) {
            // Without it, SAELens takes the file for an older one and drops the rest of the metadata.
            metadata.put(SaeLensConfiguration.VERSION, WRITTEN_VERSION);
        }
        metadata.remove(SPARE_THRESHOLD);
        sae.spareThreshold().ifPresent(threshold -> metadata.put(SPARE_THRESHOLD, threshold));
        configuration.put(SaeLensConfiguration.METADATA, metadata);
        if (sae.sparsity() instanceof MatchingPursuit pursuit) {
            configuration.put("max_iterations", pursuit.k());
            // The shortest decimal that is this float.
            configuration.put("residual_threshold", Double.parseDouble(Float.toString(pursuit.residualThreshold())));
            configuration.put("stop_on_duplicate_support", pursuit.stopOnRepeat());
        } else if (sae.sparsity().bounded()) {
            configuration.put("k", sae.sparsity().k());
            configuration.put("rescale_acts_by_decoder_norm", false);
        }
        return configuration;
    }

    private static String ruleName(Sparsity sparsity) {
        return switch (sparsity) {
            case Relu ignored -> "standard";
            case TopK ignored -> "topk";
            case GradientTopK ignored ->
                throw new IllegalStateException("gradients aren't known to who loads an SAE; save it with topk");
            case JumpRelu ignored -> "jumprelu";
            case Gated ignored -> "gated";
            case MatchingPursuit ignored -> PURSUIT;
            // Darien's own names, which SAELens refuses.
            case GroupMax rule -> rule.id();
            case AbsTopK rule -> rule.id();
            case FeatureChoice ignored ->
                throw new IllegalStateException("a finished SAE does not select over a batch");
            case BatchTopK ignored -> throw new IllegalStateException("a finished SAE does not select over a batch");
        };
    }

    // ------------------------------------------------------------------------------------------------------ reading

    static Sae load(Path folder, Device device) {
        if (!Files.isDirectory(folder)) {
            throw new DataException(
                    folder + " is not a folder with an SAE (" + CONFIGURATION + " and " + WEIGHTS + ")");
        }
        Path configuration = folder.resolve(CONFIGURATION);
        if (!Files.exists(configuration)) {
            throw new DataException(folder + " holds no SAE: there is no " + CONFIGURATION);
        }
        Map<String, Object> entries = requireConfiguration(configuration);
        try (TensorFile weights = TensorFile.open(folder.resolve(WEIGHTS))) {
            return read(configuration, entries, weights, false).load(device);
        }
    }

    /**
     * A {@code cfg.json} of which everything has been checked that can be without the weights.
     *
     * @throws DataException if it can't be read, or is that of an SAE that Darien can't compute
     */
    public static Map<String, Object> requireConfiguration(Path file) {
        Map<String, Object> entries = JsonFile.read(file);
        SaeLensConfiguration config = SaeLensConfiguration.of(file, entries);
        refuseUnsupported(config, SaeLensArchitecture.parse(config.architecture()));
        return entries;
    }

    /**
     * What a {@code cfg.json} and its weights describe.
     *
     * @param file of the configuration, named in messages; other files of the format are looked for beside it
     * @param asTopK reads a training checkpoint of a BatchTopK architecture as TopK, which it is without its threshold
     * @throws DataException if the SAE is none that Darien can compute; says why
     */
    public static SaeLoader read(Path file, Map<String, Object> configuration, TensorFile weights, boolean asTopK) {
        SaeLensConfiguration config = SaeLensConfiguration.of(file, configuration);
        SaeLensArchitecture named = SaeLensArchitecture.parse(config.architecture());
        String architecture = asTopK && isBatchTopK(named.rule()) ? "topk" : named.rule();
        refuseUnsupported(config, new SaeLensArchitecture(architecture, named.kind()));
        boolean tied = architecture.equals(PURSUIT);
        SaeLoader loader = new SaeLoader(
                tied ? weights.tensor("W_dec") : weights.tensor("W_enc").transposed());
        config.requireSize("d_in", loader.width(), WEIGHTS);
        loader.mapping(named.mapping(file, config.entries(), weights, loader.width()));
        if (named.kind() == SaeLensArchitecture.Kind.SKIP_TRANSCODER) {
            loader.skip(weights.tensor(SaeLensArchitecture.SKIP_WEIGHTS));
        }
        config.requireSize("d_sae", loader.latents(), WEIGHTS);
        if (List.of("topk", "groupmax", "abs-topk").contains(architecture) && config.k() > loader.latents()) {
            throw new DataException(
                    file + ": k is " + config.k() + " but there are only " + loader.latents() + " latents");
        }
        if (!architecture.equals("gated") && !tied) {
            loader.encoderBias(weights.tensor("b_enc"));
        }
        boolean subtracts = config.flag("apply_b_dec_to_input", !named.isTranscoder());
        loader.decoder(weights.tensor("W_dec")).subtractsDecoderBias(subtracts || tied);
        if (subtracts || !tied) {
            loader.decoderBias(weights.tensor("b_dec"));
        } else {
            // SAELens adds it to the reconstruction only where it has subtracted it.
            loader.note("b_dec has no part in a matching pursuit that doesn't apply it to the input; it is left out");
        }
        select(loader, config, architecture, weights);
        foldScalingFactor(loader, config, weights);
        normalise(loader, config);
        String unused = String.join(
                ", ",
                weights.tensors().keySet().stream()
                        .filter(name -> !USED.contains(name))
                        .toList());
        if (!unused.isEmpty()) {
            loader.note("tensors that have no part in SAELens's SAEs are left out: " + unused);
        }
        return loader.configuration(kept(config, weights));
    }

    private static boolean isBatchTopK(String architecture) {
        return architecture.equals("batchtopk") || architecture.equals("matryoshka_batchtopk");
    }

    private static void refuseUnsupported(SaeLensConfiguration config, SaeLensArchitecture named) {
        String architecture = named.rule();
        if (named.isTranscoder() && config.flag("apply_b_dec_to_input", false)) {
            throw new DataException(
                    config.file() + ": a transcoder can't have apply_b_dec_to_input = true, because b_dec"
                            + " is of what it decodes; set it to false");
        }
        if (named.kind() != SaeLensArchitecture.Kind.AUTOENCODER && architecture.equals("gated")) {
            throw new DataException(config.file() + ": architecture '" + named.name() + "' is none that there is");
        }
        switch (architecture) {
            case "topk", "groupmax", "abs-topk" -> config.k();
            case "standard", "jumprelu", "gated", "batchtopk", "matryoshka_batchtopk" -> {
                // What they need is in the weights.
            }
            case PURSUIT -> config.pursuit(1);
            case "temporal" ->
                throw new DataException(config.file() + ": architecture '" + architecture
                        + "' encodes in several steps, which Darien can't; there is no equal of it");
            default ->
                throw new DataException(config.file() + ": architecture '" + named.name()
                        + "' is not one of standard, topk, jumprelu, gated, batchtopk, matryoshka_batchtopk,"
                        + " matching_pursuit, transcoder,"
                        + " skip_transcoder, jumprelu_transcoder, jumprelu_skip_transcoder");
        }
    }

    private static void select(SaeLoader loader, SaeLensConfiguration config, String architecture, TensorFile weights) {
        boolean rescale = config.flag("rescale_acts_by_decoder_norm", false);
        switch (architecture) {
            case "topk" -> {
                loader.sparsity(new TopK(config.k()));
                if (SaeLensConfiguration.metadata(config.entries()).get(SPARE_THRESHOLD) instanceof Number threshold) {
                    loader.spareThreshold(threshold.doubleValue());
                }
            }
            case "groupmax" -> loader.sparsity(new GroupMax(config.k()));
            case "abs-topk" -> loader.sparsity(new AbsTopK(config.k()));
            case PURSUIT -> {
                loader.sparsity(config.pursuit(loader.width()));
                return;
            }
            case "jumprelu" -> {
                if (weights.content().get("log_threshold") instanceof Tensor logarithms) {
                    double[] thresholds = loader.perLatent(logarithms);
                    for (int i = 0; i < thresholds.length; i++) {
                        thresholds[i] = Math.exp(thresholds[i]);
                    }
                    loader.thresholds(thresholds);
                } else {
                    loader.thresholds(loader.perLatent(weights.tensor("threshold")));
                }
                return;
            }
            case "gated" -> {
                loader.gated(
                        loader.perLatent(weights.tensor("r_mag")),
                        loader.perLatent(weights.tensor("b_gate")),
                        loader.perLatent(weights.tensor("b_mag")));
                loader.sparsity(new Gated());
                return;
            }
            case "batchtopk", "matryoshka_batchtopk" -> {
                Tensor tensor = weights.tensor("topk_threshold");
                double[] value = tensor.values();
                if (value.length != 1 || !(value[0] > 0)) {
                    throw new DataException(tensor.what() + " is " + (value.length == 1 ? value[0] : "not one number")
                            + ": the SAE was never trained, and has no threshold to encode with; train it, or read it"
                            + " with --as topk");
                }
                // The threshold was measured on codes that are rescaled already.
                loader.threshold(value[0]);
            }
            default -> {
                return;
            }
        }
        if (rescale) {
            loader.foldDecoderNorms(false);
        }
    }

    /** A factor for each latent's code, which some files before version 6 have. */
    private static void foldScalingFactor(SaeLoader loader, SaeLensConfiguration config, TensorFile weights) {
        @Nullable Tensor tensor = weights.tensors().get("scaling_factor");
        if (tensor == null) {
            tensor = weights.tensors().get("finetuning_scaling_factor");
        }
        if (tensor == null) {
            return;
        }
        double[] factors = loader.perLatent(tensor);
        boolean ones = true;
        for (double factor : factors) {
            ones &= Math.abs(factor - 1) <= 1e-5;
        }
        if (ones) {
            return;
        }
        if (!config.flag("finetuning_scaling_factor", false)) {
            throw new DataException(tensor.what() + " isn't all ones, but finetuning_scaling_factor isn't set in "
                    + config.file() + ": whether it applies can't be told; set it to true, or remove the tensor");
        }
        loader.scaleDecoder(factors).note("the scaling factors of the latents were folded into the decoder");
    }

    private static void normalise(SaeLoader loader, SaeLensConfiguration config) {
        String name = config.normalizeActivations();
        for (RowNormalization kind : RowNormalization.values()) {
            if (kind.id().equals(name)) {
                loader.normalization(kind);
                return;
            }
        }
        if (name.equals(EXPECTED_AVERAGE) && loader.sparsity().isTied()) {
            throw new DataException(config.file() + ": normalize_activations '" + name + "' needs a scale that can't be"
                    + " folded into weights that encode and decode; scale the activations, and set none");
        }
        if (!name.equals(EXPECTED_AVERAGE)) {
            throw new DataException(config.file() + ": normalize_activations '" + name
                    + "' is not supported; fold the scale into the weights and set it to 'none'");
        }
        Path scaler = config.file().resolveSibling(SCALER);
        if (!Files.exists(scaler)) {
            throw new DataException(config.file() + ": normalize_activations is '" + EXPECTED_AVERAGE
                    + "', but the scale that the weights were trained with isn't there; write it to " + scaler
                    + " as {\"scaling_factor\": number}, or set it to 'none' if it is folded into the weights already");
        }
        @Nullable Object scale = JsonFile.read(scaler).get("scaling_factor");
        if (scale == null) {
            return;
        }
        if (!(scale instanceof Number number)
                || !(number.doubleValue() > 0)
                || Double.isInfinite(number.doubleValue())) {
            throw new DataException(scaler + ": scaling_factor is " + scale + ", not a number above 0");
        }
        if (!(loader.mapping() instanceof Mapping.Identity)) {
            throw new DataException(scaler + ": a scale for a " + loader.mapping() + " isn't defined; fold it into the"
                    + " weights and set normalize_activations to 'none'");
        }
        loader.foldScale(number.doubleValue(), number.doubleValue())
                .note("the input scale " + scale + " was folded into the weights");
    }

    /** The configuration without what has been folded; what is saved with the SAE says the rest. */
    private static Map<String, Object> kept(SaeLensConfiguration config, TensorFile weights) {
        Map<String, Object> entries = new LinkedHashMap<>(config.entries());
        entries.remove("rescale_acts_by_decoder_norm");
        entries.remove(SaeLensArchitecture.OUTPUT_WIDTH);
        entries.remove("tensors");
        entries.remove("finetuning_scaling_factor");
        List.of("activation_fn", "activation_fn_str", "activation_fn_kwargs").forEach(entries::remove);
        Map<String, String> metadata = new LinkedHashMap<>(weights.metadata());
        metadata.remove(FORMAT);
        if (!metadata.isEmpty()) {
            entries.put(WEIGHTS_METADATA, metadata);
        }
        return entries;
    }
}
