// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SteerCommandTest {
    private static final List<Object> MODEL = List.of(
            "--model",
            "samples/tiny-lm.onnx",
            "--hook",
            "residual",
            "--text",
            "samples/tiny-lm-heldout.txt",
            "--context",
            64,
            "--tokens",
            128);

    @TempDir
    Path folder;

    private Path sae() {
        Path sae = folder.resolve("sae");
        Darien.train("samples/tiny-lm.safetensors", sae, "--arch", "topk", "--k", 8)
                .succeeded();
        return sae;
    }

    @Test
    void latentsMoveWhatTheModelPredictsTheMoreTheyAreAdded() {
        Path sae = sae();
        Map<String, Object> typical =
                Darien.run("steer", sae, MODEL, "--count", 3, "--json").json();
        assertThat(list(typical)).hasSize(3).allSatisfy(row -> {
            assertThat(row).containsKeys("latent", "scale", "kl", "delta_ce");
            assertThat(number(row, "logit_change")).isGreaterThan(number(row, "largest_logit_change"));
            assertThat(number(row, "largest_logit_change")).isPositive();
            assertThat(number(row, "kl")).isPositive();
        });
        assertThat(typical).containsKeys("ce_clean", "mean_kl", "mean_delta_ce", "random");

        Map<String, Object> none = Darien.run(
                        "steer", sae, MODEL, "--latents", "3,5", "--count", 1, "--scale", 0, "--json")
                .json();
        assertThat(list(none)).extracting(row -> row.get("latent")).containsExactly(3, 5);
        assertThat(number(none, "mean_kl")).isEqualTo(0, within(1e-9));
        assertThat(number(none, "mean_delta_ce")).isEqualTo(0, within(1e-9));
        assertThat(number(none, "mean_logit_change")).isEqualTo(0, within(1e-9));
        Map<String, Object> little = Darien.run(
                        "steer", sae, MODEL, "--latents", "3,5", "--count", 1, "--scale", 1, "--json")
                .json();
        Map<String, Object> much = Darien.run(
                        "steer", sae, MODEL, "--latents", "3,5", "--count", 1, "--scale", 8, "--json")
                .json();
        assertThat(number(little, "mean_kl")).isBetween(1e-6, number(much, "mean_kl"));
        assertThat(number(RunRecord.object(much.get("random")), "scale")).isEqualTo(8);
        assertThat(Darien.run("steer", sae, MODEL, "--count", 1).succeeded().out())
                .contains("latent", "kl", "random mean kl");
    }

    @Test
    void whatCannotBeSteeredIsRefused() {
        Path sae = sae();
        Darien.run("steer", sae, "samples/tiny-lm-heldout.safetensors").refused("needs a model");
        Darien.run("steer", sae, MODEL, "--latents", 64).refused("no latent 64", "0 to 63");
        Darien.run("steer", sae, MODEL, "--count", 0).refused("between 1 and");
        Darien.run("steer", sae, MODEL, "--scale", "NaN").refused("must be a number");
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> list(Map<String, Object> result) {
        return (List<Map<String, Object>>) result.get("latents");
    }

    private static double number(Map<String, Object> map, String key) {
        return ((Number) map.get(key)).doubleValue();
    }
}
