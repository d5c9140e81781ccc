// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.testfiles.Bytes;
import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.TorchFiles;
import dev.darien.testfiles.Values;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code convert}, and the other commands on what other projects wrote. */
class ConvertCommandTest {
    private static final int WIDTH = 16;
    private static final int LATENTS = 40;

    @TempDir
    Path folder;

    private final Map<String, Object> state = new LinkedHashMap<>();
    private Path pt;

    /** A TopK SAE of dictionary_learning whose threshold was never set. */
    @BeforeEach
    void write() {
        Random random = new Random(4);
        state.put("b_dec", Values.random(random, 0.3, WIDTH));
        state.put("k", Values.scalar("I32", 5));
        state.put("threshold", Values.scalar("F32", -1));
        state.put("encoder.weight", new TorchFiles.Transposed(Values.random(random, 1, LATENTS, WIDTH)));
        state.put("encoder.bias", Values.random(random, 0.3, LATENTS));
        state.put("decoder.weight", Values.random(random, 0.4, WIDTH, LATENTS));
        pt = TorchFiles.write(folder.resolve("ae.pt"), state);
    }

    @ParameterizedTest
    @ValueSource(strings = {"sae-lens", "sparsify", "dictionary-learning"})
    void everyFormatEvaluatesAlike(String format) {
        Path out = folder.resolve("out");
        Map<String, Object> converted = Darien.run("convert", pt, out, "--to", format, "--as", "topk", "--json")
                .json();

        assertThat(converted)
                .containsEntry("from", "dictionary-learning")
                .containsEntry("to", format)
                .containsEntry("rule", "topk")
                .containsEntry("k", 5)
                .containsEntry("latents", LATENTS)
                .containsEntry("width", WIDTH)
                .containsEntry("out", out.toString());
        assertThat(Darien.run("evaluate", out, Darien.DATA, "--json").json())
                .isEqualTo(Darien.run("evaluate", pt, Darien.DATA, "--as", "topk", "--json")
                        .json());
        Path codes = folder.resolve("codes.safetensors");
        Darien.run("encode", out, Darien.DATA, "--out", codes).succeeded();
        Darien.run("decode", pt, codes, "--as", "topk", "--out", folder.resolve("x.safetensors"))
                .succeeded();
        assertThat(Darien.run("convert", pt, folder.resolve("o2"), "--to", format, "--as", "topk")
                        .succeeded()
                        .out())
                .contains("Converted into", "topk");
    }

    @Test
    void whatIsAmbiguousSaysWhichOptionSettlesIt() throws Exception {
        Path out = folder.resolve("out");
        Darien.run("convert", pt, out, "--to", "sae-lens").refused("ae.pt", "--as topk");
        Darien.run("evaluate", pt, Darien.DATA).refused("--as topk");
        Darien.run("convert", pt, out, "--to", "sae-lens", "--as", "top-k")
                .refused("unknown --as 'top-k'", "did you mean 'topk'?");
        Darien.run("convert", pt, out, "--to", "saelens")
                .refused("unknown format 'saelens'", "did you mean 'sae-lens'?");
        Darien.run("convert", pt, out, "--to", "openai").refused("unknown format 'openai'");
        Darien.run("convert", pt, out, "--to", "npz-embedding").refused("unknown format 'npz-embedding'");
        Darien.run("convert", pt, out).refused("--to");
        Darien.run("convert", pt, folder.resolve("a.npz"), "--to", "npz", "--as", "topk")
                .refused("npz has no field for the selection of a topk SAE");
        assertThat(Darien.contents(folder)).containsExactly("ae.pt");
    }

    @Test
    void whatIsThereStaysUnlessItMayBeReplaced() throws Exception {
        Path out = folder.resolve("out");
        Darien.run("convert", pt, out, "--to", "sae-lens", "--as", "topk").succeeded();
        Darien.run("convert", pt, out, "--to", "sparsify", "--as", "topk").refused("isn't empty", "--overwrite");
        Darien.run("convert", out, out, "--to", "sparsify", "--overwrite").refused("is what the command reads");
        Darien.run("convert", pt, out, "--to", "sparsify", "--as", "topk", "--overwrite")
                .succeeded();
        assertThat(Darien.contents(folder)).containsExactly("ae.pt", "out", "out/cfg.json", "out/sae.safetensors");
    }

    @Test
    void aTrainedSaeIsConvertedWithItsRecord() {
        Path sae = folder.resolve("trained");
        Darien.train(Darien.DATA, sae, "--arch", "batchtopk", "--k", 4).json();
        Map<String, Object> original =
                Darien.run("evaluate", sae, Darien.DATA, "--json").json();
        assertThat(original).containsKey("modes");

        Darien.run("convert", sae, folder.resolve("copy"), "--to", "sae-lens").succeeded();
        assertThat(Darien.run("evaluate", folder.resolve("copy"), Darien.DATA, "--json")
                        .json())
                .isEqualTo(original);

        Path npz = folder.resolve("params.npz");
        Map<String, Object> converted =
                Darien.run("convert", sae, npz, "--to", "npz", "--json").json();
        assertThat((List<?>) converted.get("notes")).singleElement().asString().contains("b_enc");
        Map<String, Object> evaluated =
                Darien.run("evaluate", npz, Darien.DATA, "--json").json();
        assertThat((double) evaluated.get("fvu")).isCloseTo((double) original.get("fvu"), within(1e-5));
        Darien.run("convert", sae, folder.resolve("sp"), "--to", "sparsify")
                .refused("sparsify has no field for the selection of a jumprelu SAE");
    }

    @Test
    void inspectSaysWhatItIs() {
        Map<String, Object> unclear = Darien.run("inspect", pt, "--json").json();
        assertThat(unclear)
                .containsEntry("kind", "SAE (dictionary_learning)")
                .containsEntry("format", "dictionary-learning");
        assertThat((String) unclear.get("problem")).contains("--as topk");
        assertThat((List<?>) unclear.get("tensors")).hasSize(6);
        Map<String, Object> settled =
                Darien.run("inspect", pt, "--as", "topk", "--json").json();
        assertThat(settled).doesNotContainKey("problem");
        assertThat(RunRecord.object(settled.get("sae")))
                .containsEntry("rule", "topk")
                .containsEntry("k", 5)
                .containsEntry("latents", LATENTS);
        assertThat(Darien.run("inspect", pt, "--as", "topk").succeeded().out())
                .contains("SAE (dictionary_learning)", "encoder.weight", "[40, 16]", "topk");

        Path any = SafetensorsFiles.write(folder.resolve("x.safetensors"), Map.of("x", Values.scalar("F32", 1)));
        assertThat(Darien.run("inspect", any, "--json").json())
                .containsEntry("kind", "safetensors file")
                .doesNotContainKeys("format", "problem");
        Path torch =
                TorchFiles.write(folder.resolve("opt.pt"), Map.of("state", Map.of("lr", 0.5, "m", state.get("b_dec"))));
        assertThat(Darien.run("inspect", torch).succeeded().out())
                .contains("PyTorch file", "state.m", "state.lr", "0.5");
    }

    @Test
    void inspectShowsWhatCanNotBeUsed() {
        Path transcoder = folder.resolve("transcoder");
        SafetensorsFiles.write(
                transcoder.resolve("sae.safetensors"),
                Map.of(
                        "encoder.weight", Values.random(new Random(1), 1, 4, 2),
                        "encoder.bias", Values.random(new Random(1), 1, 4),
                        "W_dec", Values.random(new Random(1), 1, 4, 2),
                        "b_dec", Values.random(new Random(1), 1, 2)));
        new Bytes().text("{\"k\":2,\"transcode\":true,\"d_in\":2}").write(transcoder.resolve("cfg.json"));
        Map<String, Object> found = Darien.run("inspect", transcoder, "--json").json();
        assertThat(found).containsEntry("kind", "SAE (sparsify)");
        assertThat((String) found.get("problem")).contains("transcoder");
        assertThat(RunRecord.object(found.get("configuration"))).containsEntry("k", 2);
        assertThat(Darien.run("inspect", transcoder).succeeded().out()).contains("it can't be used", "transcoder");
        Darien.run("evaluate", transcoder, Darien.DATA).refused("transcoder");
    }

    @Test
    void aPickleThatWantsSomethingDoneIsRefusedByEveryCommand() {
        Path touched = folder.resolve("touched");
        String command = "touch " + touched;
        byte[] pickle = new Bytes()
                .u8(0x80, 2)
                .text("cos\nsystem\nX")
                .u32(command.length())
                .text(command)
                .u8(0x85)
                .text("R.")
                .array();
        Path evil = TorchFiles.archive(pickle).write(folder.resolve("evil.pt"));
        Darien.run("inspect", evil).refused("'os.system'", "nothing of it was run");
        Darien.run("evaluate", evil, Darien.DATA).refused("'os.system'");
        Darien.run("convert", evil, folder.resolve("out"), "--to", "sae-lens").refused("'os.system'");
        assertThat(touched).doesNotExist();
    }

    /** Codes alone don't hold what a normalisation of rows took away. */
    @Test
    void codesOfNormalisedActivationsCanNotBeDecoded() throws Exception {
        Map<String, Object> openAi = new LinkedHashMap<>();
        openAi.put("pre_bias", state.get("b_dec"));
        openAi.put("latent_bias", state.get("encoder.bias"));
        openAi.put("encoder.weight", state.get("encoder.weight"));
        openAi.put("decoder.weight", state.get("decoder.weight"));
        openAi.put("activation", "TopK");
        openAi.put("activation_state_dict", Map.of("k", 5, "postact_fn", "ReLU"));
        Path file = TorchFiles.write(folder.resolve("openai.pt"), openAi);
        Path codes = folder.resolve("codes.safetensors");
        assertThat(Darien.run("evaluate", file, Darien.DATA, "--json").json()).containsKey("fvu");
        Darien.run("encode", file, Darien.DATA, "--out", codes).succeeded();
        Darien.run("decode", file, codes, "--out", folder.resolve("x.safetensors"))
                .refused("layer_norm");
        assertThat(Files.exists(folder.resolve("x.safetensors"))).isFalse();
        Darien.run("convert", file, folder.resolve("sl"), "--to", "sae-lens").succeeded();
        assertThat(Darien.run("evaluate", folder.resolve("sl"), Darien.DATA, "--json")
                        .json())
                .isEqualTo(Darien.run("evaluate", file, Darien.DATA, "--json").json());
        Darien.run("convert", file, folder.resolve("sp"), "--to", "sparsify").refused("layer_norm", "sae-lens");
    }
}
