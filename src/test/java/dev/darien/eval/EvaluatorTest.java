// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.DataException;
import dev.darien.device.TestDevices;
import dev.darien.memory.DType;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Relu;
import dev.darien.sae.TopK;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("device")
class EvaluatorTest {
    private static final String DEVICE = TestDevices.training();
    private static final Offset<Double> TINY = within(1e-12);

    static List<String> devices() {
        return TestDevices.all();
    }

    /** Two latents along the axes, of which the second is decoded at half its length, and a third that never fires. */
    private static SaeFixture axes() {
        return new SaeFixture(
                DEVICE,
                new Relu(),
                new float[][] {{1, 0}, {0, 1}, {-1, -1}},
                new float[] {0, 0, 0},
                new float[][] {{1, 0}, {0, 0.5f}, {1, 1}},
                new float[] {0, 0});
    }

    @Test
    void everyMetricIsWhatOneComputesByHand() {
        // x̂ = (3, 2) for (3, 4), (1, 0) for (1, 0), (0, 1) for (0, 2).
        try (SaeFixture fixture = axes()) {
            Evaluation evaluation = Evaluator.evaluate(
                    fixture.sae(), ArraySource.of(new float[] {3, 4}, new float[] {1, 0}, new float[] {0, 2}));

            assertThat(evaluation.tokens()).isEqualTo(3);
            assertThat(evaluation.l0()).isEqualTo(4 / 3.0, TINY);
            assertThat(evaluation.mse()).isEqualTo((4 + 0 + 1) / 3.0, TINY);
            // x̄ = (4/3, 2); distances (5/3)² + 2², (1/3)² + 2², (4/3)².
            double variance = 25 / 9.0 + 4 + 1 / 9.0 + 4 + 16 / 9.0;
            assertThat(evaluation.fvu()).isEqualTo(5 / variance, TINY);
            assertThat(evaluation.explainedVariance()).isEqualTo(1 - 5 / variance, TINY);
            assertThat(evaluation.cosine()).isEqualTo((17 / (5 * Math.sqrt(13)) + 1 + 1) / 3, TINY);
            assertThat(evaluation.l2Ratio()).isEqualTo((Math.sqrt(13) / 5 + 1 + 0.5) / 3, TINY);
            assertThat(evaluation.relativeBias()).isEqualTo((13 + 1 + 1) / (17.0 + 1 + 2), TINY);
            assertThat(evaluation.fires()).containsExactly(2, 2, 0);
            assertThat(evaluation.dead()).isEqualTo(1);
            assertThat(evaluation.deadFraction()).isEqualTo(1 / 3.0, TINY);
        }
    }

    @Test
    void theMapHasTheNamesOfTheCommandLineInItsOrder() {
        try (SaeFixture fixture = axes()) {
            Evaluation evaluation = Evaluator.evaluate(fixture.sae(), ArraySource.of(new float[] {3, 4}));

            assertThat(evaluation.asMap().keySet())
                    .containsExactly(
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
                            "density");
            assertThat(evaluation.asMap()).containsEntry("tokens", 1L).containsEntry("mse", 4.0);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void agreesWithPlainLoopsOnRandomData(String device) {
        long seed = 20_260_101;
        Random random = new Random(seed);
        // More rows than a batch, the last one not full.
        float[][] data = SaeFixture.gaussian(random, 2500, 13);
        try (SaeFixture fixture = SaeFixture.random(device, new Relu(), 37, 13, random)) {
            Evaluation evaluation = Evaluator.evaluate(fixture.sae(), ArraySource.of(data));

            PlainMetrics plain = PlainMetrics.of(fixture, data);
            Offset<Double> tolerance = within(2e-6);
            assertThat(evaluation.tokens()).isEqualTo(2500);
            assertThat(evaluation.l0()).as("seed %d", seed).isEqualTo(plain.l0, within(1e-3));
            assertThat(evaluation.mse() / plain.mse).as("seed %d", seed).isEqualTo(1, tolerance);
            assertThat(evaluation.fvu() / plain.fvu).as("seed %d", seed).isEqualTo(1, tolerance);
            assertThat(evaluation.cosine()).as("seed %d", seed).isEqualTo(plain.cosine, tolerance);
            assertThat(evaluation.l2Ratio() / plain.l2Ratio).as("seed %d", seed).isEqualTo(1, tolerance);
            assertThat(evaluation.relativeBias() / plain.relativeBias)
                    .as("seed %d", seed)
                    .isEqualTo(1, tolerance);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void fvuKeepsItsDigitsWhereTheMeanIsHuge(String device) {
        long seed = 7;
        Random random = new Random(seed);
        float[][] data = new float[3000][2];
        for (float[] row : data) {
            // Variance 1 on top of a squared mean of 2^40: E‖x‖² - ‖E x‖² would have few digits left.
            row[0] = (float) (1 << 20) + random.nextInt(2);
            row[1] = random.nextInt(2);
        }
        try (SaeFixture fixture = new SaeFixture(
                device, new TopK(1), new float[][] {{0, 1}}, new float[] {0}, new float[][] {{0, 1}}, new float[] {
                    1 << 20, 0
                })) {
            double fvu = Evaluator.evaluate(fixture.sae(), ArraySource.of(data)).fvu();

            double ones = Arrays.stream(data).filter(row -> row[0] > 1 << 20).count();
            double others = Arrays.stream(data).filter(row -> row[1] > 0).count();
            double variance = ones * (1 - ones / 3000) + others * (1 - others / 3000);
            assertThat(fvu * variance / ones).as("seed %d", seed).isEqualTo(1, within(1e-11));
        }
    }

    @Test
    void anSaeThatNeverFiresDecodesItsBias() {
        try (SaeFixture fixture = new SaeFixture(
                DEVICE,
                new Relu(),
                new float[][] {{1, 0}, {0, 1}},
                new float[] {-100, -100},
                new float[][] {{1, 0}, {0, 1}},
                new float[] {0, 0})) {
            Evaluation evaluation =
                    Evaluator.evaluate(fixture.sae(), ArraySource.of(new float[] {1, 2}, new float[] {-1, -2}));

            assertThat(evaluation.dead()).isEqualTo(2);
            assertThat(evaluation.deadFraction()).isEqualTo(1);
            assertThat(evaluation.l0()).isZero();
            assertThat(evaluation.fvu()).isEqualTo(1, TINY);
            assertThat(evaluation.cosine()).isZero();
            assertThat(evaluation.l2Ratio()).isZero();
            assertThat(evaluation.relativeBias()).isNaN();
            assertThat(evaluation.density().zero()).isEqualTo(2);
            assertThat(evaluation.density().denseMass()).isZero();
        }
    }

    @Test
    void oneTokenHasNoVariance() {
        try (SaeFixture fixture = axes()) {
            Evaluation inexact = Evaluator.evaluate(fixture.sae(), ArraySource.of(new float[] {3, 4}));
            Evaluation exact = Evaluator.evaluate(fixture.sae(), ArraySource.of(new float[] {3, 0}));

            assertThat(inexact.tokens()).isEqualTo(1);
            assertThat(inexact.fvu()).isInfinite();
            assertThat(exact.fvu()).isZero();
        }
    }

    @Test
    void constantDataIsFullyExplainedOnlyByAnExactReconstruction() {
        float[][] constant = new float[5000][];
        float[][] exact = new float[5000][];
        Arrays.fill(constant, new float[] {0.1f, 0.7f});
        Arrays.fill(exact, new float[] {0.1f, 0});
        try (SaeFixture fixture = axes()) {
            assertThat(Evaluator.evaluate(fixture.sae(), ArraySource.of(constant))
                            .fvu())
                    .isInfinite();
            assertThat(Evaluator.evaluate(fixture.sae(), ArraySource.of(exact)).fvu())
                    .isZero();
        }
    }

    @Test
    void tokensThatAreZeroCountInNeitherCosineNorRatio() {
        try (SaeFixture fixture = axes()) {
            Evaluation some = Evaluator.evaluate(fixture.sae(), ArraySource.of(new float[] {0, 0}, new float[] {0, 2}));
            Evaluation none = Evaluator.evaluate(fixture.sae(), ArraySource.of(new float[] {0, 0}));

            assertThat(some.cosine()).isEqualTo(1, TINY);
            assertThat(some.l2Ratio()).isEqualTo(0.5, TINY);
            assertThat(none.cosine()).isNaN();
            assertThat(none.l2Ratio()).isNaN();
        }
    }

    @Test
    void halfPrecisionIsReadAsItIs() {
        float[][] data = {{3, 4}, {1.5f, 0}, {0, 2}};
        try (SaeFixture fixture = axes()) {
            Evaluation single = Evaluator.evaluate(fixture.sae(), ArraySource.of(data));
            Evaluation half = Evaluator.evaluate(fixture.sae(), new ArraySource(DType.F16, data));
            Evaluation brain = Evaluator.evaluate(fixture.sae(), new ArraySource(DType.BF16, data));

            assertThat(half).isEqualTo(single);
            assertThat(brain).isEqualTo(single);
        }
    }

    @Test
    void anotherRuleUsesTheSameWeights() {
        ArraySource data = ArraySource.of(new float[] {3, 4}, new float[] {5, 1});
        try (SaeFixture fixture = axes()) {
            Evaluation top1 = Evaluator.evaluate(fixture.sae(), data, new TopK(1));

            assertThat(top1.l0()).isEqualTo(1);
            assertThat(top1.fires()).containsExactly(1, 1, 0);
            assertThat(Evaluator.evaluate(fixture.sae(), data).l0()).isEqualTo(2);
            assertThatThrownBy(() -> Evaluator.evaluate(fixture.sae(), data, new JumpRelu(0)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("threshold");
        }
    }

    @Test
    void badDataIsRefusedWithItsPlace() {
        try (SaeFixture fixture = axes()) {
            assertThatThrownBy(() -> Evaluator.evaluate(
                            fixture.sae(), ArraySource.of(new float[] {1, 2}, new float[] {Float.NaN, 0})))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("row 1 of an array");
            assertThatThrownBy(() -> Evaluator.evaluate(fixture.sae(), ArraySource.of(new float[] {1, 2, 3})))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("width 3")
                    .hasMessageContaining("width 2");
        }
    }

    @Test
    void changingWhatAnAccessorReturnsChangesNothing() {
        try (SaeFixture fixture = axes()) {
            Evaluation evaluation = Evaluator.evaluate(fixture.sae(), ArraySource.of(new float[] {3, 4}));
            evaluation.fires()[0] = 99;

            assertThat(evaluation.fires()[0]).isEqualTo(1);
        }
    }

    /** The definitions written down once more, two passes and no batches. */
    private record PlainMetrics(double l0, double mse, double fvu, double cosine, double l2Ratio, double relativeBias) {
        static PlainMetrics of(SaeFixture sae, float[][] data) {
            int width = data[0].length;
            double[] mean = new double[width];
            for (float[] x : data) {
                for (int i = 0; i < width; i++) {
                    mean[i] += (double) x[i] / data.length;
                }
            }
            double active = 0;
            double error = 0;
            double variance = 0;
            double cosine = 0;
            double ratio = 0;
            double squares = 0;
            double products = 0;
            for (float[] x : data) {
                double[] y = new double[width];
                for (int i = 0; i < width; i++) {
                    y[i] = sae.decoderBias[i];
                }
                for (int j = 0; j < sae.encoder.length; j++) {
                    double code = sae.encoderBias[j];
                    for (int i = 0; i < width; i++) {
                        code += (double) sae.encoder[j][i] * x[i];
                    }
                    if (code > 0) {
                        active++;
                        for (int i = 0; i < width; i++) {
                            y[i] += code * sae.decoder[j][i];
                        }
                    }
                }
                double xx = 0;
                double yy = 0;
                double xy = 0;
                for (int i = 0; i < width; i++) {
                    error += (x[i] - y[i]) * (x[i] - y[i]);
                    variance += (x[i] - mean[i]) * (x[i] - mean[i]);
                    xx += (double) x[i] * x[i];
                    yy += y[i] * y[i];
                    xy += x[i] * y[i];
                }
                cosine += xy / Math.sqrt(xx * yy);
                ratio += Math.sqrt(yy / xx);
                squares += yy;
                products += xy;
            }
            double n = data.length;
            return new PlainMetrics(active / n, error / n, error / variance, cosine / n, ratio / n, squares / products);
        }
    }
}
