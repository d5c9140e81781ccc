// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.device.Device;
import dev.darien.device.DeviceException;
import dev.darien.device.RemoteDevice;
import dev.darien.eval.Evaluation;
import dev.darien.eval.Evaluator;
import dev.darien.sae.Sae;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * On a device whose memory Java can't reach and that does nothing before somebody waits, everything comes out as on the
 * CPU whose kernels it has, to the last bit.
 */
class RemoteTrainingTest {
    private static final int WIDTH = 13;
    private static final int LATENTS = 150;
    private static final int BATCH = 32;
    private static final int STEPS = 40;
    private static final float[][] DATA = ArraySource.sparseSums(700, WIDTH, 40, 2, 8);
    private static final String[] ARCHITECTURES = TestOptions.ARCHITECTURES;

    @TempDir
    Path folder;

    private record Outcome(List<byte[]> files, Evaluation evaluation, List<Double> losses) {}

    private static TrainingOptions options(String architecture, double clip) {
        TrainingOptions options = TestOptions.recipe(architecture)
                .latents(LATENTS)
                .batch(BATCH)
                .tokens(STEPS * BATCH)
                .learningRate(3e-3)
                .biasInit(BiasInit.GEOMETRIC_MEDIAN)
                .clip(clip)
                .build(WIDTH);
        return TestOptions.with(options, "deadAfterTokens", 4L * BATCH);
    }

    @ParameterizedTest
    @FieldSource("ARCHITECTURES")
    void everythingComesOutAsOnTheCpu(String architecture) throws IOException {
        for (double clip : new double[] {0, 0.5}) {
            List<TrainingOptions> runs = List.of(options(architecture, clip), options("topk", 0));
            Outcome here = train("cpu:vector", runs);
            Outcome there = train(RemoteDevice.NAME, runs);
            assertThat(there.files()).hasSameSizeAs(here.files()).hasSize(6);
            for (int file = 0; file < here.files().size(); file++) {
                assertThat(there.files().get(file))
                        .as("file %d", file)
                        .isEqualTo(here.files().get(file));
            }
            assertThat(there.evaluation()).isEqualTo(here.evaluation());
            assertThat(there.losses()).isEqualTo(here.losses());
        }
    }

    /** Interrupted and resumed half-way. */
    private Outcome train(String name, List<TrainingOptions> runs) throws IOException {
        Path out = Files.createTempDirectory(folder, "run");
        List<Path> stores = List.of(out.resolve("checkpoints-0"), out.resolve("checkpoints-1"));
        List<Double> losses = new ArrayList<>();
        for (int until : new int[] {STEPS / 2, STEPS + 1}) {
            try (Device device = Device.open(name);
                    Trainer trainer = new Trainer(device, TestOptions.source(DATA, runs), runs)) {
                trainer.checkpointTo(stores, 15);
                assertThat(trainer.resume()).isEqualTo(until > STEPS ? STEPS / 2 : 0);
                trainer.addListener((run, metrics) -> {
                    losses.add(metrics.loss());
                    if (metrics.step() == until) {
                        trainer.interrupt();
                    }
                });
                assertThat(trainer.train().finished()).isEqualTo(until > STEPS);
                if (until > STEPS) {
                    return outcome(out, trainer, losses);
                }
            }
        }
        throw new AssertionError();
    }

    private static Outcome outcome(Path out, Trainer trainer, List<Double> losses) throws IOException {
        List<byte[]> files = new ArrayList<>();
        Evaluation evaluation;
        try (Sae sae = trainer.sae(0)) {
            sae.save(out.resolve("sae"));
            try (Sae loaded = Sae.load(out.resolve("sae"), sae.device())) {
                evaluation = Evaluator.evaluate(loaded, new ArraySource(DATA));
                loaded.save(out.resolve("again"));
            }
        }
        for (String file : List.of(
                "sae/sae_weights.safetensors",
                "sae/cfg.json",
                "again/sae_weights.safetensors",
                "again/cfg.json",
                "checkpoints-0/step-000000000030.safetensors",
                "checkpoints-1/step-000000000030.safetensors")) {
            files.add(Files.readAllBytes(out.resolve(file)));
        }
        return new Outcome(files, evaluation, losses);
    }

    @Test
    void aDeviceThatIsLostIsTheReasonAndLeavesNothingBehind() {
        List<TrainingOptions> runs = List.of(options("batchtopk", 0.5), options("topk", 0));
        List<Long> ends = new ArrayList<>();
        try (Device device = Device.open(RemoteDevice.NAME)) {
            trainAndSave((RemoteDevice) device, runs, ends);
        }
        // While the trainer is made, in its steps, and when the SAE is made.
        long made = ends.get(0);
        long trained = ends.get(1);
        assertThat(ends.get(2)).isEqualTo(trained + 5);
        for (long call : List.of(1L, 2L, made, made + 1, (made + trained) / 2, trained, trained + 1, trained + 5)) {
            RemoteDevice.loseAtCall(call);
            try (Device device = Device.open(RemoteDevice.NAME)) {
                assertThatThrownBy(() -> trainAndSave((RemoteDevice) device, runs, ends))
                        .as("lost at call %d", call)
                        .isInstanceOf(DeviceException.class)
                        .hasMessageContaining("REMOTE_ERROR_LOST")
                        .satisfies(e ->
                                assertThat(((DeviceException) e).deviceLost()).isTrue());
                assertThat(device.memory().allocatedBytes()).as("bytes left").isZero();
            }
        }
    }

    private void trainAndSave(RemoteDevice device, List<TrainingOptions> runs, List<Long> ends) {
        try (Trainer trainer = new Trainer(device, new ArraySource(DATA), runs)) {
            ends.add(device.calls());
            trainer.checkpointTo(List.of(folder.resolve("0"), folder.resolve("1")), 10);
            trainer.train();
            ends.add(device.calls());
            try (Sae sae = trainer.sae(0)) {
                ends.add(device.calls());
                sae.save(folder.resolve("sae"));
            }
        }
    }

    /** Starting weights are made in blocks of 5 MB; a matrix here takes 13. */
    @Test
    void filesNeedHostMemoryForOneMatrixAtATime() {
        int latents = 200_000;
        long matrix = latents * 16L * Float.BYTES;
        TrainingOptions options = TestOptions.with(options("topk", 0), "latents", latents, "tokens", 4L * BATCH);
        try (Device device = Device.open(RemoteDevice.NAME);
                Trainer trainer = new Trainer(device, new ArraySource(DATA), List.of(options))) {
            trainer.checkpointTo(List.of(folder.resolve("checkpoints")), 2);
            trainer.train();
            long peak = ((RemoteDevice) device).stagingPeak();
            assertThat(peak).as("peak of training and checkpoints").isLessThan(matrix / 2);
            try (Sae sae = trainer.sae(0)) {
                sae.save(folder.resolve("sae"));
            }
            assertThat(((RemoteDevice) device).stagingPeak())
                    .as("peak of saving, which turns the encoder over")
                    .isBetween(matrix, matrix + peak);
        }
    }
}
