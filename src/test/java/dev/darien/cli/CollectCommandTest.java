// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code collect}, and {@code evaluate} with the model that activations come from. */
class CollectCommandTest {
    private static final Path MODEL = Path.of("samples", "tiny-lm.onnx");
    private static final Path TEXT = Path.of("samples", "tiny-lm-heldout.txt");

    @TempDir
    private Path folder;

    private Darien.Outcome collect(Object... options) {
        return Darien.run("collect", MODEL, "--text", TEXT, "--no-progress", java.util.List.of(options));
    }

    @Test
    void collectedActivationsTrainAnSaeThatIsEvaluatedInTheModel() {
        Path data = folder.resolve("data.safetensors");
        Map<String, Object> collected = collect("--hook", "residual", "--out", data, "--tokens", "4096", "--json")
                .json();
        assertThat(collected)
                .containsEntry("tokens", 4096)
                .containsEntry("width", 128)
                .containsEntry("context", 64)
                .containsKeys("sequences", "shards", "seconds", "tokens_per_second");
        Path sae = folder.resolve("sae");
        Darien.train(data.toString(), sae, "--arch", "topk", "--k", "8").json();

        Map<String, Object> result = Darien.run(
                        "evaluate",
                        sae,
                        "--model",
                        MODEL,
                        "--hook",
                        "residual",
                        "--text",
                        TEXT,
                        "--tokens",
                        "1024",
                        "--json")
                .json();
        assertThat(result)
                .containsEntry("tokens", 1024)
                .containsEntry("ce_tokens", 1024)
                .containsKeys("fvu", "l0", "ce_clean", "ce_spliced", "ce_ablated", "ce_mean_ablated", "kl");
        double clean = (double) result.get("ce_clean");
        double spliced = (double) result.get("ce_spliced");
        double ablated = (double) result.get("ce_ablated");
        assertThat(clean).isBetween(1.0, 2.0).isLessThan(spliced);
        assertThat((double) result.get("loss_recovered"))
                .isEqualTo((ablated - spliced) / (ablated - clean))
                .isBetween(0.3, 1.0);
    }

    @Test
    void aFolderOfShardsIsOnlyReplacedWhenThatIsSaid() throws IOException {
        Path out = folder.resolve("shards");
        collect("--hook", "residual", "--out", out, "--tokens", "300", "--shard-tokens", "200")
                .succeeded();
        assertThat(Darien.contents(out))
                .containsExactly("collect.json", "shard-00000.safetensors", "shard-00001.safetensors");
        collect("--hook", "residual", "--out", out).refused("isn't empty", "--resume", "--overwrite");
        collect("--hook", "residual", "--out", out, "--tokens", "64", "--overwrite")
                .succeeded();
        assertThat(Darien.contents(out)).containsExactly("collect.json", "shard-00000.safetensors");
        collect("--hook", "residual", "--out", out, "--tokens", "64", "--resume")
                .succeeded();
    }

    @Test
    void whatIsWrongIsSaidInOneSentenceAndNothingIsWritten() throws IOException {
        Path out = folder.resolve("out.safetensors");
        collect("--hook", "residul", "--out", out).refused("has no tensor 'residul'", "nearest: residual");
        collect("--hook", "residual", "--out", out, "--context", "10").refused("only takes sequences of 64 tokens");
        collect("--hook", "residual", "--out", out, "--batch", "0").refused("batch must be at least 1");
        collect("--hook", "residual", "--out", out, "--tokenizer", MODEL).refused("tiny-lm.onnx is not a JSON object");
        Path empty = Files.writeString(folder.resolve("empty.txt"), "\n");
        Darien.run("collect", MODEL, "--text", empty, "--hook", "residual", "--out", out)
                .refused("has no text with tokens");
        Darien.run("collect", TEXT, "--text", TEXT, "--hook", "residual", "--out", out)
                .refused("tiny-lm-heldout.txt isn't a sound ONNX file");
        Darien.run("collect", MODEL, "--text", folder, "--hook", "residual", "--out", out)
                .refused("is a folder");
        assertThat(Darien.contents(folder)).containsExactly("empty.txt");
    }

    @Test
    void evaluateSaysWhatGoesTogether() {
        Path sae = Path.of("samples");
        Darien.run("evaluate", sae).refused("no data was named", "--model");
        Darien.run("evaluate", sae, "--model", MODEL).refused("--model needs --hook TENSOR and --text F");
        Darien.run("evaluate", sae, TEXT, "--model", MODEL, "--hook", "a", "--text", TEXT)
                .refused("activations come from --text");
        Darien.run("evaluate", sae, TEXT, "--hook", "a").refused("go with --model");
        Darien.run("evaluate", sae, TEXT, "--suffix", MODEL, "--model", MODEL).refused("two ways to name one model");
    }

    @Test
    void latentsAreAblatedInTheModel() {
        Path sae = folder.resolve("sae");
        Darien.train("samples/tiny-lm-heldout.safetensors", sae, "--arch", "topk", "--k", "8")
                .succeeded();
        List<Object> inside =
                List.of("--model", MODEL, "--hook", "residual", "--text", TEXT, "--context", 64, "--tokens", 128);
        Map<String, Object> whole =
                Darien.run("evaluate", sae, inside, "--error-term", "--json").json();
        assertThat(loss(whole, "ce_spliced")).isEqualTo(loss(whole, "ce_clean"), within(1e-5));
        String all = IntStream.range(0, 64).mapToObj(String::valueOf).collect(Collectors.joining(","));
        Map<String, Object> none = Darien.run("evaluate", sae, inside, "--error-term", "--ablate", all, "--json")
                .json();
        Map<String, Object> reconstruction =
                Darien.run("evaluate", sae, inside, "--json").json();
        Map<String, Object> bias =
                Darien.run("evaluate", sae, inside, "--ablate", all, "--json").json();
        assertThat(loss(none, "ce_spliced")).isGreaterThan(loss(whole, "ce_spliced") + 0.01);
        assertThat(loss(bias, "ce_spliced")).isGreaterThan(loss(reconstruction, "ce_spliced") + 0.01);
        Darien.run("evaluate", sae, inside, "--ablate", "64").refused("there is no latent 64, only 0 to 63");
        Darien.run("evaluate", sae, "samples/tiny-lm-heldout.safetensors", "--error-term")
                .refused("act within a model");
    }

    private static double loss(Map<String, Object> result, String key) {
        return ((Number) result.get(key)).doubleValue();
    }

    @Test
    void aSuffixNeedsTheNextTokens() {
        Path sae = folder.resolve("sae");
        Darien.train("samples/tiny-lm-heldout.safetensors", sae, "--arch", "topk", "--k", "8")
                .json();
        Darien.run(
                        "evaluate",
                        sae,
                        "samples/tiny-lm-heldout.safetensors",
                        "--suffix",
                        Path.of("samples", "tiny-lm-gradient.onnx"))
                .refused("has no tensor 'targets'", "collect it with --context");
    }

    @Test
    void withoutTheOptionalLibrariesItSaysWhatToAdd() throws Exception {
        Darien.Outcome outcome = Darien.spawn(
                folder,
                "collect",
                MODEL.toAbsolutePath(),
                "--text",
                TEXT.toAbsolutePath(),
                "--hook",
                "residual",
                "--out",
                "out");
        outcome.refused("ONNX Runtime isn't there", "com.microsoft.onnxruntime:onnxruntime");
        assertThat(folder.resolve("out")).doesNotExist();
    }
}
