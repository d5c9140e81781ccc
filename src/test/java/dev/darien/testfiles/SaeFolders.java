// SPDX-License-Identifier: Apache-2.0
package dev.darien.testfiles;

import java.nio.file.Path;
import java.util.Map;

/**
 * A sound folder for each format that SAEs are read in, called as the format is.
 *
 * @param encoder [d, F]
 * @param decoder [F, d]
 */
public record SaeFolders(
        Path folder, Values encoder, Values decoder, Values encoderBias, Values decoderBias, Values threshold) {

    /** Writes them all. */
    public void write() {
        Map<String, Values> named = Map.of(
                "W_enc", encoder, "b_enc", encoderBias, "W_dec", decoder, "b_dec", decoderBias, "threshold", threshold);
        Map<String, Values> linear = Map.of(
                "encoder.weight", encoder.transposed(),
                "encoder.bias", encoderBias,
                "decoder.weight", decoder.transposed());
        SafetensorsFiles.write(folder.resolve("sae-lens/sae_weights.safetensors"), named);
        text(
                "sae-lens/cfg.json",
                "{\"architecture\":\"jumprelu\",\"d_in\":%1$d,\"d_sae\":%2$d,\"normalize_activations\":\"none\"}");
        SafetensorsFiles.write(
                folder.resolve("sparsify/sae.safetensors"),
                Map.of(
                        "encoder.weight", encoder.transposed(),
                        "encoder.bias", encoderBias,
                        "W_dec", decoder,
                        "b_dec", decoderBias));
        text("sparsify/cfg.json", "{\"num_latents\":%2$d,\"k\":4,\"d_in\":%1$d,\"transcode\":false}");
        TorchFiles.write(
                folder.resolve("dictionary-learning/ae.pt"),
                Map.of(
                        "b_dec",
                        decoderBias,
                        "k",
                        Values.scalar("I32", 4),
                        "threshold",
                        Values.scalar("F32", 0.5),
                        "encoder.weight",
                        new TorchFiles.Transposed(encoder.transposed()),
                        "encoder.bias",
                        encoderBias,
                        "decoder.weight",
                        decoder.transposed()));
        text(
                "dictionary-learning/config.json",
                "{\"trainer\":{\"dict_class\":\"BatchTopKSAE\",\"k\":4,\"dict_size\":%2$d}}");
        NpzFiles.write(folder.resolve("npz/params.npz"), named, true);
        SafetensorsFiles.write(
                folder.resolve("gemma-scope-2/params.safetensors"),
                Map.of(
                        "w_enc",
                        encoder,
                        "b_enc",
                        encoderBias,
                        "w_dec",
                        decoder,
                        "b_dec",
                        decoderBias,
                        "threshold",
                        threshold));
        text("gemma-scope-2/config.json", "{\"architecture\":\"jump_relu\",\"width\":%2$d,\"type\":\"sae\"}");
        SafetensorsFiles.write(folder.resolve("llama-scope/checkpoints/final.safetensors"), linear);
        text(
                "llama-scope/hyperparams.json",
                "{\"d_model\":%1$d,\"d_sae\":%2$d,\"act_fn\":\"jumprelu\",\"jump_relu_threshold\":0.5,"
                        + "\"dataset_average_activation_norm\":{\"in\":2.5,\"out\":2.5}}");
        TorchFiles.write(
                folder.resolve("openai/0.pt"),
                Map.of(
                        "pre_bias",
                        decoderBias,
                        "latent_bias",
                        encoderBias,
                        "encoder.weight",
                        encoder.transposed(),
                        "decoder.weight",
                        decoder.transposed(),
                        "activation",
                        "TopK",
                        "activation_state_dict",
                        Map.of("k", 3, "postact_fn", "ReLU")));
        TorchFiles.write(
                folder.resolve("bussmann/sae.pt"),
                Map.of("W_enc", encoder, "W_dec", decoder, "b_enc", encoderBias, "b_dec", decoderBias));
        text("bussmann/config.json", "{\"sae_type\":\"topk\",\"top_k\":4,\"input_unit_norm\":true,\"dict_size\":%2$d}");
    }

    /** A configuration, in which %1$d is the width and %2$d the number of latents. */
    private void text(String name, String text) {
        String filled = text.formatted(encoder.shape()[0], encoder.shape()[1]);
        new Bytes().text(filled).write(folder.resolve(name));
    }
}
