// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.Values;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReproduceCommandTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({
        "2212.06146, --seeds, 1, 2212.06145",
        "2212.06145, --seeds, 0, number of seeds",
        "2212.06145, --seeds, '1,x', number of seeds",
        "2212.06145, --device, gpu, gpu",
    })
    void badOptionsAreRefused(String paper, String option, String value, String reason) {
        Darien.Outcome outcome = Darien.run("reproduce", paper, "--data", folder, option, value);

        assertThat(outcome.status()).isIn(2, 3);
        assertThat(outcome.err()).contains(reason).doesNotContain("Exception").hasLineCount(1);
        assertThat(outcome.out()).isEmpty();
    }

    @Test
    void saesAreComparedAtEqualL0AndDrawn() throws IOException {
        Darien.Outcome outcome = Darien.run(
                "reproduce",
                "2404.16014",
                "--data",
                "samples",
                "--quick",
                "--seeds",
                "2",
                "--figures",
                folder,
                "--json");

        Map<String, Object> result = outcome.json();
        assertThat((List<?>) result.get("claims")).hasSize(3);
        List<?> rows = (List<?>)
                RunRecord.object(((List<?>) result.get("tables")).getFirst()).get("rows");
        assertThat(rows).hasSize(2 * 4);
        assertThat(Files.readString(folder.resolve("2404.16014-pareto.svg")))
                .startsWith("<svg")
                .contains(">gated<", ">relu<");
        assertThat(outcome.err()).contains("gated, L0 48, seed 2");
    }

    /** It collects gradients by itself, and splices in what it trains. */
    @Test
    void saesByGradientsAreMeasuredWithinTheModel() {
        Map<String, Object> result = Darien.run(
                        "reproduce", "2411.10397", "--data", "samples", "--quick", "--seeds", "2", "--json")
                .json();

        assertThat((List<?>) result.get("claims")).hasSize(5 + 2 * 3 + 1).allSatisfy(claim -> assertThat(
                        RunRecord.object(claim))
                .extractingByKey("verdict")
                .isIn("holds", "does not hold", "not testable"));
        List<?> rows = (List<?>)
                RunRecord.object(((List<?>) result.get("tables")).getFirst()).get("rows");
        assertThat(rows).hasSize(1 + 2 * 3);
    }

    @Test
    void missingDataIsRefusedWithWhatMakesIt() throws IOException {
        Darien.run("reproduce", "2212.06145", "--data", folder).refused("digits.safetensors", "ci/digits");
        Darien.run("reproduce", "2212.06145", "--data", folder.resolve("none")).refused("none is no folder");
        Path file = Files.createFile(folder.resolve("digits.safetensors"));
        Darien.run("reproduce", "2212.06145", "--data", file).refused("is no folder");
        Darien.run("reproduce", "2212.06145", "--data", folder).refused("digits.safetensors");
    }

    /** On images of ten kinds, each with its own two bright lines. */
    @Test
    void aQuickRunSettlesEveryClaimInOneOfThreeWords() throws IOException {
        int count = 600;
        int side = 13;
        double[] pixels = new double[count * side * side];
        double[] labels = new double[count];
        for (int i = 0; i < count; i++) {
            labels[i] = i % 10;
            for (int x = 0; x < side; x++) {
                pixels[(i * side + i % 10) * side + x] = 255;
                pixels[(i * side + i % 7) * side + x] = 100;
            }
        }
        SafetensorsFiles.write(
                folder.resolve("digits.safetensors"),
                Map.of(
                        "images", new Values("U8", pixels, count, side * side),
                        "labels", new Values("U8", labels, count)));

        Map<String, Object> result = Darien.run(
                        "reproduce",
                        "2212.06145",
                        "--data",
                        folder,
                        "--quick",
                        "--seeds",
                        1,
                        "--device",
                        "cpu",
                        "--json")
                .json();

        assertThat(result).containsEntry("paper", "2212.06145").containsEntry("seeds", List.of(1));
        List<?> claims = (List<?>) result.get("claims");
        assertThat(claims).hasSize(41);
        claims.forEach(claim ->
                assertThat(RunRecord.object(claim).get("verdict")).isIn("holds", "does not hold", "not testable"));
    }
}
