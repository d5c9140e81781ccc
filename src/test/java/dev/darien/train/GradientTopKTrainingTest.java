// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataCheck;
import dev.darien.data.DataException;
import dev.darien.data.OnNan;
import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import dev.darien.eval.Evaluation;
import dev.darien.eval.Evaluator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.Inference;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Sae;
import dev.darien.sae.TopK;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training by gradients, and what its SAEs can be used with afterwards. */
@Tag("device")
class GradientTopKTrainingTest {
    private static final int WIDTH = 16;
    private static final float[][] DATA = ArraySource.sparseSums(1200, WIDTH, 30, 3, 21);
    private static final float[][] ROWS = TestOptions.withGradients(DATA);

    @TempDir
    Path folder;

    private static Recipe recipe(String architecture) {
        return TestOptions.recipe(architecture)
                .latents(64)
                .batch(64)
                .tokens(20 * 64)
                .learningRate(3e-3)
                .seed(4);
    }

    private static List<Integer> bits(float[][] data, Recipe recipe) {
        TrainingOptions options = recipe.build(WIDTH);
        try (Device device = Device.open(TestDevices.training());
                Trainer trainer = new Trainer(device, new ArraySource(data), List.of(options))) {
            trainer.train();
            return WeightBytes.of(trainer, 0);
        }
    }

    private static float[][] scaled(double input, double gradient) {
        float[][] rows = new float[ROWS.length][2 * WIDTH];
        for (int row = 0; row < rows.length; row++) {
            for (int column = 0; column < 2 * WIDTH; column++) {
                rows[row][column] = (float) (ROWS[row][column] * (column < WIDTH ? input : gradient));
            }
        }
        return rows;
    }

    @Test
    void aBetaOfZeroIsTopKToTheBit() {
        List<Integer> topK = bits(DATA, recipe("topk"));
        // Behind its weights the other one has a threshold for each latent.
        assertThat(bits(ROWS, recipe("gradient-topk").beta(0)).subList(0, topK.size()))
                .isEqualTo(topK);
        assertThat(bits(ROWS, recipe("gradient-topk")).subList(0, topK.size())).isNotEqualTo(topK);
    }

    @Test
    void theScaleOfTheLossMattersOnlyToARawBeta() {
        assertThat(bits(scaled(1, 8), recipe("gradient-topk"))).isEqualTo(bits(ROWS, recipe("gradient-topk")));
        Recipe raw = recipe("gradient-topk").rawBeta();
        assertThat(bits(scaled(1, 8), raw.beta(1))).isEqualTo(bits(ROWS, raw.beta(8)));
        assertThat(bits(scaled(1, 8), raw.beta(1))).isNotEqualTo(bits(ROWS, raw.beta(1)));
    }

    /** The input's scale in training is no part of a raw β: gradients are those by activations as they come. */
    @Test
    void aRawBetaIsForUnscaledActivations() {
        TrainingOptions options = TestOptions.with(
                recipe("gradient-topk").rawBeta().beta(0.01).build(WIDTH), "scaling", InputScaling.NONE);
        float[][] plain = java.util.Arrays.copyOf(scaled(2, 1), 64);
        float[][] halved = java.util.Arrays.copyOf(ROWS, 64);
        try (LearnerFixture scaled = new LearnerFixture(TestDevices.training(), options, WIDTH, 2);
                LearnerFixture unscaled = new LearnerFixture(TestDevices.training(), options, WIDTH, 1)) {
            for (int step = 0; step < 4; step++) {
                scaled.train(halved);
                unscaled.train(plain);
            }
            LearnerFixture.assertClose("encoder", scaled.get("encoder"), unscaled.get("encoder"));
        }
    }

    @Test
    void betaRisesOverTheSparsityWarmUp() {
        GradientTopK last = new GradientTopK(4, 3, true);
        assertThat(GradientStep.rule(last, 0, 10)).isEqualTo(last.withBeta(0));
        assertThat(GradientStep.rule(last, 5, 10)).isEqualTo(last.withBeta(1.5f));
        assertThat(GradientStep.rule(last, 10, 10)).isEqualTo(last);
        assertThat(GradientStep.rule(last, 0, 0)).isEqualTo(last);
        assertThat(recipe("gradient-topk").build(WIDTH).sparsityWarmupSteps()).isEqualTo(1);
    }

    @Tag("long")
    @Test
    void gradientsHaveNoPartInMeansAndScales() {
        try (Device device = Device.open(TestDevices.training());
                Trainer trainer = new Trainer(
                        device,
                        new ArraySource(scaled(1, 1e6)),
                        List.of(
                                recipe("gradient-topk")
                                        .resample()
                                        .tokens(400 * 64)
                                        .build(WIDTH),
                                recipe("topk").tokens(400 * 64).build(WIDTH)))) {
            trainer.train();
            assertThat(trainer.metrics(0).fvu()).isLessThan(0.5);
            assertThat(trainer.metrics(1).fvu()).isLessThan(0.5);
        }
    }

    @Test
    void aRowWhoseGradientIsNotANumberIsFound() {
        float[][] rows = scaled(1, 1);
        rows[700][WIDTH + 3] = Float.NaN;
        try (ActivationSource source = new ArraySource(rows)) {
            assertThatThrownBy(() -> DataCheck.scan(source, OnNan.FAIL))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("row 700");
            assertThat(DataCheck.scan(source, OnNan.SKIP).columns(0, WIDTH).badRows())
                    .containsExactly(700);
        }
    }

    @Test
    void anOddWidthCannotHoldGradients() {
        try (Device device = Device.open(TestDevices.training())) {
            assertThatThrownBy(() -> new Trainer(
                            device,
                            new ArraySource(new float[200][15]),
                            List.of(recipe("gradient-topk").build(7))))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("gradients of the same width");
        }
    }

    /** Trained with gradients; used without, with a threshold, and with them: all after saving and loading. */
    @Tag("long")
    @Test
    void whatIsSavedEncodesByThreeRules() {
        TrainingOptions options =
                recipe("gradient-topk").beta(2).tokens(300 * 64).build(WIDTH);
        try (Device device = Device.open(TestDevices.training())) {
            double threshold;
            try (Trainer trainer = new Trainer(device, new ArraySource(ROWS), List.of(options))) {
                trainer.train();
                try (Sae sae = trainer.sae(0)) {
                    sae.save(folder);
                    threshold = sae.spareThreshold().orElseThrow();
                }
            }
            try (Sae sae = Sae.load(folder, device);
                    ActivationSource source = new ArraySource(DATA);
                    ActivationSource slopes = new ArraySource(gradients())) {
                assertThat(sae.sparsity()).isEqualTo(new TopK(4));
                assertThat(sae.spareThreshold()).hasValue(threshold);
                assertThat(threshold).isPositive();
                Evaluation topK = Evaluator.evaluate(sae, source);
                Evaluation byThreshold = Evaluator.evaluate(sae.with(new JumpRelu(0)), source);
                Sae exact = sae.with(new GradientTopK(4, 2, true));
                Evaluation byGradients = Evaluator.evaluate(exact, source, slopes);
                assertThat(topK.l0()).isEqualTo(4);
                assertThat(byThreshold.l0()).isCloseTo(4, within(0.8));
                assertThat(byGradients.l0()).isCloseTo(4, within(0.1));
                // What is chosen by another score reconstructs no better.
                assertThat(byGradients.fvu()).isGreaterThan(topK.fvu());
                assertThat(Evaluator.evaluate(sae.with(new GradientTopK(4, 0, true)), source, slopes))
                        .isEqualTo(topK);
                assertThatThrownBy(() -> Evaluator.evaluate(exact, source))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("selects by gradients");
                assertThatThrownBy(() -> Evaluator.evaluate(exact, source, slopes.slice(0, 5)))
                        .isInstanceOf(DataException.class)
                        .hasMessageContaining("both need one shape");
            }
        }
    }

    private static float[][] gradients() {
        float[][] gradients = new float[ROWS.length][WIDTH];
        for (int row = 0; row < gradients.length; row++) {
            System.arraycopy(ROWS[row], WIDTH, gradients[row], 0, WIDTH);
        }
        return gradients;
    }

    @Test
    void inferenceTakesGradientsOfTheSameShapeAlone() {
        TrainingOptions options = recipe("gradient-topk").build(WIDTH);
        try (LearnerFixture fixture = new LearnerFixture(TestDevices.training(), options, WIDTH);
                Sae sae = fixture.learner.finish(Map.of());
                Matrix x = fixture.device.staging("x", DType.F32, 5, WIDTH);
                Matrix other = fixture.device.staging("g", DType.F32, 4, WIDTH);
                Inference exact = sae.with(new GradientTopK(4, 1, true)).inference(8);
                Inference plain = sae.inference(8)) {
            assertThatThrownBy(() -> exact.encode(x, other))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("aren't of the same shape");
            assertThatThrownBy(() -> plain.encode(x, x))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("doesn't select by gradients");
            x.setRow(0, DATA[0]);
            SparseCodes codes = exact.encode(x, x);
            try (SparseCodes host = exact.toHost(codes)) {
                assertThat(host.rows()).isEqualTo(5);
            }
        }
    }

    @Test
    void tensorsOfOneFileAreOpenedSideBySide() {
        Path file = folder.resolve("data.safetensors");
        try (Device device = Device.open("cpu");
                Matrix x = device.staging("x", DType.F32, 3, 2);
                Matrix g = device.staging("g", DType.F32, 3, 2);
                Matrix wide = device.staging("wide", DType.F32, 3, 4)) {
            g.set(2, 1, 7);
            new dev.darien.data.SafetensorsWriter()
                    .tensor("activations", x)
                    .tensor("gradients", g)
                    .tensor("wide", wide)
                    .write(file);
            List<String> names = List.of(file.toString());
            try (ActivationSource source = ActivationSources.parseWithGradients(names, "activations", "gradients")) {
                assertThat(source.row(2)).containsExactly(0, 0, 0, 7);
            }
            assertThatThrownBy(() -> ActivationSources.parseWithGradients(names, "activations", "wide"))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("gradients need the shape of activations");
            assertThatThrownBy(() -> ActivationSources.parseWithGradients(names, "activations", "none"))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("no tensor 'none'");
            assertThatThrownBy(() -> ActivationSources.parseWithGradients(
                            List.of("synthetic:d=4,true=8"), "activations", "gradients"))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("synthetic data has no tensors but its activations");
        }
    }
}
