// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.data.JsonFile;
import dev.darien.data.SafetensorsWriter;
import dev.darien.device.RemoteDevice;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.train.MetricsFileListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TrainCommandTest {
    @TempDir
    private Path folder;

    @Test
    void aRunPrintsOneJsonObjectAndLeavesAnSae() throws IOException {
        Path out = folder.resolve("deep/er/sae");
        Map<String, Object> json =
                Darien.train(Darien.DATA, out, "--k", 4, "--seed", 7).json();

        assertThat(json)
                .containsOnlyKeys(
                        "tokens",
                        "steps",
                        "seconds",
                        "tokens_per_second",
                        "loss",
                        "fvu",
                        "l0",
                        "dead_fraction",
                        "device",
                        "kernels",
                        "out",
                        "warnings")
                .containsEntry("tokens", 4096)
                .containsEntry("steps", 8)
                .containsEntry("l0", 4.0)
                .containsEntry("out", out.toString());
        assertThat(Darien.contents(out))
                .containsExactly("cfg.json", "darien.json", "metrics.csv", "metrics.jsonl", "sae_weights.safetensors");
        Map<String, Object> record = JsonFile.read(out.resolve("darien.json"));
        assertThat(record)
                .containsEntry("architecture", "topk")
                .containsEntry("k", 4)
                .containsEntry("seed", 7)
                .containsKeys("darien", "training", "device", "kernels", "data", "result");
        assertThat(RunRecord.object(record.get("data"))).containsKeys("hash", "rows", "width");
        assertThat(JsonFile.read(out.resolve("cfg.json")))
                .containsEntry("architecture", "topk")
                .containsEntry("k", 4);
    }

    @Test
    void metricsAreThereAsLinesAndAsATable() throws IOException {
        Path out = folder.resolve("sae");
        Map<String, Object> json = Darien.train(Darien.DATA, out, "--k", 4).json();

        List<Map<String, Object>> reports = MetricsFileListener.read(out.resolve("metrics.jsonl"));
        assertThat(reports).extracting(report -> report.get("step")).containsExactly(1, 2, 3, 4, 5, 6, 7, 8);
        assertThat(reports.getLast().get("fvu")).isEqualTo(json.get("fvu"));
        List<String> table = Files.readAllLines(out.resolve("metrics.csv"));
        assertThat(table).hasSize(9);
        assertThat(table.getFirst()).startsWith("step,tokens,loss,fvu,l0,dead_fraction");
        assertThat(table.getLast()).startsWith("8,4096,");
    }

    @Test
    void withoutJsonTheResultIsForPeople() {
        Darien.Outcome outcome = Darien.run(
                        "train", Darien.DATA, "--out", folder.resolve("sae"), Darien.SMALL, "--k", 4)
                .succeeded();

        assertThat(outcome.out())
                .contains("Trained", "fvu", "tokens per second")
                .doesNotContain("{");
        assertThat(outcome.err()).contains("step 8 of 8: 100%", "FVU", "tok/s");
    }

    @ParameterizedTest
    @CsvSource({
        "relu, --l1 0.1",
        "jumprelu, --target-l0 8",
        "batchtopk, --k 4",
        "mutual-choice, --k 4",
        "topk, --k 4",
        "gated, --target-l0 8 --resample",
        "p-anneal, --l1 0.1",
        "multi-topk, --k 4",
        "matryoshka, '--k 4 --groups 16,48 --bias-level'",
        "feature-choice, --k 4 --mutual-share 0.5",
        "groupmax, --k 4",
        "abs-topk, --k 4",
        "matching-pursuit, --k 4 --resample",
        "jumprelu, --tanh-penalty 4 --l0 0.01"
    })
    void everyArchitectureTrainsAndIsEvaluated(String architecture, String options) {
        Path out = folder.resolve("sae");
        Darien.train(Darien.DATA, out, "--arch", architecture, List.of(options.split(" ")))
                .json();

        Map<String, Object> json =
                Darien.run("evaluate", out, Darien.DATA, "--json").json();

        assertThat(json)
                .containsKeys(
                        "tokens",
                        "l0",
                        "mse",
                        "fvu",
                        "explained_variance",
                        "cosine",
                        "l2_ratio",
                        "relative_bias",
                        "dead",
                        "dead_fraction",
                        "density")
                .containsEntry("tokens", 4096);
    }

    @Test
    void aBatchTopKSaeIsAlsoEvaluatedWithItsTopK() {
        Path out = folder.resolve("sae");
        Darien.train(Darien.DATA, out, "--arch", "batchtopk", "--k", 4).json();

        Map<String, Object> own =
                Darien.run("evaluate", out, Darien.DATA, "--json").json();
        assertThat(own).containsEntry("mode", "threshold");
        assertThat(RunRecord.object(own.get("modes"))).containsOnlyKeys("topk");
        Map<String, Object> topK = Darien.run("evaluate", out, Darien.DATA, "--json", "--mode", "topk")
                .json();
        assertThat(topK).containsEntry("l0", 4.0).containsEntry("mode", "topk");
        assertThat(RunRecord.object(topK.get("modes"))).containsOnlyKeys("threshold");
        Darien.run("evaluate", out, Darien.DATA, "--mode", "topkk").refused("did you mean 'topk'?");
        Darien.run("evaluate", out, Darien.DATA, "--mode", "gradient").refused("gradient", "threshold, topk");
    }

    @Test
    void commasTrainOneSaeForEachCombinationThatMakesSense() throws IOException {
        Path out = folder.resolve("runs");
        Map<String, Object> json = Darien.train(
                        Darien.DATA, out, "--arch", "topk,jumprelu", "--k", "2,4", "--seed", "1,2", "--target-l0", 8)
                .json();

        List<String> names = ((List<?>) json.get("runs"))
                .stream()
                        .map(run -> out.relativize(Path.of(
                                        String.valueOf(RunRecord.object(run).get("out"))))
                                .toString())
                        .toList();
        assertThat(names)
                .containsExactly(
                        "arch-topk-k-2-seed-1",
                        "arch-topk-k-2-seed-2",
                        "arch-topk-k-4-seed-1",
                        "arch-topk-k-4-seed-2",
                        "arch-jumprelu-seed-1",
                        "arch-jumprelu-seed-2");
        assertThat((List<?>) json.get("runs")).allSatisfy(run -> assertThat(RunRecord.object(run))
                .containsKeys("tokens", "steps", "seconds", "loss", "fvu", "l0", "dead_fraction", "device", "kernels"));
        for (String name : names) {
            assertThat(out.resolve(name)).isDirectoryContaining("glob:**/sae_weights.safetensors");
        }
        assertThat(out.resolve("checkpoints")).doesNotExist();
        assertThat(Darien.run("inspect", out).succeeded().out()).contains("training run of 6 SAEs");
    }

    @Test
    void anSaeOfSeveralIsTheOneThatIsTrainedAlone() {
        Darien.train(Darien.DATA, folder.resolve("both"), "--k", "2,4", "--lr", "1e-3,2e-3")
                .json();
        Darien.train(Darien.DATA, folder.resolve("alone"), "--k", 4, "--lr", "1e-3")
                .json();

        assertThat(Darien.weights(folder.resolve("both/k-4-lr-1e-3")))
                .isEqualTo(Darien.weights(folder.resolve("alone")));
    }

    @Test
    void repeatedValuesAndTwoNamesOfOneArchitectureAreOneRun() {
        assertThat(Darien.train(Darien.DATA, folder.resolve("a"), "--arch", "batchtopk,mutual-choice", "--k", "4,4")
                        .json())
                .doesNotContainKey("runs");
    }

    @Test
    void aFinishedRunIsNotResumedButRepeatsItsResult() {
        Path out = folder.resolve("sae");
        Darien.Outcome first = Darien.train(Darien.DATA, out, "--k", 4);
        byte[] weights = Darien.weights(out);

        Darien.Outcome again =
                Darien.train(Darien.DATA, out, "--k", 4, "--resume").succeeded();

        assertThat(again.out()).isEqualTo(first.out());
        assertThat(again.err()).contains("is finished");
        assertThat(Darien.weights(out)).isEqualTo(weights);
        Darien.train(Darien.DATA, out, "--k", "4,5", "--resume").refused("another set of SAEs");
        Darien.train(Darien.DATA, out, "--k", 5, "--resume").refused("sparsity", "k=4", "k=5", "--overwrite");
        Darien.train("synthetic:d=16,rows=4096,seed=6", out, "--k", 4, "--resume")
                .refused("another data");
    }

    @Test
    void resumingWhatWasNeverBegunStartsAnewAndSaysSo() {
        Darien.Outcome outcome = Darien.train(Darien.DATA, folder.resolve("sae"), "--k", 4, "--resume");

        assertThat(outcome.json()).containsEntry("steps", 8);
        assertThat(outcome.err()).contains("starting anew");
    }

    @ParameterizedTest
    @ValueSource(strings = {"4", "2,4"})
    void aRunWhoseDeviceFailsSaysInOneLineWhatIsKeptAndGoesOnFromIt(String k) throws IOException {
        List<Object> options = List.of("--device", "remote", "--checkpoint-every", 3, "--k", k);
        Path whole = folder.resolve("whole");
        Path broken = folder.resolve("broken");
        Darien.train(Darien.DATA, whole, options.toArray()).json();

        RemoteDevice.loseAtCall(k.equals("4") ? 40 : 80);
        Darien.Outcome early = Darien.train(Darien.DATA, broken, options.toArray());
        assertThat(early.status()).isEqualTo(1);
        assertThat(early.err())
                .hasLineCount(1)
                .startsWith("darien: remote failed: ")
                .contains("no checkpoint yet");
        assertThat(broken).doesNotExist();

        RemoteDevice.loseAtCall(k.equals("4") ? 130 : 260);
        Darien.Outcome late = Darien.train(Darien.DATA, broken, options.toArray());
        assertThat(late.status()).isEqualTo(1);
        assertThat(late.out()).isEmpty();
        assertThat(late.err())
                .hasLineCount(1)
                .contains("REMOTE_ERROR_LOST", "the checkpoint of step ", " is kept", "--resume");
        long step = Long.parseLong(late.err().replaceFirst("(?s).*checkpoint of step (\\d+).*", "$1"));
        assertThat(step).isIn(3L, 6L);

        List<Object> resume = new ArrayList<>(options);
        resume.add("--resume");
        RemoteDevice.loseAtCall(1);
        assertThat(Darien.train(Darien.DATA, broken, resume.toArray()).err())
                .contains("the checkpoint of step " + step + " is kept");
        Darien.Outcome resumed = Darien.train(Darien.DATA, broken, resume.toArray());
        assertThat(resumed.json()).containsEntry("device", "remote");
        assertThat(resumed.err()).contains("resuming at step " + step);
        for (String run : k.equals("4") ? List.of("") : List.of("k-2", "k-4")) {
            assertThat(Darien.weights(broken.resolve(run))).isEqualTo(Darien.weights(whole.resolve(run)));
        }
    }

    @Test
    void anotherRunIsReplacedOnlyWhenAskedAndForeignFilesStay() throws IOException {
        Path out = folder.resolve("sae");
        Darien.train(Darien.DATA, out, "--k", "2,4").json();
        Files.writeString(out.resolve("notes.txt"), "mine");
        Files.createDirectories(out.resolve("other"));
        Files.writeString(out.resolve("other/darien.json"), "{}");
        List<String> before = Darien.contents(out);

        Darien.train(Darien.DATA, out, "--k", 4).refused("isn't empty", "--resume", "--overwrite");
        assertThat(Darien.contents(out)).isEqualTo(before);
        Darien.train(Darien.DATA, out, "--k", 4, "--overwrite").json();

        assertThat(Darien.contents(out))
                .containsExactly(
                        "cfg.json",
                        "darien.json",
                        "metrics.csv",
                        "metrics.jsonl",
                        "notes.txt",
                        "other",
                        "other/darien.json",
                        "sae_weights.safetensors");
        Darien.train(Darien.DATA, out, "--k", 4, "--overwrite", "--resume").refused("exclude each other");
    }

    @Test
    void rowsWithNanCanBeLeftOutAndAreCounted() {
        Path data = folder.resolve("nan.safetensors");
        try (Allocator memory = Allocator.host("test");
                Matrix rows = memory.matrix("rows", 2048, 8)) {
            for (int row = 0; row < 2048; row++) {
                for (int column = 0; column < 8; column++) {
                    rows.set(row, column, (row * 31 + column * 17) % 29);
                }
            }
            rows.set(100, 3, Float.NaN);
            rows.set(200, 0, Float.POSITIVE_INFINITY);
            new SafetensorsWriter().tensor("activations", rows).write(data);
        }
        Path out = folder.resolve("sae");

        Darien.train(data.toString(), out, "--k", 4).refused("row 100", "column 3", "NaN", "nan.safetensors");
        assertThat(out).doesNotExist();
        Darien.Outcome skipped = Darien.train(data.toString(), out, "--k", 4, "--on-nan", "skip", "--report");

        assertThat(skipped.json()).containsEntry("skipped_rows", 2);
        assertThat(skipped.err()).contains("2 of 2048 rows");
        assertThat(out.resolve("report.html")).isNotEmptyFile();
    }

    @Test
    void severalFilesAreOneSetOfData() {
        Path first = folder.resolve("a.safetensors");
        Path second = folder.resolve("b.safetensors");
        try (Allocator memory = Allocator.host("test");
                Matrix rows = memory.matrix("rows", 300, 8)) {
            for (int row = 0; row < 300; row++) {
                rows.set(row, row % 8, row);
            }
            new SafetensorsWriter().tensor("activations", rows).write(first);
            new SafetensorsWriter().tensor("activations", rows).write(second);
        }
        Path out = folder.resolve("sae");

        Darien.run("train", first, second, "--out", out, Darien.SMALL, "--k", 2).succeeded();

        assertThat(RunRecord.object(JsonFile.read(out.resolve("darien.json")).get("data")))
                .containsEntry("rows", 600);
        Darien.run("train", first, "--out", folder.resolve("few"), Darien.SMALL, "--k", 2)
                .refused("300", "fewer than one batch of 512");
    }
}
