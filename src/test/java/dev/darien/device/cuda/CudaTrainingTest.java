// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.Precision;
import dev.darien.eval.Evaluation;
import dev.darien.eval.Evaluator;
import dev.darien.sae.Sae;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import dev.darien.train.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole runs on real activations: the GPU's against the CPU's, and against itself. */
@Tag("cuda")
class CudaTrainingTest {
    private static final Path SAMPLE = Path.of("samples", "tiny-lm.safetensors");
    private static final Path HELD_OUT = Path.of("samples", "tiny-lm-heldout.safetensors");
    private static final int STEPS = 200;
    private static final int BATCH = 32;
    private static final int LATENTS = 128;

    /** What has been trained: device, precision and architecture. Each is trained once for all tests. */
    @TempDir
    static Path folder;

    private static TrainingOptions options(String arch) {
        Recipe recipe = Recipe.of(arch)
                .latents(LATENTS)
                .tokens((long) STEPS * BATCH)
                .batch(BATCH)
                .seed(3);
        if (arch.contains("topk")) {
            recipe.k(8);
        } else {
            recipe.targetL0(12);
        }
        return recipe.build(128);
    }

    private static ActivationSource sample(Path file) {
        return ActivationSources.open(List.of(file), "activations");
    }

    /** Where the SAE is that {@code name} trained. */
    private static Path trained(String name, Precision precision, String arch) {
        Path to = folder.resolve(name.replace(':', '-') + "-" + precision.id() + "-" + arch);
        if (!Files.exists(to)) {
            train(name, precision, arch, to);
        }
        return to;
    }

    private static void train(String name, Precision precision, String arch, Path to) {
        try (Device device = Devices.open(name, new DeviceOptions(0, precision));
                ActivationSource data = sample(SAMPLE);
                Trainer trainer = new Trainer(device, data, List.of(options(arch)))) {
            trainer.train();
            try (Sae sae = trainer.sae(0)) {
                sae.save(to);
            }
        }
    }

    private static Evaluation evaluate(String name, Path saved) {
        try (Device device = Device.open(name);
                Sae sae = Sae.load(saved, device);
                ActivationSource data = sample(HELD_OUT);
                ActivationSource part = data.slice(0, Math.min(2048, data.rows()))) {
            return Evaluator.evaluate(sae, part);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"topk", "batchtopk", "jumprelu", "relu"})
    void aRunEndsWithinOnePercentOfTheCpus(String arch) {
        Evaluation onGpu = evaluate("cpu", trained("cuda:0", Precision.FP32, arch));
        Evaluation onCpu = evaluate("cpu", trained("cpu", Precision.FP32, arch));
        assertThat(onGpu.fvu()).isCloseTo(onCpu.fvu(), Percentage.withPercentage(1));
        assertThat(onGpu.fvu()).isLessThan(0.9);
    }

    /** The same saved SAE on both kinds of device. */
    @ParameterizedTest
    @ValueSource(strings = {"topk", "jumprelu"})
    void whatTheGpuTrainedIsEvaluatedAlikeOnBoth(String arch) {
        Path saved = trained("cuda:0", Precision.FP32, arch);
        Evaluation gpu = evaluate("cuda:0", saved);
        Evaluation cpu = evaluate("cpu", saved);
        assertThat(gpu.fvu()).isCloseTo(cpu.fvu(), Percentage.withPercentage(0.01));
        assertThat(gpu.mse()).isCloseTo(cpu.mse(), Percentage.withPercentage(0.01));
        assertThat(gpu.l0()).isCloseTo(cpu.l0(), Percentage.withPercentage(0.01));
    }

    @Test
    void twoRunsGiveTheSameBits() throws IOException {
        for (String arch : List.of("topk", "batchtopk", "jumprelu")) {
            Path first = trained("cuda:0", Precision.FP32, arch);
            Path second = folder.resolve("again-" + arch);
            train("cuda:0", Precision.FP32, arch, second);
            assertThat(Files.mismatch(
                            first.resolve("sae_weights.safetensors"), second.resolve("sae_weights.safetensors")))
                    .as(arch)
                    .isEqualTo(-1);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Precision.class,
            names = {"TF32", "BF16"})
    void roundedProductsTrainNearlyAsWell(Precision precision) {
        assertThat(evaluate("cpu", trained("cuda:0", precision, "topk")).fvu())
                .isCloseTo(
                        evaluate("cpu", trained("cuda:0", Precision.FP32, "topk"))
                                .fvu(),
                        Percentage.withPercentage(5));
    }
}
