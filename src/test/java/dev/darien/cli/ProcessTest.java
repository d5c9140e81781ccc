// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.train.MetricsFileListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What only shows in a process of its own: signals, exit status, streams, full disks. */
class ProcessTest {
    private static final List<String> LONG = List.of(
            "--arch",
            "batchtopk",
            "--k",
            "4",
            "--latents",
            "128",
            "--tokens",
            "204800",
            "--batch",
            "512",
            "--seed",
            "4");

    @TempDir
    private Path folder;

    @Test
    void aKilledRunThatIsResumedEndsWithTheSameBytes() throws Exception {
        Path whole = folder.resolve("whole");
        Path broken = folder.resolve("broken");
        Darien.run("train", Darien.DATA, "--out", whole, LONG, "--no-progress").succeeded();

        Process process = Darien.start(
                folder,
                Darien.command(
                        List.of(), train(broken, "--checkpoint-every", "20").toArray()));
        await(process, () -> hasCheckpoint(broken));
        process.destroyForcibly();
        process.waitFor();
        assertThat(broken.resolve("darien.json")).as("killed before the end").doesNotExist();
        // As a process that is killed while it writes leaves them.
        Files.writeString(broken.resolve("checkpoints/.step-000000000099.safetensors.1-2f.tmp"), "half");
        Files.writeString(broken.resolve("metrics.jsonl"), "{\"step\":", java.nio.file.StandardOpenOption.APPEND);
        Darien.run("train", Darien.DATA, "--out", broken, LONG, "--seed", 9, "--no-progress", "--resume")
                .refused("other SAEs", "a single one", "seed-4", "seed-9");
        List<String> other = new ArrayList<>(LONG);
        other.set(other.indexOf("--k") + 1, "5");
        Darien.run("train", Darien.DATA, "--out", broken, other, "--no-progress", "--resume")
                .refused("sparsity");
        Darien.Outcome resumed = Darien.run("train", Darien.DATA, "--out", broken, LONG, "--no-progress", "--resume")
                .succeeded();

        assertThat(resumed.err()).contains("resuming at step");
        assertThat(Darien.weights(broken)).isEqualTo(Darien.weights(whole));
        assertThat(Darien.contents(broken)).isEqualTo(Darien.contents(whole));
        assertThat(steps(broken)).isEqualTo(steps(whole));
    }

    @Test
    void interruptsWriteACheckpointFirst() throws Exception {
        // INT may be ignored where the tests run in the background of a shell; a process inherits that.
        interrupted(List.of("env", "--default-signal=INT"), "INT", List.of("--k", "4"));
        interrupted(List.of(), "TERM", List.of("--k", "2,4"));
    }

    private void interrupted(List<String> before, String signal, List<String> options) throws Exception {
        Path out = folder.resolve(signal);
        Process process = Darien.start(
                folder,
                Darien.command(
                        before,
                        "train",
                        Darien.DATA,
                        "--out",
                        out,
                        "--arch",
                        "topk",
                        options,
                        "--latents",
                        "64",
                        "--tokens",
                        "4000000000",
                        "--batch",
                        "512"));
        await(process, () -> Darien.runs(out, "metrics.jsonl") == options.get(1).split(",").length);
        // The shell's own: a small machine has no program of that name.
        assertThat(new ProcessBuilder("sh", "-c", "kill -" + signal + " " + process.pid())
                        .start()
                        .waitFor())
                .isZero();
        Darien.Outcome outcome = Darien.await(folder, process);

        assertThat(outcome.status()).as(outcome.err()).isEqualTo(130);
        assertThat(outcome.out()).isEmpty();
        assertThat(outcome.err().strip().lines()).hasSize(1);
        assertThat(outcome.err()).contains("interrupted at step", "--resume");
        assertThat(hasCheckpoint(out)).isTrue();
        assertThat(Darien.run("inspect", out).succeeded().out()).contains("unfinished training run");
    }

    @Test
    void theNumberOfThreadsDoesntChangeABit() throws Exception {
        for (int threads = 1; threads <= 3; threads++) {
            Darien.train(Darien.DATA, folder.resolve("t" + threads), "--k", 4, "--seed", 3, "--threads", threads)
                    .json();
        }

        assertThat(Darien.weights(folder.resolve("t2"))).isEqualTo(Darien.weights(folder.resolve("t1")));
        assertThat(Darien.weights(folder.resolve("t3"))).isEqualTo(Darien.weights(folder.resolve("t1")));
    }

    @Test
    void aFullDiskIsOneLineAndLeavesNothing() throws Exception {
        Path out = folder.resolve("full");
        // A limit on the size of files stands in for the disk: the weights are larger.
        Process process = Darien.start(
                folder,
                Darien.command(
                        List.of("bash", "-c", "ulimit -f 64; exec \"$@\"", "bash"),
                        "train",
                        "synthetic:d=64,rows=2048",
                        "--out",
                        out,
                        "--latents",
                        "512",
                        "--k",
                        "8",
                        "--tokens",
                        "4096",
                        "--no-progress"));
        Darien.Outcome outcome = Darien.await(folder, process);

        outcome.refused("sae_weights.safetensors can't be written");
        assertThat(outcome.err().strip().lines()).hasSize(1);
        assertThat(out).doesNotExist();
    }

    @Test
    void anUnavailableDeviceIsStatusThreeAndNoStackTraceIsShown() throws Exception {
        Path out = folder.resolve("sae");
        Darien.Outcome outcome = Darien.spawn(folder, "train", Darien.DATA, "--out", out, "--device", "cuda:77");

        assertThat(outcome.status()).isEqualTo(3);
        assertThat(outcome.err()).startsWith("darien: ").contains("cuda:77").doesNotContain("Exception", "\tat ");
        assertThat(outcome.out()).isEmpty();
        assertThat(out).doesNotExist();
    }

    @Test
    void theDemoWritesAnSaeAndAReportAndReplacesOnlyItself() throws Exception {
        Map<String, Object> json =
                Darien.spawn(folder, "demo", "--tokens", 51200, "--json").json();

        assertThat((double) json.get("fvu")).isBetween(0.0, 0.5);
        Path demo = folder.resolve("darien-demo");
        assertThat(demo.resolve("sae/sae_weights.safetensors")).isNotEmptyFile();
        assertThat(demo.resolve("report.html")).isNotEmptyFile();
        Darien.Outcome again = Darien.spawn(folder, "demo", "--tokens", 2048).succeeded();
        assertThat(again.out()).contains("FVU", "SAE:", "Report:");
        Path mine = Files.createDirectories(folder.resolve("mine"));
        Files.writeString(mine.resolve("thesis.txt"), "precious");
        Darien.spawn(folder, "demo", "--out", "mine").refused("mine", "wasn't made by a demo");
        assertThat(Darien.contents(mine)).containsExactly("thesis.txt");
    }

    private static List<String> train(Path out, String... options) {
        List<String> words = new ArrayList<>(List.of("train", Darien.DATA, "--out", out.toString(), "--no-progress"));
        words.addAll(LONG);
        words.addAll(List.of(options));
        return words;
    }

    private static List<Object> steps(Path sae) {
        return MetricsFileListener.read(sae.resolve("metrics.jsonl")).stream()
                .map(report -> report.get("step"))
                .toList();
    }

    private static boolean hasCheckpoint(Path out) {
        try {
            return Darien.contents(out.resolve("checkpoints")).stream()
                    .anyMatch(name -> name.matches("(.*/)?step-\\d+\\.json"));
        } catch (IOException | java.io.UncheckedIOException changing) {
            // A checkpoint was removed while it was listed.
            return false;
        }
    }

    private static void await(Process process, BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
        while (!condition.getAsBoolean()) {
            assertThat(process.isAlive()).as("still running").isTrue();
            assertThat(System.nanoTime()).as("time").isLessThan(end);
            Thread.sleep(5);
        }
    }
}
