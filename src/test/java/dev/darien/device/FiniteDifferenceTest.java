// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every smooth gradient against central differences of the loss as it is written down: plain loops in double that share
 * no code with the kernels. The selection is frozen at what the device selected; the losses are not differentiable
 * through it.
 */
@Tag("device")
class FiniteDifferenceTest {
    private static final int BATCH = 6;
    private static final int WIDTH = 5;
    private static final int LATENTS = 9;
    private static final double STEP = 1e-6;

    static List<String> devices() {
        return TestDevices.all();
    }

    /** All parameters in one array, in the order W_enc, b_enc, W_dec, b_dec. */
    private record Parameters(double[] all) {
        double wEnc(int latent, int column) {
            return all[latent * WIDTH + column];
        }

        double bEnc(int latent) {
            return all[LATENTS * WIDTH + latent];
        }

        double wDec(int latent, int column) {
            return all[LATENTS * (WIDTH + 1) + latent * WIDTH + column];
        }

        double bDec(int column) {
            return all[LATENTS * (2 * WIDTH + 1) + column];
        }

        double preActivation(float[] x, int latent, boolean centred) {
            double sum = bEnc(latent);
            for (int column = 0; column < WIDTH; column++) {
                sum += (x[column] - (centred ? bDec(column) : 0)) * wEnc(latent, column);
            }
            return sum;
        }

        double norm(int latent) {
            double squares = 0;
            for (int column = 0; column < WIDTH; column++) {
                squares += wDec(latent, column) * wDec(latent, column);
            }
            return Math.sqrt(squares);
        }
    }

    private static final class Problem {
        final float[][] x;
        final float[][] wEnc;
        final float[] bEnc;
        final float[][] wDec;
        final float[] bDec;

        Problem(long seed) {
            RandomData data = new RandomData(new Random(seed));
            x = data.matrix(BATCH, WIDTH);
            wEnc = data.matrix(LATENTS, WIDTH);
            bEnc = data.vector(LATENTS);
            wDec = data.matrix(LATENTS, WIDTH);
            bDec = data.vector(WIDTH);
        }

        Parameters parameters() {
            double[] all = new double[LATENTS * (2 * WIDTH + 1) + WIDTH];
            int at = 0;
            for (float[][] part : new float[][][] {wEnc, {bEnc}, wDec, {bDec}}) {
                for (float[] row : part) {
                    for (float value : row) {
                        all[at++] = value;
                    }
                }
            }
            return new Parameters(all);
        }
    }

    private static double[] gradients(DeviceFixture fixture, TrainerStep step) {
        double[] all = new double[LATENTS * (2 * WIDTH + 1) + WIDTH];
        int at = 0;
        for (var part : List.of(step.gradWEnc, step.gradBEnc, step.gradWDec, step.gradBDec)) {
            double[] values = fixture.read(part);
            System.arraycopy(values, 0, all, at, values.length);
            at += values.length;
        }
        return all;
    }

    private static void check(String what, Parameters parameters, double[] actual, ToDoubleFunction<Parameters> loss) {
        for (int at = 0; at < actual.length; at++) {
            double[] up = parameters.all().clone();
            double[] down = parameters.all().clone();
            up[at] += STEP;
            down[at] -= STEP;
            double expected =
                    (loss.applyAsDouble(new Parameters(up)) - loss.applyAsDouble(new Parameters(down))) / (2 * STEP);
            assertThat(actual[at])
                    .as("%s: gradient of parameter %d", what, at)
                    .isCloseTo(expected, within(1e-4 * Math.max(1, Math.abs(expected))));
        }
    }

    /** Mean squared error plus {@code l1 · mean Σ z·n}, at the entries that {@code selected} marks. */
    private static double loss(
            Parameters p, float[][] x, float[][] selected, boolean centred, double l1, boolean decoderNorms) {
        double total = 0;
        for (int row = 0; row < BATCH; row++) {
            double[] difference = new double[WIDTH];
            for (int column = 0; column < WIDTH; column++) {
                difference[column] = p.bDec(column) - x[row][column];
            }
            for (int latent = 0; latent < LATENTS; latent++) {
                if (selected[row][latent] > 0) {
                    double z = p.preActivation(x[row], latent, centred);
                    total += l1 * z * (decoderNorms ? p.norm(latent) : 1);
                    for (int column = 0; column < WIDTH; column++) {
                        difference[column] += z * p.wDec(latent, column);
                    }
                }
            }
            for (double value : difference) {
                total += value * value;
            }
        }
        return total / BATCH;
    }

    private void checkSelection(
            String device, TrainerStep.Options options, TrainerStep.Selection selection, boolean auxiliary) {
        for (long seed = 1; seed <= 5; seed++) {
            Problem problem = new Problem(seed);
            String what = device + ", seed " + seed;
            try (DeviceFixture fixture = DeviceFixture.open(device)) {
                float[][] auxCodes = auxiliary ? auxiliaryCodes(problem) : null;
                TrainerStep step = new TrainerStep(
                        fixture,
                        problem.x,
                        problem.wEnc,
                        problem.bEnc,
                        problem.wDec,
                        problem.bDec,
                        auxCodes == null ? options : options.withAuxiliary(auxCodes, 0.5f),
                        selection);
                float[][] selected = fixture.dense(step.codes);
                double[] residual = fixture.read(step.residual);
                check(
                        what,
                        problem.parameters(),
                        gradients(fixture, step),
                        p -> loss(p, problem.x, selected, options.centred(), options.l1(), options.decoderNorms())
                                + auxiliaryLoss(p, problem.x, auxCodes, residual));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void reluWithL1(String device) {
        checkSelection(
                device,
                TrainerStep.Options.PLAIN.withL1(0.3f, false),
                (on, input, encoder, codes) -> on.kernels().encodeThreshold(input, encoder, null, 0, codes),
                false);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void reluWithL1WeightedByDecoderNorms(String device) {
        checkSelection(
                device,
                TrainerStep.Options.PLAIN.withL1(0.3f, true),
                (on, input, encoder, codes) -> on.kernels().encodeThreshold(input, encoder, null, 0, codes),
                false);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void topK(String device) {
        checkSelection(
                device,
                TrainerStep.Options.PLAIN,
                (on, input, encoder, codes) -> on.kernels().encodeTopK(input, encoder, 3, null, codes),
                false);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void topKWithTheAuxiliaryLoss(String device) {
        checkSelection(
                device,
                TrainerStep.Options.PLAIN,
                (on, input, encoder, codes) -> on.kernels().encodeTopK(input, encoder, 3, null, codes),
                true);
    }

    /** With thresholds, everything but the thresholds has an ordinary gradient. */
    @ParameterizedTest
    @MethodSource("devices")
    void jumpRelu(String device) {
        float[] thresholds = new float[LATENTS];
        Arrays.fill(thresholds, 0.4f);
        checkSelection(
                device,
                TrainerStep.Options.PLAIN.withThresholds(thresholds, 0.2f, 0.1f),
                (on, input, encoder, codes) ->
                        on.kernels().encodeThreshold(input, encoder, on.vector(thresholds), 0.2f, codes),
                false);
    }

    /** The positive pre-activations of the last four latents, which stand for dead ones. */
    private static float[][] auxiliaryCodes(Problem problem) {
        float[][] codes = new float[BATCH][LATENTS];
        for (int row = 0; row < BATCH; row++) {
            Arrays.fill(codes[row], Float.NaN);
            for (int latent = LATENTS - 4; latent < LATENTS; latent++) {
                double value = problem.parameters().preActivation(problem.x[row], latent, true);
                codes[row][latent] = value > 0 ? (float) value : Float.NaN;
            }
        }
        return codes;
    }

    /** {@code 0.5 · Σ‖e - z W_dec‖² / D}: the residual e and its spread D are constants. */
    private static double auxiliaryLoss(Parameters p, float[][] x, float @Nullable [][] codes, double[] residual) {
        if (codes == null) {
            return 0;
        }
        double errors = 0;
        double spread = 0;
        for (int column = 0; column < WIDTH; column++) {
            double mean = 0;
            for (int row = 0; row < BATCH; row++) {
                mean += residual[row * WIDTH + column] / BATCH;
            }
            for (int row = 0; row < BATCH; row++) {
                double e = residual[row * WIDTH + column];
                spread += (e - mean) * (e - mean);
                double difference = e;
                for (int latent = 0; latent < LATENTS; latent++) {
                    if (!Float.isNaN(codes[row][latent])) {
                        difference += p.preActivation(x[row], latent, true) * p.wDec(latent, column);
                    }
                }
                errors += difference * difference;
            }
        }
        return 0.5 * errors / spread;
    }
}
