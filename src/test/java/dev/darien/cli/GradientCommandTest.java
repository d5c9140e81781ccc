// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.data.JsonFile;
import dev.darien.model.OnnxModel;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code --arch gradient-topk}, from a model's gradients to its three ways to encode. */
class GradientCommandTest {
    private static final Path MODEL = Path.of("samples", "tiny-lm.onnx");

    @TempDir
    private Path folder;

    private Path collect() {
        Path data = folder.resolve("data.safetensors");
        Darien.run(
                        "collect",
                        MODEL,
                        "--hook",
                        "residual",
                        "--text",
                        Path.of("samples", "tiny-lm-heldout.txt"),
                        "--gradients",
                        Path.of("samples", "tiny-lm-gradient.onnx"),
                        "--tokens",
                        "4096",
                        "--no-progress",
                        "--out",
                        data,
                        "--json")
                .json();
        return data;
    }

    @Test
    void collectedGradientsTrainAnSaeThatEncodesByThreeRules() {
        Path data = collect();
        Path out = folder.resolve("saes");
        Darien.train(data.toString(), out, "--arch", "topk,gradient-topk", "--k", "4", "--beta", "2", "--report")
                .json();
        Path sae = out.resolve("arch-gradient-topk");
        Map<String, Object> record = JsonFile.read(sae.resolve("darien.json"));
        assertThat(record)
                .containsEntry("architecture", "gradient-topk")
                .containsEntry("k", 4)
                .containsEntry("beta", 2.0)
                .containsEntry("normalised", true);
        assertThat((double) record.get("threshold")).isPositive();
        assertThat(RunRecord.object(record.get("data")))
                .containsEntry("gradients", "gradients")
                .containsEntry("width", 128);
        assertThat(JsonFile.read(sae.resolve("cfg.json"))).containsEntry("architecture", "topk");

        Map<String, Object> all = Darien.run("evaluate", sae, data, "--json").json();
        assertThat(all).containsEntry("mode", "topk").containsEntry("l0", 4.0);
        Map<String, Object> modes = RunRecord.object(all.get("modes"));
        assertThat(modes).containsOnlyKeys("threshold", "gradient");
        Map<String, Object> byGradients = RunRecord.object(modes.get("gradient"));
        assertThat(byGradients).containsEntry("l0", 4.0).containsKeys("mse", "fvu", "dead", "density", "cosine");
        assertThat((double) byGradients.get("fvu")).isGreaterThan((double) all.get("fvu"));
        assertThat(Darien.run("evaluate", sae, data, "--mode", "gradient", "--json")
                        .json())
                .containsEntry("mode", "gradient")
                .containsEntry("fvu", byGradients.get("fvu"));
        assertThat(RunRecord.object(Darien.run("evaluate", out.resolve("arch-topk"), data, "--json")
                        .json()
                        .getOrDefault("modes", Map.of())))
                .isEmpty();

        Path rest = folder.resolve("rest.onnx");
        try (OnnxModel model = OnnxModel.open(MODEL)) {
            model.saveSuffix("residual", rest);
        }
        Map<String, Object> spliced =
                Darien.run("evaluate", sae, data, "--suffix", rest, "--json").json();
        Map<String, Object> inModel =
                RunRecord.object(RunRecord.object(spliced.get("modes")).get("gradient"));
        assertThat(inModel).containsKeys("ce_clean", "ce_spliced", "ce_ablated", "loss_recovered", "kl");
        // Not the numbers of another rule under this name.
        assertThat(inModel.get("ce_spliced")).isNotEqualTo(spliced.get("ce_spliced"));
        assertThat(inModel).containsEntry("ce_clean", spliced.get("ce_clean"));

        Path codes = folder.resolve("codes.safetensors");
        assertThat(Darien.run("encode", sae, data, "--mode", "gradient", "--out", codes, "--json")
                        .json())
                .containsEntry("tokens", 4096)
                .containsEntry("l0", 4.0);
    }

    @Test
    void gradientsThatAreNotThereAreAskedFor() {
        String plain = "samples/tiny-lm-heldout.safetensors";
        Path out = folder.resolve("none");
        Darien.train(plain, out, "--arch", "gradient-topk").refused("has no tensor 'gradients'", "activations F16");
        Darien.train(Darien.DATA, out, "--arch", "topk,gradient-topk").refused("synthetic data has no tensors");
        Darien.train(plain, out, "--arch", "topk", "--beta", "2").refused("beta belongs to gradient-topk");
        assertThat(out).doesNotExist();

        Path data = collect();
        Darien.train(data.toString(), out, "--arch", "gradient-topk", "--gradients", "tokens")
                .refused("tensor 'tokens'");
        Darien.train(data.toString(), out, "--arch", "gradient-topk", "--beta", "-1")
                .refused("beta must be finite and not negative");
        assertThat(out).doesNotExist();
        Darien.train(data.toString(), out, "--arch", "gradient-topk", "--k", "4", "--raw-beta")
                .json();
        Darien.run("evaluate", out, plain, "--mode", "gradient").refused("has no tensor 'gradients'");
        assertThat(RunRecord.object(
                        Darien.run("evaluate", out, plain, "--json").json().get("modes")))
                .containsOnlyKeys("threshold");
        Darien.run("report", out, data, "--mode", "gradient", "--out", folder.resolve("report.html"))
                .refused("only evaluate and encode read");
    }
}
