// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import static dev.darien.testfiles.Expected.jumpRelu;
import static dev.darien.testfiles.Expected.relu;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.testfiles.Bytes;
import dev.darien.testfiles.Expected;
import dev.darien.testfiles.NpzFiles;
import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.TorchFiles;
import dev.darien.testfiles.Values;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Which format a file or folder is found to be in, and what is said if that isn't clear. */
class SaeFileTest extends FormatFixture {
    private final Expected gemmaScope = new Expected(x -> jumpRelu(pre(x), threshold.data()), this::out);

    private Map<String, Values> weights() {
        state.put("W_enc", encoder);
        state.put("b_enc", encoderBias);
        state.put("W_dec", decoder);
        state.put("b_dec", decoderBias);
        state.put("threshold", threshold);
        return tensors();
    }

    @Test
    void namesOfFilesSayNothing() throws Exception {
        Path npz = NpzFiles.write(folder.resolve("weights.safetensors"), weights(), true);
        same(npz, SaeFormat.NPZ, gemmaScope);
        Path renamed = Files.move(npz, folder.resolve("no-suffix"));
        same(renamed, SaeFormat.NPZ, gemmaScope);
        same(TorchFiles.write(folder.resolve("model.npz"), state), SaeFormat.DICTIONARY_LEARNING, gemmaScope);
    }

    @Test
    void theWeightsOfAFolderCanBeNamedThemselves() {
        Path file = SafetensorsFiles.write(folder.resolve("sae_weights.safetensors"), weights());
        text("cfg.json", "{\"architecture\":\"jumprelu\",\"apply_b_dec_to_input\":false}");
        same(file, SaeFormat.SAE_LENS, gemmaScope);
        same(folder, SaeFormat.SAE_LENS, gemmaScope);
        same(folder, "jumprelu", SaeFormat.SAE_LENS, gemmaScope);
        refused(folder, "relu", "holds a jumprelu SAE, which can't be read as relu");
        refused(folder, "topk", "holds a jumprelu SAE");
    }

    @Test
    void weightsWithoutAConfigurationAreAmbiguous() {
        Path file = SafetensorsFiles.write(folder.resolve("weights.safetensors"), weights());
        refused(file, null, "of several formats", "--as sae-lens or --as dictionary-learning");
        refused(folder, null, "of several formats");
        refused(file, "sae-lens", "needs its cfg.json");
        refused(file, "openai", "no tensor 'encoder.weight'");
        same(file, "dictionary-learning", SaeFormat.DICTIONARY_LEARNING, gemmaScope);
        same(folder, "dictionary-learning", SaeFormat.DICTIONARY_LEARNING, gemmaScope);
        same(file, "npz", SaeFormat.NPZ, gemmaScope);
    }

    @Test
    void linearLayersAreOfDictionaryLearningOrLlamaScope() {
        state.put("encoder.weight", encoder.transposed());
        state.put("encoder.bias", encoderBias);
        state.put("decoder.weight", decoder.transposed());
        state.put("decoder.bias", decoderBias);
        Path file = SafetensorsFiles.write(folder.resolve("final.safetensors"), tensors());
        refused(file, null, "--as dictionary-learning or --as llama-scope");
        refused(file, "llama-scope", "needs its hyperparams.json");
        same(file, "relu", SaeFormat.DICTIONARY_LEARNING, new Expected(x -> relu(pre(x)), this::out), true);
    }

    /** A rule alone doesn't settle the format. */
    private void same(Path file, String rule, SaeFormat format, Expected expected, boolean needsFormat) {
        if (needsFormat) {
            refused(file, rule, "of several formats");
        }
        same(file, format.id() + ":" + rule, format, expected);
    }

    @Test
    void twoFormatsAtOnceAreAmbiguous() {
        Path file = SafetensorsFiles.write(folder.resolve("both.safetensors"), weights());
        text("cfg.json", "{\"architecture\":\"jumprelu\"}");
        text("config.json", "{\"trainer\":{\"dict_class\":\"JumpReluAutoEncoder\"}}");
        refused(file, null, "--as sae-lens or --as dictionary-learning");
        same(file, "dictionary-learning", SaeFormat.DICTIONARY_LEARNING, gemmaScope);
    }

    @Test
    void aFolderWithSeveralSaesNamesThem() {
        NpzFiles.write(folder.resolve("a.npz"), weights(), false);
        NpzFiles.write(folder.resolve("b.npz"), tensors(), false);
        refused(folder, null, "several SAEs", "a.npz, b.npz");
        same(folder.resolve("a.npz"), SaeFormat.NPZ, gemmaScope);
    }

    /** As in a training checkpoint: other tensors, and pickles with more than data. */
    @Test
    void otherFilesInAFolderAreNoMatter() {
        NpzFiles.write(folder.resolve("params.npz"), weights(), false);
        SafetensorsFiles.write(folder.resolve("sparsity.safetensors"), Map.of("sparsity", threshold));
        TorchFiles.archive(new Bytes().u8(0x80, 2).text("cbuiltins\neval\n.").array())
                .write(folder.resolve("trainer_state.pt"));
        text("readme.md", "# Weights");
        same(folder, SaeFormat.NPZ, gemmaScope);
    }

    @Test
    void whatIsNoSaeIsNamed() throws Exception {
        Path file = SafetensorsFiles.write(folder.resolve("x.safetensors"), Map.of("activations", decoder));
        refused(file, null, "is a safetensors file, but not an SAE", "activations F32 [27, 10]");
        refused(folder, null, "holds no SAE");
        refused(folder.resolve("absent"), null, "doesn't exist");
        refused(Bytes.write(folder.resolve("a.npy"), NpzFiles.npy(decoder)), null, "is a npy file, but not an SAE");
        Path damaged = folder.resolve("sub/sae_weights.safetensors");
        SafetensorsFiles.write(damaged, weights());
        byte[] bytes = Files.readAllBytes(damaged);
        Files.write(damaged, java.util.Arrays.copyOf(bytes, bytes.length - 3));
        refused(folder.resolve("sub"), null, "is truncated");
    }

    @Test
    void anUnknownNameIsAnIllegalArgument() {
        for (String as : new String[] {"", "pytorch", "topk:npz", "npz:", ":", "npz:tanh"}) {
            assertThat(SaeFile.isName(as)).as(as).isFalse();
            assertThatThrownBy(() -> SaeFile.open(folder, as)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(SaeFile.names()).contains("sae-lens", "topk").allMatch(SaeFile::isName);
    }

    /** bfloat16 of a size at which a second copy in single precision would show. */
    @Test
    void halfPrecisionIsReadWithoutASecondCopy() {
        int latents = 4096;
        int width = 512;
        byte[] zeros = new byte[latents * width * 2];
        Bytes data =
                new Bytes().raw(zeros).raw(zeros).raw(new byte[2 * latents]).raw(new byte[2 * width]);
        long matrix = zeros.length;
        String header = ("{'encoder.weight':{'dtype':'BF16','shape':[%d,%d],'data_offsets':[0,%d]},"
                        + "'W_dec':{'dtype':'BF16','shape':[%d,%d],'data_offsets':[%d,%d]},"
                        + "'encoder.bias':{'dtype':'BF16','shape':[%d],'data_offsets':[%d,%d]},"
                        + "'b_dec':{'dtype':'BF16','shape':[%d],'data_offsets':[%d,%d]}}")
                .formatted(
                        latents,
                        width,
                        matrix,
                        latents,
                        width,
                        matrix,
                        2 * matrix,
                        latents,
                        2 * matrix,
                        2 * matrix + 2 * latents,
                        width,
                        2 * matrix + 2 * latents,
                        2 * matrix + 2 * latents + 2 * width)
                .replace('\'', '"');
        new Bytes().u64(header.length()).text(header).raw(data.array()).write(folder.resolve("sae.safetensors"));
        text("cfg.json", "{\"d_in\":512,\"k\":4}");
        try (SaeFile file = SaeFile.open(folder);
                var sae = file.load(device)) {
            long weights = device.memory().allocatedBytes();
            assertThat(weights).isBetween(2L * latents * width * 4, 2L * latents * width * 4 + 200_000L);
            assertThat(device.memory().peakBytes()).isLessThan(weights + (5L << 20));
            assertThat(sae.latents()).isEqualTo(latents);
        }
    }
}
