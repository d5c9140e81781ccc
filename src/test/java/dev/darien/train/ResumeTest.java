// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.data.ActivationSource;
import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** A run that was interrupted and resumed ends with the bits of one that wasn't, or is refused with a reason. */
@Tag("device")
class ResumeTest {
    private static final int WIDTH = 9;
    private static final int BATCH = 16;
    private static final int STEPS = 60;
    private static final float[][] DATA = ArraySource.sparseSums(250, WIDTH, 20, 3, 12);
    private static final String[] ARCHITECTURES = TestOptions.ARCHITECTURES;

    @TempDir
    Path folder;

    /** What a run came to: the weights' bits of each SAE, and its last report without times. */
    private record Outcome(List<List<Integer>> weights, List<String> reports) {}

    @ParameterizedTest
    @FieldSource("ARCHITECTURES")
    void aResumedRunEndsWithTheSameBits(String architecture) {
        List<TrainingOptions> runs = List.of(options(architecture, 3));
        Outcome straight = run(runs, 0, Integer.MAX_VALUE);
        long seed = architecture.hashCode();
        Random random = new Random(seed);
        for (int trial = 0; trial < 3; trial++) {
            int first = 1 + random.nextInt(STEPS - 2);
            int second = first + 1 + random.nextInt(STEPS - first - 1);
            clear();
            run(runs, 0, first);
            run(runs, 0, second);
            assertThat(run(runs, 0, Integer.MAX_VALUE))
                    .as("interrupted at %d and %d, seed %d", first, second, seed)
                    .isEqualTo(straight);
        }
    }

    @Test
    void severalSaesResumeTogether() {
        List<TrainingOptions> runs =
                Arrays.stream(ARCHITECTURES).map(name -> options(name, 3)).toList();
        Outcome straight = run(runs, 0, Integer.MAX_VALUE);
        clear();
        run(runs, 10, 37);
        assertThat(run(runs, 10, Integer.MAX_VALUE)).isEqualTo(straight);
    }

    @Test
    void aDamagedCheckpointIsPassedOverForTheOneBefore() throws IOException {
        List<TrainingOptions> runs = List.of(options("batchtopk", 3), options("jumprelu", 3));
        Outcome straight = run(runs, 0, Integer.MAX_VALUE);
        long seed = 99;
        Random random = new Random(seed);
        for (String suffix : new String[] {".json", ".safetensors"}) {
            for (int trial = 0; trial < 4; trial++) {
                clear();
                run(runs, 20, 45);
                int run = random.nextInt(2);
                Path newest = checkpoint(run, 45, suffix);
                byte[] bytes = Files.readAllBytes(newest);
                // Neither the line's end behind the object nor the bit that makes 1e-8 of 1E-8: they damage nothing.
                int at = trial == 0 ? 0 : random.nextInt(bytes.length - 1);
                bytes[at] ^= (byte) (1 << random.nextInt(5));
                Files.write(newest, bytes);
                List<Long> resumed = new ArrayList<>();
                Outcome outcome = run(runs, 20, Integer.MAX_VALUE, new ArraySource(DATA), resumed);
                assertThat(resumed)
                        .as("byte %d of %s, seed %d", at, newest.getFileName(), seed)
                        .containsExactly(40L);
                assertThat(outcome).isEqualTo(straight);
            }
        }
    }

    @Test
    void aTruncatedCheckpointIsPassedOver() throws IOException {
        List<TrainingOptions> runs = List.of(options("topk", 3));
        run(runs, 20, 45);
        Path newest = checkpoint(0, 45, ".safetensors");
        byte[] bytes = Files.readAllBytes(newest);
        Files.write(newest, Arrays.copyOf(bytes, bytes.length - 1));
        assertThat(resume(runs)).isEqualTo(40);
        Files.delete(newest);
        assertThat(resume(runs)).isEqualTo(40);
        Files.write(checkpoint(0, 40, ".json"), new byte[0]);
        assertThat(resume(runs)).isZero();
    }

    /** After a crash between its two files a checkpoint has data but no manifest. */
    @Test
    void aHalfWrittenCheckpointIsIgnored() throws IOException {
        List<TrainingOptions> runs = List.of(options("topk", 3));
        run(runs, 20, 45);
        Files.delete(checkpoint(0, 45, ".json"));
        assertThat(resume(runs)).isEqualTo(40);
    }

    @Test
    void whatACrashHasLeftIsRemovedWithTheRest() throws IOException {
        List<TrainingOptions> runs = List.of(options("topk", 3));
        run(runs, 20, 45);
        Files.delete(checkpoint(0, 45, ".json"));
        Path aside = Files.createFile(store(0).resolve(".step-000000000050.safetensors.7-1f.tmp"));
        Path other = Files.createFile(store(0).resolve("notes.txt"));
        run(runs, 0, 42);
        assertThat(aside).doesNotExist();
        assertThat(checkpoint(0, 45, ".safetensors")).doesNotExist();
        assertThat(checkpoint(0, 42, ".safetensors")).exists();
        Files.delete(other);
        clear();
        assertThat(store(0)).doesNotExist();
    }

    @Test
    void filesThatMerelyLookLikeCheckpointsAreIgnored() throws IOException {
        List<TrainingOptions> runs = List.of(options("topk", 3));
        run(runs, 20, 45);
        Files.writeString(store(0).resolve("step-99999999999999999999999.json"), "{}");
        Files.writeString(store(0).resolve("step-x.json"), "{}");
        Files.writeString(store(0).resolve("step-000000000050.json"), "null");
        assertThat(resume(runs)).isEqualTo(45);
    }

    @Test
    void onlyTheNewestTwoCheckpointsAreKept() throws IOException {
        List<TrainingOptions> runs = List.of(options("topk", 3));
        run(runs, 10, 45);
        try (Stream<Path> files = Files.list(store(0))) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "step-000000000040.json",
                            "step-000000000040.safetensors",
                            "step-000000000045.json",
                            "step-000000000045.safetensors");
        }
    }

    /** Else new checkpoints, older by their number, would be the ones that are removed. */
    @Test
    void afterBothCheckpointsAreDamagedNewOnesAreWrittenAndKept() throws IOException {
        List<TrainingOptions> runs = List.of(options("topk", 3));
        Outcome straight = run(runs, 0, Integer.MAX_VALUE);
        clear();
        run(runs, 20, 45);
        for (int step : new int[] {40, 45}) {
            Files.write(checkpoint(0, step, ".safetensors"), new byte[8]);
        }
        run(runs, 10, 15);
        List<Long> resumed = new ArrayList<>();
        assertThat(run(runs, 10, Integer.MAX_VALUE, new ArraySource(DATA), resumed))
                .isEqualTo(straight);
        assertThat(resumed).containsExactly(15L);
    }

    @Test
    void anotherOptionIsRefusedByName() {
        TrainingOptions options = options("topk", 3);
        run(List.of(options), 0, 20);
        refused(TestOptions.with(options, "seed", 4L), "seed", "3", "4");
        refused(TestOptions.with(options, "learningRate", 0.5), "learningRate", "0.5");
        refused(TestOptions.with(options, "latents", 41), "latents", "41");
        refused(TestOptions.with(options, "tokens", options.tokens() + BATCH), "tokens");
        refused(TestOptions.with(options, "auxiliary", new Auxiliary.None()), "auxiliary");
        refused(TestOptions.with(options, "biasInit", BiasInit.ZERO), "biasInit", "ZERO");
    }

    @Test
    void otherDataIsRefused() {
        List<TrainingOptions> runs = List.of(options("topk", 3));
        run(runs, 0, 20);
        float[][] other = ArraySource.sparseSums(250, WIDTH, 20, 3, 13);
        assertThatThrownBy(() -> run(runs, 0, Integer.MAX_VALUE, new ArraySource(other), null))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("another data");
    }

    @Test
    void otherKernelsAreRefused() {
        TrainingOptions options = options("topk", 3);
        run(List.of(options), 0, 20);
        try (Device device = Device.open("cpu:scalar");
                Trainer trainer = new Trainer(device, new ArraySource(DATA), List.of(options))) {
            trainer.checkpointTo(List.of(store(0)), 0);
            assertThatThrownBy(trainer::resume)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("another kernels")
                    .hasMessageContaining("scalar");
        }
    }

    @Test
    void withoutACheckpointARunStartsAnew() {
        assertThat(resume(List.of(options("topk", 3)))).isZero();
    }

    private void refused(TrainingOptions other, String... words) {
        assertThatThrownBy(() -> resume(List.of(other)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("another " + words[0])
                .hasMessageContainingAll(words)
                .hasMessageContaining("--overwrite");
    }

    private static TrainingOptions options(String architecture, long seed) {
        TrainingOptions options = TestOptions.recipe(architecture)
                .latents(40)
                .batch(BATCH)
                .tokens(STEPS * BATCH)
                .learningRate(3e-3)
                .kWarmup(architecture.endsWith("topk") ? 15 : 0)
                .seed(seed)
                .build(WIDTH);
        return TestOptions.with(options, "deadAfterTokens", 4L * BATCH);
    }

    private long resume(List<TrainingOptions> runs) {
        try (Device device = Device.open(TestDevices.training());
                Trainer trainer = new Trainer(device, new ArraySource(DATA), runs)) {
            trainer.checkpointTo(stores(runs.size()), 0);
            return trainer.resume();
        }
    }

    private Outcome run(List<TrainingOptions> runs, long checkpointEvery, int until) {
        return run(runs, checkpointEvery, until, TestOptions.source(DATA, runs), null);
    }

    /** Resumes if there is something to resume, and interrupts itself once step {@code until} is done. */
    private Outcome run(
            List<TrainingOptions> runs,
            long checkpointEvery,
            int until,
            ActivationSource source,
            @Nullable List<Long> resumedAt) {
        try (Device device = Device.open(TestDevices.training());
                Trainer trainer = new Trainer(device, source, runs)) {
            trainer.checkpointTo(stores(runs.size()), checkpointEvery);
            trainer.addListener((run, metrics) -> {
                if (metrics.step() == until) {
                    trainer.interrupt();
                }
            });
            long from = trainer.resume();
            if (resumedAt != null) {
                resumedAt.add(from);
            }
            TrainingResult result = trainer.train();
            assertThat(result.finished()).isEqualTo(until > STEPS);
            assertThat(result.steps()).isEqualTo(Math.min(until, STEPS));
            List<List<Integer>> weights = new ArrayList<>();
            List<String> reports = new ArrayList<>();
            for (int run = 0; run < runs.size(); run++) {
                weights.add(WeightBytes.of(trainer, run));
                TrainingMetrics metrics = trainer.metrics(run);
                reports.add(metrics.step() + " " + metrics.loss() + " " + metrics.l0() + " " + metrics.deadFraction()
                        + " " + metrics.auxiliaryLoss() + " " + metrics.penaltyCoefficient());
            }
            return new Outcome(weights, reports);
        }
    }

    private List<Path> stores(int count) {
        List<Path> stores = new ArrayList<>();
        for (int run = 0; run < count; run++) {
            stores.add(store(run));
        }
        return stores;
    }

    private Path store(int run) {
        return folder.resolve("run-" + run);
    }

    private Path checkpoint(int run, int step, String suffix) {
        return store(run).resolve("step-%012d%s".formatted(step, suffix));
    }

    private void clear() {
        for (int run = 0; run < ARCHITECTURES.length; run++) {
            new CheckpointStore(store(run)).clear();
        }
    }
}
