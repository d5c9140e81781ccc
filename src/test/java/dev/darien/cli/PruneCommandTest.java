// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PruneCommandTest {
    @TempDir
    private Path folder;

    @Test
    void everyCycleReportsSparsityAccuracyAndDeadNeurons() {
        Map<String, Object> result = Darien.run(
                        "prune",
                        "--base",
                        "lamp",
                        "--network",
                        "conv",
                        "--rate",
                        "0.5",
                        "--ap",
                        "0.1",
                        "--cycles",
                        2,
                        "--epochs",
                        1,
                        "--seed",
                        3,
                        "--device",
                        "cpu",
                        "--json")
                .json();

        assertThat(result)
                .containsEntry("network", "conv")
                .containsEntry("base", "lamp")
                .containsEntry("rate", 0.5)
                .containsEntry("ap", 0.1)
                .containsEntry("seed", 3)
                .containsKeys("device", "kernels", "seconds");
        List<?> cycles = (List<?>) result.get("cycles");
        assertThat(cycles).hasSize(3);
        for (Object one : cycles) {
            Map<String, Object> cycle = RunRecord.object(one);
            int number = (Integer) cycle.get("cycle");
            assertThat((Double) cycle.get("sparsity"))
                    .isBetween(0.99 - Math.pow(0.5, number), 1.01 - Math.pow(0.5, number));
            assertThat((Double) cycle.get("accuracy")).isBetween(0.0, 1.0);
            assertThat((Double) cycle.get("dead_neuron_rate"))
                    .isEqualTo((Double) cycle.get("static_dead_neuron_rate")
                            + (Double) cycle.get("dynamic_dead_neuron_rate"));
            assertThat(cycle.containsKey("pruned_by_ap")).isEqualTo(number > 0);
        }
    }

    @Test
    void peopleGetATableAndProgressOnStandardError() {
        Darien.Outcome outcome = Darien.run("prune", "--cycles", 1, "--epochs", 1, "--ap", 0, "--device", "cpu")
                .succeeded();

        assertThat(outcome.out()).contains("sparsity", "accuracy", "dead: dynamic", "0.2000");
        assertThat(outcome.err()).contains("cycle 1 of 1");
    }

    @ParameterizedTest
    @CsvSource({
        "--base, lmap, lamp",
        "--rate, 1, between 0 and 1",
        "--rate, 20, as 0.2",
        "--ap, 0.3, whole share of 0.2",
        "--ap, -0.1, as 0.02",
        "--ap-by, size, movement",
        "--cycles, 0, --cycles",
        "--epochs, 0, 1 epoch",
        "--network, resnet, conv",
        "--data, nowhere.safetensors, nowhere.safetensors",
    })
    void badOptionsAreRefused(String option, String value, String reason) {
        Darien.run("prune", option, value).refused(reason);
    }

    @Test
    void filesWithoutImagesAreRefused() throws IOException {
        Path empty = Files.createFile(folder.resolve("digits.safetensors"));
        Darien.run("prune", "--data", empty).refused("digits.safetensors");
        Darien.run("prune", "--data", folder).refused("digits.safetensors");
    }
}
