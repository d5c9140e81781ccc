// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.device.TestDevices;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Sae;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The gradients of matching pursuit, through all its steps, against finite differences in double precision. */
@Tag("device")
class PursuitGradientTest {
    private static final int WIDTH = 7;
    private static final int LATENTS = 23;
    private static final int BATCH = 19;
    private static final int STEPS = 5;

    private final Random random = new Random(11);
    private final float[][] dictionary = unitRows(LATENTS);
    private final float[] bias = gaussian(1)[0];
    private final float[][] x = gaussian(BATCH);

    static List<String> devices() {
        return TestDevices.all();
    }

    private float[][] gaussian(int rows) {
        float[][] values = new float[rows][WIDTH];
        for (float[] row : values) {
            for (int t = 0; t < WIDTH; t++) {
                row[t] = (float) random.nextGaussian();
            }
        }
        return values;
    }

    private float[][] unitRows(int rows) {
        float[][] values = gaussian(rows);
        for (float[] row : values) {
            double squares = 0;
            for (float value : row) {
                squares += (double) value * value;
            }
            for (int t = 0; t < WIDTH; t++) {
                row[t] /= (float) Math.sqrt(squares);
            }
        }
        return values;
    }

    /** The loss, formula by formula, with the latents that are taken as they were where {@code taken} says. */
    private double loss(double[][] d, double[] b, int[][] taken) {
        double sum = 0;
        for (int row = 0; row < BATCH; row++) {
            double[] r = new double[WIDTH];
            for (int t = 0; t < WIDTH; t++) {
                r[t] = x[row][t] - b[t];
            }
            for (int step = 0; step < STEPS; step++) {
                int latent = taken[row][step];
                if (latent == -2) {
                    latent = best(d, r);
                    taken[row][step] = latent;
                }
                if (latent < 0) {
                    continue;
                }
                double v = dot(d[latent], r);
                for (int t = 0; t < WIDTH; t++) {
                    r[t] -= v * d[latent][t];
                }
            }
            sum += dot(r, r) / BATCH;
        }
        return sum;
    }

    private static int best(double[][] d, double... r) {
        int best = -1;
        for (int latent = 0; latent < d.length; latent++) {
            if (dot(d[latent], r) > (best < 0 ? 0 : dot(d[best], r))) {
                best = latent;
            }
        }
        return best;
    }

    private static double dot(double[] a, double... b) {
        double sum = 0;
        for (int t = 0; t < a.length; t++) {
            sum += a[t] * b[t];
        }
        return sum;
    }

    private static double[][] doubles(float[]... rows) {
        return Arrays.stream(rows)
                .map(row -> {
                    double[] wide = new double[row.length];
                    Arrays.setAll(wide, t -> row[t]);
                    return wide;
                })
                .toArray(double[][]::new);
    }

    private static TrainingOptions options(Auxiliary auxiliary) {
        return TestOptions.with(
                Recipe.of("matching-pursuit")
                        .k(STEPS)
                        .latents(LATENTS)
                        .auxiliary(auxiliary)
                        .batch(BATCH)
                        .tokens(10 * BATCH)
                        .learningRate(1e-3)
                        .warmup(0)
                        .decay(0)
                        .clip(0)
                        .scaling(InputScaling.NONE)
                        .build(WIDTH),
                "beta1",
                0.0);
    }

    private LearnerFixture started(String device, TrainingOptions options) {
        LearnerFixture fixture = new LearnerFixture(device, options, WIDTH);
        fixture.set("decoder", dictionary);
        fixture.set("decoder_bias", bias);
        return fixture;
    }

    /** Unit rows learn only across their direction, which is the part of the gradient that is compared. */
    private float[][] acrossRows(double[][] gradient) {
        float[][] across = new float[LATENTS][WIDTH];
        for (int latent = 0; latent < LATENTS; latent++) {
            double along = dot(gradient[latent], doubles(dictionary)[latent]);
            for (int t = 0; t < WIDTH; t++) {
                across[latent][t] = (float) (gradient[latent][t] - along * dictionary[latent][t]);
            }
        }
        return across;
    }

    @ParameterizedTest
    @MethodSource("devices")
    void gradientsGoThroughAllSteps(String device) {
        int[][] taken = new int[BATCH][STEPS];
        for (int[] row : taken) {
            Arrays.fill(row, -2);
        }
        double[][] d = doubles(dictionary);
        double[] b = doubles(bias)[0];
        double loss = loss(d, b, taken);
        long repeats = Arrays.stream(taken)
                .filter(row -> Arrays.stream(row).distinct().count() < STEPS)
                .count();
        assertThat(repeats).as("rows that take a latent again").isPositive();
        double[][] dictionaryGradient = new double[LATENTS][WIDTH];
        float[][] biasGradient = new float[1][WIDTH];
        double h = 1e-5;
        for (int latent = 0; latent <= LATENTS; latent++) {
            double[] parameters = latent < LATENTS ? d[latent] : b;
            for (int t = 0; t < WIDTH; t++) {
                double before = parameters[t];
                parameters[t] = before + h;
                double above = loss(d, b, taken);
                parameters[t] = before - h;
                double difference = (above - loss(d, b, taken)) / (2 * h);
                parameters[t] = before;
                if (latent < LATENTS) {
                    dictionaryGradient[latent][t] = difference;
                } else {
                    biasGradient[0][t] = (float) difference;
                }
            }
        }
        for (double clip : new double[] {0, 1e9}) {
            try (LearnerFixture fixture =
                    started(device, TestOptions.with(options(new Auxiliary.None()), "clip", clip))) {
                fixture.train(x);
                assertThat(fixture.learner.metrics(1, 0, 0).loss()).isCloseTo(loss, within(1e-5 * loss));
                LearnerFixture.assertClose("decoder", fixture.get("decoder.m"), acrossRows(dictionaryGradient));
                LearnerFixture.assertClose("decoder bias", fixture.get("decoder_bias.m"), biasGradient);
                assertThat(fixture.get("encoder_bias")[0]).containsOnly(0);
            }
        }
    }

    /** The auxiliary loss has a gradient of its own: of {@code c·Σ‖ê + e‖²/D} with constant e, ê = Σ relu(d·(-e))·d. */
    @ParameterizedTest
    @MethodSource("devices")
    void deadLatentsReconstructWhatIsLeft(String device) {
        double coefficient = 0.7;
        int dead = 4;
        float[] lastFired = new float[LATENTS];
        List<Integer> silent = new ArrayList<>(List.of(2, 5, 9, 11, 17));
        silent.forEach(latent -> lastFired[latent] = -1);
        float[][] without;
        double[][] residual = new double[BATCH][WIDTH];
        try (LearnerFixture fixture = started(device, options(new Auxiliary.None()))) {
            try (Sae sae = fixture.learner.finish(Map.of());
                    SparseCodes codes = sae.encode(x)) {
                for (int row = 0; row < BATCH; row++) {
                    for (int t = 0; t < WIDTH; t++) {
                        residual[row][t] = bias[t] - x[row][t];
                        for (int entry = codes.start(row); entry < codes.start(row + 1); entry++) {
                            residual[row][t] += (double) codes.value(entry) * dictionary[codes.latent(entry)][t];
                        }
                    }
                }
            }
            fixture.train(x);
            without = fixture.get("decoder.m");
        }
        double[][] gradient = new double[LATENTS][WIDTH];
        double h = 1e-6;
        double[][] d = doubles(dictionary);
        for (int latent : silent) {
            for (int t = 0; t < WIDTH; t++) {
                double before = d[latent][t];
                d[latent][t] = before + h;
                double above = auxiliaryLoss(d, residual, silent, dead);
                d[latent][t] = before - h;
                gradient[latent][t] = coefficient * (above - auxiliaryLoss(d, residual, silent, dead)) / (2 * h);
                d[latent][t] = before;
            }
        }
        float[][] wanted = acrossRows(gradient);
        for (int latent = 0; latent < LATENTS; latent++) {
            for (int t = 0; t < WIDTH; t++) {
                wanted[latent][t] += without[latent][t];
            }
        }
        try (LearnerFixture fixture = started(device, options(new Auxiliary.AuxK(coefficient, dead)))) {
            fixture.set("last_fired", lastFired);
            fixture.train(x);
            LearnerFixture.assertClose("decoder", fixture.get("decoder.m"), wanted);
        }
    }

    private static double auxiliaryLoss(double[][] d, double[][] residual, List<Integer> silent, int most) {
        double[] mean = new double[WIDTH];
        double spread = 0;
        double sum = 0;
        for (double[] e : residual) {
            for (int t = 0; t < WIDTH; t++) {
                mean[t] += e[t] / BATCH;
            }
        }
        for (double[] e : residual) {
            double[] left = e.clone();
            silent.stream()
                    .filter(latent -> dot(d[latent], e) < 0)
                    .sorted((one, other) -> Double.compare(dot(d[one], e), dot(d[other], e)))
                    .limit(most)
                    .forEach(latent -> {
                        for (int t = 0; t < WIDTH; t++) {
                            left[t] -= dot(d[latent], e) * d[latent][t];
                        }
                    });
            sum += dot(left, left);
            for (int t = 0; t < WIDTH; t++) {
                spread += (e[t] - mean[t]) * (e[t] - mean[t]);
            }
        }
        return sum / spread;
    }

    /** With one step it is what a tied TopK would be, and the encoder is the decoder. */
    @ParameterizedTest
    @MethodSource("devices")
    void aFinishedSaeEncodesWithItsDecoder(String device) {
        try (LearnerFixture fixture = started(device, options(new Auxiliary.None()))) {
            fixture.train(x);
            try (Sae sae = fixture.learner.finish(Map.of())) {
                assertThat(sae.subtractsDecoderBias()).isTrue();
                float[][] rows = fixture.get("decoder");
                for (int latent = 0; latent < LATENTS; latent++) {
                    assertThat(sae.decoderRows(latent)[0]).isEqualTo(rows[latent]);
                }
            }
        }
    }
}
