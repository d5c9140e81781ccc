// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.Values;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** {@code probe} and {@code scr}. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS) // one SAE for all of them
class ProbeCommandTest {
    private static final int WIDTH = 8;
    private static final int SEQUENCES = 80;
    private static final int CONTEXT = 4;

    private Path folder;

    private Path data;
    private Path sae;

    /** Sequence s is of class s % 2 (channel 0 or 1) and of the other class s / 2 % 2 (channel 2 or 3). */
    @BeforeAll
    void write(@TempDir Path shared) {
        folder = shared;
        Random random = new Random(3);
        int tokens = SEQUENCES * CONTEXT;
        Values x = Values.random(random, 0.2, tokens, WIDTH);
        for (int token = 0; token < tokens; token++) {
            int sequence = token / CONTEXT;
            x.data()[token * WIDTH + sequence % 2] += 1;
            x.data()[token * WIDTH + 2 + sequence / 2 % 2] += 2;
        }
        Map<String, Values> tensors = new LinkedHashMap<>();
        tensors.put("activations", x);
        tensors.put("kind", labels(token -> token / CONTEXT % 2));
        tensors.put("other", labels(token -> token / CONTEXT / 2 % 2));
        tensors.put("same", labels(token -> 7));
        tensors.put("sequences", labels(token -> token / CONTEXT));
        tensors.put("loss", Values.random(random, 1, tokens));
        data = SafetensorsFiles.write(folder.resolve("data.safetensors"), tensors);
        sae = folder.resolve("sae");
        Darien.run("train", data, "--out", sae, "--latents", 64, "--k", 4, "--tokens", 8192, "--batch", 64)
                .succeeded();
    }

    private static Values labels(IntUnaryOperator label) {
        double[] values = IntStream.range(0, SEQUENCES * CONTEXT)
                .map(label)
                .asDoubleStream()
                .toArray();
        return new Values("I32", values, values.length);
    }

    @Test
    void probesTokensOfATensorAndSequencesOfATextFile() throws Exception {
        Map<String, Object> byToken =
                Darien.run("probe", sae, data, "--labels", "kind", "--json").json();
        assertThat(byToken).containsEntry("examples", SEQUENCES * CONTEXT);
        assertThat(number(byToken, "all_channels")).isGreaterThan(0.95);
        assertThat(number(RunRecord.object(byToken.get("accuracy")), "5")).isGreaterThan(0.8);
        assertThat(RunRecord.object(byToken.get("baselines"))).containsOnlyKeys("channels", "pca", "random");

        Map<String, Object> absorbed =
                RunRecord.object(Darien.run("probe", sae, data, "--labels", "kind", "--absorption", "paper", "--json")
                        .json()
                        .get("absorption"));
        assertThat(number(absorbed, "mean")).isBetween(0.0, 1.0);
        assertThat(Darien.run("probe", sae, data, "--labels", "kind", "--absorption", "code")
                        .succeeded()
                        .out())
                .contains("main latents");
        Darien.run("probe", sae, data, "--labels", "kind", "--absorption", "x").refused("code or paper");

        Path lines = folder.resolve("labels.txt");
        Files.write(
                lines,
                IntStream.range(0, SEQUENCES)
                        .mapToObj(s -> s % 2 == 0 ? "de" : "fr")
                        .toList());
        Map<String, Object> bySequence = Darien.run("probe", sae, data, "--labels", lines, "--k", "1,3", "--json")
                .json();
        assertThat(bySequence).containsEntry("examples", SEQUENCES);
        assertThat(RunRecord.object(bySequence.get("accuracy"))).containsOnlyKeys("1", "3");
        assertThat(bySequence.get("classes").toString()).contains("class=de", "class=fr");
        assertThat(Darien.run("probe", sae, data, "--labels", lines).succeeded().out())
                .contains("class de", "mean, sae", "Chance is 0.5");
    }

    @Test
    void takesLatentsAwayWithAndWithoutASpuriousLabel() {
        Map<String, Object> tpp = Darien.run("scr", sae, data, "--labels", "kind", "--ablate", "1,2", "--json")
                .json();
        assertThat(RunRecord.object(tpp.get("tpp"))).containsOnlyKeys("1", "2");
        assertThat(tpp).containsKeys("baselines", "classes", "probe_accuracy");

        Map<String, Object> scr = Darien.run(
                        "scr", sae, data, "--labels", "kind", "--spurious", "other", "--ablate", "2", "--json")
                .json();
        assertThat(scr).containsEntry("examples_of_each_combination", SEQUENCES * CONTEXT / 4);
        assertThat(number(scr, "base")).isLessThan(number(scr, "oracle"));
        assertThat(Darien.run("scr", sae, data, "--labels", "kind", "--spurious", "other")
                        .succeeded()
                        .out())
                .contains("latents taken away", "oracle", "pca");
    }

    @Test
    void whatCannotBeProbedIsRefused() throws Exception {
        Darien.run("probe", sae, data, "--labels", "same").refused("one class", "'7'");
        Darien.run("probe", sae, data, "--labels", "kind", "--folds", 200).refused("class '0'", "200 folds");
        Darien.run("probe", sae, data, "--labels", "kind", "--folds", 1).refused("at least 2 folds");
        Darien.run("probe", sae, data, "--labels", "none").refused("no tensor 'none'", "kind");
        Darien.run("probe", sae, data, "--labels", "loss").refused("whole numbers");
        Darien.run("probe", sae, Darien.DATA, "--labels", "kind").refused("synthetic");
        Darien.run("scr", sae, data, "--labels", "same").refused("one class");
        Darien.run("scr", sae, data, "--labels", "kind", "--spurious", "same").refused("exactly two", "1 class");
        Darien.run("scr", sae, data, "--labels", "kind", "--ablate", 0).refused("at least 1 latent");
        Path lines = folder.resolve("labels.txt");
        Files.write(lines, List.of("a", "b", "c"));
        Darien.run("probe", sae, data, "--labels", lines)
                .refused("3 labels", SEQUENCES * CONTEXT + " tokens", SEQUENCES + " sequences");
        Files.write(lines, new byte[] {(byte) 0xFF, 1, 2});
        Darien.run("probe", sae, data, "--labels", lines).refused("can't be read as text");
    }

    private static double number(Map<String, Object> map, String key) {
        return ((Number) map.get(key)).doubleValue();
    }
}
