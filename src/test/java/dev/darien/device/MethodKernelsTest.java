// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The kernels that single methods need, against numbers worked out by hand and against finite differences. */
@Tag("device")
class MethodKernelsTest {
    private static final float NONE = Float.NaN;

    static List<String> devices() {
        return TestDevices.all();
    }

    private static final float[][] AFFINITIES = {{.9f, .1f, .5f, .3f}, {.8f, .7f, .2f, .6f}, {.05f, .4f, .35f, 1}};

    /** methods.md, golden vectors: which tokens each latent takes, by budgets of (1, 2, 1, 2) and of (2, 1, 1, 2). */
    @ParameterizedTest
    @MethodSource("devices")
    void latentsTakeTheirBestTokens(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            assertThat(taken(fixture, false, 12, 1, 2, 1, 2)).isDeepEqualTo(new boolean[][] {
                {true, false, true, false}, {false, true, false, true}, {false, true, false, true}
            });
            assertThat(taken(fixture, false, 12, 2, 1, 1, 2)).isDeepEqualTo(new boolean[][] {
                {true, false, true, false}, {true, true, false, true}, {false, false, false, true}
            });
            // Room for 4 entries: the third latent's budget is cut, and the fourth has none.
            assertThat(taken(fixture, false, 4, 1, 2, 3, 2)).isDeepEqualTo(new boolean[][] {
                {true, false, true, false}, {false, true, false, false}, {false, true, false, false}
            });
        }
    }

    /** Three groups of five latents: one, two and two. */
    @ParameterizedTest
    @MethodSource("devices")
    void eachGroupGivesItsLargestValue(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            PackedEncoder encoder = fixture.encoder(
                    fixture.floats(new float[][] {{1, 0}, {1, 0}, {0, 1}, {1, 1}, {1, 1}}),
                    fixture.vector(0, 0.5f, 0, 0, 0));
            SparseCodes codes = fixture.codes(2, 5, 6);
            fixture.kernels()
                    .encodeGroupMax(fixture.floats(new float[][] {{1, 1}, {-1, 0.25f}}), encoder, 3, null, codes);
            float[][] dense = fixture.dense(codes);
            // Of equal ones the first; of those that aren't positive none.
            assertThat(dense[0]).containsExactly(1, 1.5f, NONE, 2, NONE);
            assertThat(dense[1]).containsExactly(NONE, NONE, 0.25f, NONE, NONE);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void magnitudesAreSelectedWithTheirSigns(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            PackedEncoder encoder = fixture.encoder(
                    fixture.floats(new float[][] {{1, 0}, {-2, 0}, {0, 1}, {0, -1}}), fixture.vector(0, 0, 0, 0));
            SparseCodes codes = fixture.codes(3, 4, 6);
            fixture.kernels()
                    .encodeAbsTopK(fixture.floats(new float[][] {{1, 1}, {-0.5f, 3}, {0, 0}}), encoder, 2, null, codes);
            float[][] dense = fixture.dense(codes);
            // Of equal magnitudes the lower latent, whatever the signs; nothing of a row of zeros.
            assertThat(dense[0]).containsExactly(1, -2, NONE, NONE);
            assertThat(dense[1]).containsExactly(NONE, NONE, 3, -3);
            assertThat(dense[2]).containsExactly(NONE, NONE, NONE, NONE);
        }
    }

    private static boolean[][] taken(DeviceFixture fixture, boolean nonPositive, int room, int... budgets) {
        Matrix smallest = fixture.vector(-7, -7, -7, -7);
        // The identity as encoder: pre-activations are the inputs.
        PackedEncoder encoder = fixture.encoder(
                fixture.floats(new float[][] {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}),
                fixture.vector(0, 0, 0, 0));
        SparseCodes codes = fixture.codes(3, 4, room);
        fixture.kernels()
                .encodeFeatureChoice(
                        fixture.floats(AFFINITIES), encoder, fixture.ints(budgets), nonPositive, codes, smallest);
        float[][] dense = fixture.dense(codes);
        boolean[][] taken = new boolean[3][4];
        for (int row = 0; row < 3; row++) {
            for (int latent = 0; latent < 4; latent++) {
                taken[row][latent] = !Float.isNaN(dense[row][latent]);
                assertThat(taken[row][latent] ? dense[row][latent] : AFFINITIES[row][latent])
                        .isEqualTo(AFFINITIES[row][latent]);
            }
        }
        return taken;
    }

    /** methods.md, golden vectors: r = .3, b_gate = -.2, b_mag = .1. */
    @ParameterizedTest
    @MethodSource("devices")
    void magnitudesOfOpenGates(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            // u = .21 and .5 open the gate, and an entry of value 0 stays one.
            SparseCodes gates = fixture.codesOf(new float[][] {{0.01f}, {0.3f}, {0}});
            Matrix magnitudes = fixture.vector(7, 7, 7, 7);
            fixture.kernels()
                    .gatedMagnitudes(
                            gates, fixture.vector(-0.2f), fixture.vector(0.3f), fixture.vector(0.1f), magnitudes);
            assertThat(fixture.read(magnitudes)[0]).isCloseTo(0.383470, within(1e-6));
            assertThat(fixture.read(magnitudes)[1]).isCloseTo(0.774929, within(1e-6));
            assertThat(fixture.read(magnitudes)[2]).isZero();
            fixture.kernels()
                    .gatedMagnitudes(
                            gates, fixture.vector(-0.2f), fixture.vector(0.3f), fixture.vector(-0.3f), magnitudes);
            assertThat(fixture.read(magnitudes)[0]).as("a magnitude below 0").isZero();
        }
    }

    /** The loss is Σ c · magnitude, with c the code gradients. */
    @ParameterizedTest
    @MethodSource("devices")
    void gradientsOfMagnitudesAreThoseOfFiniteDifferences(String device) {
        Random random = new Random(5);
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            float[][] dense = RandomData.sparse(random, 9, 6);
            SparseCodes gates = fixture.codesOf(dense);
            RandomData data = new RandomData(random);
            float[] gateBias = data.vector(6);
            float[] scale = data.vector(6);
            float[] bias = data.vector(6);
            float[] weights = data.vector(gates.capacity());
            Matrix magnitudes = fixture.matrix(DType.F32, 1, gates.capacity());
            SparseCodes active = new SparseCodes(gates.offsets(), gates.indices(), magnitudes, 6);
            Matrix scaleGradient = fixture.matrix(DType.F32, 1, 6);
            Matrix biasGradient = fixture.matrix(DType.F32, 1, 6);
            Matrix gradients = fixture.vector(weights);
            fixture.kernels()
                    .gatedMagnitudes(
                            gates, fixture.vector(gateBias), fixture.vector(scale), fixture.vector(bias), magnitudes);
            LatentTerms terms = new LatentTerms(
                    active,
                    fixture.groups(gates),
                    gradients,
                    fixture.matrix(DType.F32, 9, 2),
                    fixture.matrix(DType.F32, 9, 2),
                    fixture.vector(1));
            fixture.kernels()
                    .gatedGradient(
                            terms, fixture.vector(scale), fixture.vector(bias), false, scaleGradient, biasGradient);
            for (int latent = 0; latent < 6; latent++) {
                double h = 1e-3;
                float[] up = scale.clone();
                float[] down = scale.clone();
                up[latent] += (float) h;
                down[latent] -= (float) h;
                double wanted = (weighted(fixture, gates, gateBias, up, bias, weights)
                                - weighted(fixture, gates, gateBias, down, bias, weights))
                        / ((double) up[latent] - down[latent]);
                assertThat(fixture.read(scaleGradient)[latent]).isCloseTo(wanted, within(5e-3));
                up = bias.clone();
                down = bias.clone();
                up[latent] += (float) h;
                down[latent] -= (float) h;
                wanted = (weighted(fixture, gates, gateBias, scale, up, weights)
                                - weighted(fixture, gates, gateBias, scale, down, weights))
                        / ((double) up[latent] - down[latent]);
                assertThat(fixture.read(biasGradient)[latent]).isCloseTo(wanted, within(5e-3));
            }
            double[] passedOn = fixture.read(gradients);
            int entry = 0;
            for (float[] row : dense) {
                for (int latent = 0; latent < row.length; latent++) {
                    if (!Float.isNaN(row[latent])) {
                        assertThat(passedOn[entry]).isCloseTo(weights[entry] * Math.exp(scale[latent]), within(1e-5));
                        entry++;
                    }
                }
            }
        }
    }

    private static double weighted(
            DeviceFixture fixture, SparseCodes gates, float[] gateBias, float[] scale, float[] bias, float[] weights) {
        Matrix magnitudes = fixture.matrix(DType.F32, 1, gates.capacity());
        fixture.kernels()
                .gatedMagnitudes(
                        gates, fixture.vector(gateBias), fixture.vector(scale), fixture.vector(bias), magnitudes);
        double[] values = fixture.read(magnitudes);
        double sum = 0;
        for (int entry = 0; entry < fixture.entries(gates); entry++) {
            sum += values[entry] * weights[entry];
        }
        return sum;
    }

    @ParameterizedTest
    @MethodSource("devices")
    void latentsOutsideTheRangeFallSilent(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            SparseCodes codes = fixture.codesOf(new float[][] {{1, 2, NONE, 4}, {NONE, 6, 7, 8}});
            Matrix values = fixture.vector(9, 9, 9, 9, 9, 9, 9);
            fixture.kernels().keepLatents(codes, 1, 3, values);
            assertThat(fixture.read(values)).startsWith(0, 2, 0, 6, 7, 0);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void slopesOfPenaltiesAreThoseOfFiniteDifferences(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            for (PenaltyCurve curve : List.of(PenaltyCurve.power(0.4), PenaltyCurve.tanh(4), PenaltyCurve.power(1))) {
                for (double code : new double[] {0.02, 0.3, 1.5}) {
                    SparseCodes codes = fixture.codesOf(new float[][] {{(float) code, 0, NONE}});
                    Matrix gradients = fixture.vector(1, 1, 1);
                    Matrix penalty = fixture.doubles(10);
                    fixture.kernels().addPenalty(codes, fixture.vector(2, 3, 1), curve, 0.5f, gradients, penalty);
                    double h = 1e-6;
                    double slope = (curve.value(2 * (code + h)) - curve.value(2 * (code - h))) / (2 * h);
                    assertThat(fixture.read(gradients)[0] - 1)
                            .as("%s at %s", curve, code)
                            .isCloseTo(0.5 * slope, within(1e-4));
                    assertThat(fixture.scalar(penalty)).isCloseTo(10 + 0.5 * curve.value(2 * code), within(1e-6));
                    // An entry in a threshold's window has value 0: only tanh reaches its threshold through it.
                    double inactive = curve.kind() == PenaltyCurve.Kind.TANH ? 0.5 * 4 * 3 : 0;
                    assertThat(fixture.read(gradients)[1] - 1).isCloseTo(inactive, within(1e-5));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void latentsThatFireTooSeldomAreListedWithTheDeadOnes(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Matrix lastFired = fixture.ints(9, 1, 9, 9, 2);
            Matrix rates = fixture.vector(0.5f, 0.5f, 0.1f, 0, 0.5f);
            Matrix latents = fixture.matrix(DType.I32, 1, 5);
            Matrix count = fixture.ints(-1);
            Matrix limits = fixture.vector(0.5f, 0.2f, 0.2f, 0.2f, 0.2f);
            fixture.kernels().listUnderused(lastFired, 5, rates, limits, latents, count);
            assertThat(fixture.scalar(count)).isEqualTo(4);
            assertThat(fixture.read(latents)).startsWith(1, 2, 3, 4);
            // With no limits they are the dead ones alone.
            fixture.kernels().listUnderused(lastFired, 5, rates, fixture.vector(0, 0, 0, 0, 0), latents, count);
            assertThat(fixture.scalar(count)).isEqualTo(2);
            assertThat(fixture.read(latents)).startsWith(1, 4);
        }
    }
}
