// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Codes, reconstructions, losses and gradients against those of autograd in double precision. */
@Tag("device")
class GoldenGradientsTest {
    private static final double TOLERANCE = 1e-4;
    private static final int K = 5;
    private static final int BATCH = 37;

    static List<String> devices() {
        return TestDevices.all();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void reluWithL1(String device) {
        Golden golden = Golden.load("relu-l1");
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            TrainerStep step = step(fixture, golden, TrainerStep.Options.PLAIN.withL1(0.3f, false), RELU);
            check(fixture, golden, step);
            assertThat(step.l1Loss).isCloseTo(0.3 * golden.scalar("loss.l1"), relative(golden.scalar("loss.l1")));
            assertThat(step.squaredError + step.l1Loss)
                    .isCloseTo(golden.scalar("loss"), relative(golden.scalar("loss")));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void reluWithL1WeightedByDecoderNorms(String device) {
        Golden golden = Golden.load("relu-april");
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            TrainerStep step = step(fixture, golden, TrainerStep.Options.PLAIN.withL1(0.3f, true), RELU);
            check(fixture, golden, step);
            assertThat(step.l1Loss).isCloseTo(0.3 * golden.scalar("loss.l1"), relative(golden.scalar("loss.l1")));
            assertThat(step.squaredError + step.l1Loss)
                    .isCloseTo(golden.scalar("loss"), relative(golden.scalar("loss")));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void topKWithTheAuxiliaryLoss(String device) {
        Golden golden = Golden.load("topk-auxk");
        float[][] z = entries(golden.rows("z"));
        float[][] zAux = entries(golden.rows("z_aux"));
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            TrainerStep step = step(
                    fixture,
                    golden,
                    TrainerStep.Options.PLAIN.withAuxiliary(zAux, 0.03125f),
                    (on, input, encoder, codes) -> fixture.fill(codes, z));
            check(fixture, golden, step);
            assertThat(step.auxLoss).isCloseTo(0.03125 * golden.scalar("loss.aux"), relative(0.05));
            assertThat(step.squaredError + step.auxLoss)
                    .isCloseTo(golden.scalar("loss"), relative(golden.scalar("loss")));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void deadLatentsAreSelectedFromTheSamePreActivations(String device) {
        Golden golden = Golden.load("topk-auxk");
        float[] dead = golden.vector("dead");
        int[] latents = new int[dead.length];
        int count = 0;
        for (int latent = 0; latent < dead.length; latent++) {
            if (dead[latent] != 0) {
                latents[count++] = latent;
            }
        }
        int deadCount = count;
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            SparseCodes auxCodes = fixture.codes(BATCH, dead.length, BATCH * 8);
            DeadSelection selection = new DeadSelection(fixture.ints(latents), fixture.ints(deadCount), 8, auxCodes);
            step(fixture, golden, TrainerStep.Options.PLAIN, (on, input, encoder, codes) -> on.kernels()
                    .encodeTopK(input, encoder, K, selection, codes));
            compare("z_aux", flat(fixture.dense(auxCodes)), golden.rows("z_aux"));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void batchTopK(String device) {
        Golden golden = Golden.load("batchtopk");
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Matrix smallestKept = fixture.vector(0);
            TrainerStep step =
                    step(fixture, golden, TrainerStep.Options.PLAIN, (on, input, encoder, codes) -> fixture.kernels()
                            .encodeBatchTopK(input, encoder, K * BATCH, null, codes, smallestKept));
            check(fixture, golden, step);
            assertThat(step.l0).isEqualTo(K);
            assertThat(fixture.scalar(smallestKept)).isCloseTo(golden.scalar("threshold"), relative(1));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void featureChoice(String device) {
        Golden golden = Golden.load("feature-choice");
        float[] budgets = golden.vector("budget");
        int[] whole = new int[budgets.length];
        for (int latent = 0; latent < whole.length; latent++) {
            whole[latent] = (int) budgets[latent];
        }
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Matrix smallestKept = fixture.matrix(DType.F32, 1, whole.length);
            TrainerStep step =
                    step(fixture, golden, TrainerStep.Options.PLAIN, (on, input, encoder, codes) -> fixture.kernels()
                            .encodeFeatureChoice(input, encoder, fixture.ints(whole), false, codes, smallestKept));
            check(fixture, golden, step);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void gradientTopK(String device) {
        Golden golden = Golden.load("gradient-topk");
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Matrix gradients = fixture.floats(golden.rows("gradients"));
            Matrix decoder = fixture.floats(golden.rows("W_dec"));
            PackedEncoder directions = fixture.encoder(decoder, fixture.vector(golden.vector("b_enc")));
            Matrix strength = fixture.vector(-7);
            fixture.kernels().attributionStrength(gradients, directions, 1, strength);
            TrainerStep step =
                    step(fixture, golden, TrainerStep.Options.PLAIN, (on, input, encoder, codes) -> on.kernels()
                            .encodeGradientTopK(input, encoder, gradients, directions, strength, K, null, codes));
            check(fixture, golden, step);
            // A latent with one unit more of attribution counts for strength times more: as the scores have it.
            float[][] z = golden.rows("z");
            float[][] scores = golden.rows("score");
            float[][] wDec = golden.rows("W_dec");
            double factor = fixture.scalar(strength);
            int compared = 0;
            for (int row = 0; row < z.length; row++) {
                for (int latent = 0; latent < wDec.length; latent++) {
                    if (z[row][latent] > 0) {
                        double attribution = 0;
                        for (int t = 0; t < wDec[latent].length; t++) {
                            attribution += (double) wDec[latent][t] * golden.rows("gradients")[row][t];
                        }
                        assertThat(z[row][latent] * (1 + factor * Math.abs(attribution)))
                                .isCloseTo(scores[row][latent], relative(Math.abs(scores[row][latent])));
                        compared++;
                    }
                }
            }
            assertThat(compared).isGreaterThan(BATCH);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void jumpRelu(String device) {
        Golden golden = Golden.load("jumprelu");
        float[] thresholds = golden.vector("threshold");
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            TrainerStep step = step(
                    fixture,
                    golden,
                    TrainerStep.Options.PLAIN.withThresholds(thresholds, 0.1f, 0.05f),
                    (on, input, encoder, codes) ->
                            fixture.kernels().encodeThreshold(input, encoder, fixture.vector(thresholds), 0.1f, codes));
            check(fixture, golden, step);
            compare("grad.threshold", fixture.readFloats(step.gradThreshold), golden.rows("grad.threshold"));
            assertThat(step.l0).isCloseTo(golden.scalar("loss.l0"), relative(golden.scalar("loss.l0")));
            assertThat(step.squaredError + 0.05 * step.l0)
                    .isCloseTo(golden.scalar("loss"), relative(golden.scalar("loss")));
        }
    }

    /** Projection of the decoder's gradient, Adam and renormalisation, three times, by both ways of doing a step. */
    @ParameterizedTest
    @MethodSource("devices")
    void threeOptimiserStepsOfTopK(String device) {
        Golden golden = Golden.load("topk-three-steps");
        for (boolean fused : new boolean[] {true, false}) {
            float[][] wEnc = golden.rows("W_enc");
            float[][] wDec = golden.rows("W_dec");
            float[] bEnc = golden.vector("b_enc");
            float[] bDec = golden.vector("b_dec");
            try (DeviceFixture fixture = DeviceFixture.open(device)) {
                Moments moments = new Moments(fixture, wEnc.length, bDec.length);
                for (int t = 1; t <= 3; t++) {
                    float[][] x = Arrays.copyOfRange(golden.rows("x"), (t - 1) * BATCH, t * BATCH);
                    TrainerStep step =
                            new TrainerStep(fixture, x, wEnc, bEnc, wDec, bDec, TrainerStep.Options.PLAIN, TOP_K);
                    moments.update(fixture.kernels(), AdamStep.at(t, 0.003, 0.9, 0.999, 1e-8), step, fused);
                    wEnc = unflat(fixture.readFloats(step.wEnc), bDec.length);
                    wDec = unflat(fixture.readFloats(step.wDec), bDec.length);
                    bEnc = fixture.readFloats(step.bEnc);
                    bDec = fixture.readFloats(step.bDec);
                }
            }
            compare("after.W_enc", flat(wEnc), golden.rows("after.W_enc"));
            compare("after.W_dec", flat(wDec), golden.rows("after.W_dec"));
            compare("after.b_enc", bEnc, golden.rows("after.b_enc"));
            compare("after.b_dec", bDec, golden.rows("after.b_dec"));
        }
    }

    private record Moments(
            LatentRows first, LatentRows second, Matrix bEnc1, Matrix bEnc2, Matrix bDec1, Matrix bDec2) {
        Moments(DeviceFixture fixture, int latents, int width) {
            this(
                    new LatentRows(
                            fixture.matrix(DType.F32, latents, width), fixture.matrix(DType.F32, latents, width)),
                    new LatentRows(
                            fixture.matrix(DType.F32, latents, width), fixture.matrix(DType.F32, latents, width)),
                    fixture.matrix(DType.F32, 1, latents),
                    fixture.matrix(DType.F32, 1, latents),
                    fixture.matrix(DType.F32, 1, width),
                    fixture.matrix(DType.F32, 1, width));
        }

        void update(Kernels kernels, AdamStep adam, TrainerStep step, boolean fused) {
            if (fused) {
                kernels.latentStep(
                        adam, step.terms, null, 0, new LatentRows(step.wEnc, step.wDec), first, second, true);
            } else {
                kernels.adam(
                        adam, step.wEnc, step.gradWEnc, first.encoder(), second.encoder(), step.touched, null, false);
                kernels.adam(
                        adam, step.wDec, step.gradWDec, first.decoder(), second.decoder(), step.touched, null, true);
            }
            kernels.adam(adam, step.bEnc, step.gradBEnc, bEnc1, bEnc2, null, null, false);
            kernels.adam(adam, step.bDec, step.gradBDec, bDec1, bDec2, null, null, false);
        }
    }

    private static final TrainerStep.Selection RELU =
            (on, input, encoder, codes) -> on.kernels().encodeThreshold(input, encoder, null, 0, codes);

    private static final TrainerStep.Selection TOP_K =
            (on, input, encoder, codes) -> on.kernels().encodeTopK(input, encoder, K, null, codes);

    private static TrainerStep step(
            DeviceFixture fixture, Golden golden, TrainerStep.Options options, TrainerStep.Selection selection) {
        return new TrainerStep(
                fixture,
                golden.rows("x"),
                golden.rows("W_enc"),
                golden.vector("b_enc"),
                golden.rows("W_dec"),
                golden.vector("b_dec"),
                options,
                selection);
    }

    private static void check(DeviceFixture fixture, Golden golden, TrainerStep step) {
        compare("z", flat(fixture.dense(step.codes)), golden.rows("z"));
        float[] x = flat(golden.rows("x"));
        float[] reconstruction = fixture.readFloats(step.residual);
        for (int at = 0; at < x.length; at++) {
            reconstruction[at] += x[at];
        }
        compare("xhat", reconstruction, golden.rows("xhat"));
        assertThat(step.squaredError).isCloseTo(golden.scalar("loss.mse"), relative(golden.scalar("loss.mse")));
        compare("grad.W_enc", fixture.readFloats(step.gradWEnc), golden.rows("grad.W_enc"));
        compare("grad.b_enc", fixture.readFloats(step.gradBEnc), golden.rows("grad.b_enc"));
        compare("grad.W_dec", fixture.readFloats(step.gradWDec), golden.rows("grad.W_dec"));
        compare("grad.b_dec", fixture.readFloats(step.gradBDec), golden.rows("grad.b_dec"));
    }

    /** Within the tolerance of the element itself, or of a hundredth of the largest where the element is near 0. */
    private static void compare(String what, float @Nullable [] actual, float[][] expected) {
        assertThat(actual).isNotNull();
        float[] wanted = flat(expected);
        assertThat(actual).as(what).hasSameSizeAs(wanted);
        double largest = 0;
        for (float value : wanted) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int at = 0; at < wanted.length; at++) {
            double value = Float.isNaN(actual[at]) && what.startsWith("z") ? 0 : actual[at];
            assertThat(value)
                    .as("%s[%d]", what, at)
                    .isCloseTo(wanted[at], within(TOLERANCE * Math.max(Math.abs(wanted[at]), largest / 100)));
        }
    }

    private static org.assertj.core.data.Offset<Double> relative(double magnitude) {
        return within(TOLERANCE * magnitude);
    }

    /** Zeros of dense codes are no entries. */
    private static float[][] entries(float[][] dense) {
        for (float[] row : dense) {
            for (int latent = 0; latent < row.length; latent++) {
                row[latent] = row[latent] == 0 ? Float.NaN : row[latent];
            }
        }
        return dense;
    }

    private static float[] flat(float[][] rows) {
        float[] all = new float[rows.length * rows[0].length];
        for (int row = 0; row < rows.length; row++) {
            System.arraycopy(rows[row], 0, all, row * rows[0].length, rows[0].length);
        }
        return all;
    }

    private static float[][] unflat(float[] values, int columns) {
        float[][] rows = new float[values.length / columns][];
        for (int row = 0; row < rows.length; row++) {
            rows[row] = Arrays.copyOfRange(values, row * columns, (row + 1) * columns);
        }
        return rows;
    }
}
