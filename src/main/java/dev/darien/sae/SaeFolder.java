// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.SafetensorsFile;
import dev.darien.data.SafetensorsWriter;
import dev.darien.device.Device;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** SAELens's folder format, versions 5 and 6: {@code cfg.json} and {@code sae_weights.safetensors}. */
final class SaeFolder {
    static final String CONFIGURATION = "cfg.json";
    static final String WEIGHTS = "sae_weights.safetensors";

    private SaeFolder() {}

    static void save(Sae sae, Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new DataException("the folder " + folder + " can't be created: " + e.getMessage(), e);
        }
        Map<String, Object> configuration = new LinkedHashMap<>(sae.configuration());
        configuration.put("architecture", architectureName(sae.sparsity()));
        configuration.put("d_in", sae.width());
        configuration.put("d_sae", sae.latents());
        configuration.put("dtype", "float32");
        configuration.putIfAbsent("device", "cpu");
        configuration.put("apply_b_dec_to_input", sae.subtractsDecoderBias());
        configuration.put("normalize_activations", "none");
        configuration.putIfAbsent("reshape_activations", "none");
        configuration.putIfAbsent("metadata", Map.of());
        if (sae.sparsity() instanceof TopK topK) {
            configuration.put("k", topK.k());
            configuration.put("rescale_acts_by_decoder_norm", false);
        }
        SaeWeights weights = sae.weights();
        Device device = sae.device();
        Matrix thresholds = weights.thresholds();
        SafetensorsWriter writer = new SafetensorsWriter()
                .metadata("format", "pt")
                // SAELens keeps the encoder as [d_in, d_sae].
                .transposed("W_enc", device, weights.encoder())
                .tensor("b_enc", device, weights.encoderBias(), weights.latents())
                .tensor("W_dec", device, weights.decoder(), weights.latents(), weights.width())
                .tensor("b_dec", device, weights.decoderBias(), weights.width());
        if (thresholds != null && sae.sparsity().hasThresholds()) {
            writer.tensor("threshold", device, thresholds, weights.latents());
        }
        writer.write(folder.resolve(WEIGHTS));
        // Last: a folder with a configuration is a whole one.
        JsonFile.write(folder.resolve(CONFIGURATION), configuration);
    }

    private static String architectureName(Sparsity sparsity) {
        return switch (sparsity) {
            case Relu ignored -> "standard";
            case TopK ignored -> "topk";
            case JumpRelu ignored -> "jumprelu";
            case BatchTopK ignored -> throw new IllegalStateException("a finished SAE does not select over a batch");
        };
    }

    static Sae load(Path folder, Device device) {
        if (!Files.isDirectory(folder)) {
            throw new DataException(
                    folder + " is not a folder with an SAE (" + CONFIGURATION + " and " + WEIGHTS + ")");
        }
        Path configurationFile = folder.resolve(CONFIGURATION);
        if (!Files.exists(configurationFile)) {
            throw new DataException(folder + " holds no SAE: there is no " + CONFIGURATION);
        }
        Map<String, Object> configuration = JsonFile.read(configurationFile);
        Sparsity sparsity = sparsity(configurationFile, configuration);
        refuseUnsupported(configurationFile, configuration);
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(WEIGHTS))) {
            for (String name : List.of("W_enc", "b_enc", "W_dec", "b_dec")) {
                requireFloating(file, name);
            }
            List<Long> shape = file.tensor("W_enc").shape();
            if (shape.size() != 2 || shape.stream().anyMatch(size -> size < 1 || size > Integer.MAX_VALUE)) {
                throw new DataException(
                        file.path() + ": tensor 'W_enc' has shape " + shape + " where [d_in, d_sae] was expected");
            }
            int width = shape.get(0).intValue();
            int latents = shape.get(1).intValue();
            requireSize(configurationFile, configuration, "d_in", width);
            requireSize(configurationFile, configuration, "d_sae", latents);
            if (sparsity instanceof TopK topK && topK.k() > latents) {
                throw new DataException(
                        configurationFile + ": k is " + topK.k() + " but there are only " + latents + " latents");
            }
            SaeWeights weights = SaeWeights.allocate(device.memory(), latents, width, sparsity.hasThresholds());
            try (HostWeights host = HostWeights.allocate(device, latents, width, sparsity.hasThresholds())) {
                file.readTransposed("W_enc", host.weights().encoder());
                file.read("b_enc", host.weights().encoderBias());
                file.read("W_dec", host.weights().decoder());
                file.read("b_dec", host.weights().decoderBias());
                Matrix thresholds = host.weights().thresholds();
                if (thresholds != null) {
                    requireFloating(file, "threshold");
                    file.read("threshold", thresholds);
                    clampBelowZero(thresholds);
                }
                host.upload(weights);
                boolean subtract = !Boolean.FALSE.equals(configuration.get("apply_b_dec_to_input"));
                return new Sae(device, weights, sparsity, subtract, configuration);
            } catch (RuntimeException e) {
                weights.close();
                throw e;
            }
        }
    }

    private static void requireFloating(SafetensorsFile file, String name) {
        String dtype = file.tensor(name).dtype();
        if (!List.of("F32", "F16", "BF16", "F64").contains(dtype)) {
            throw new DataException(file.path() + ": tensor '" + name + "' is of type " + dtype
                    + " where F32, F16, BF16 or F64 was expected");
        }
    }

    private static void requireSize(Path file, Map<String, Object> configuration, String key, int size) {
        Object said = configuration.get(key);
        if (said != null && !(said instanceof Integer number && number == size)) {
            throw new DataException(
                    file + ": " + key + " is " + said + ", but by the tensor 'W_enc' in " + WEIGHTS + " it is " + size);
        }
    }

    /** In SAELens values also pass a ReLU, so that a threshold below 0 is the same as 0. */
    private static void clampBelowZero(Matrix thresholds) {
        for (int latent = 0; latent < thresholds.columns(); latent++) {
            thresholds.set(0, latent, Math.max(0, thresholds.get(0, latent)));
        }
    }

    private static Sparsity sparsity(Path file, Map<String, Object> configuration) {
        Object name = configuration.getOrDefault("architecture", "standard");
        return switch (String.valueOf(name)) {
            case "standard" -> new Relu();
            case "jumprelu" -> new JumpRelu(0);
            case "topk" -> {
                if (!(configuration.get("k") instanceof Integer k) || k < 1) {
                    throw new DataException(file + ": a topk SAE needs k, a whole number of at least 1, but k is "
                            + configuration.get("k"));
                }
                if (Boolean.TRUE.equals(configuration.get("rescale_acts_by_decoder_norm"))) {
                    throw new DataException(file + ": rescale_acts_by_decoder_norm is not supported; fold the decoder"
                            + " norms into the weights first");
                }
                yield new TopK(k);
            }
            default ->
                throw new DataException(file + ": architecture '" + name + "' is not one of standard, topk, jumprelu");
        };
    }

    private static void refuseUnsupported(Path file, Map<String, Object> configuration) {
        Object subtract = configuration.get("apply_b_dec_to_input");
        if (subtract != null && !(subtract instanceof Boolean)) {
            throw new DataException(file + ": apply_b_dec_to_input is '" + subtract + "', neither true nor false");
        }
        Object normalize = configuration.get("normalize_activations");
        if (normalize != null && !"none".equals(normalize) && !Boolean.FALSE.equals(normalize)) {
            throw new DataException(file + ": normalize_activations '" + normalize
                    + "' is not supported; fold the scale into the weights and set it to 'none'");
        }
    }
}
