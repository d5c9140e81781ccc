// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Decoding, gradients, optimiser and tracking on numbers worked out by hand. */
@Tag("device")
class GradientKernelsTest {
    private static final float NONE = Float.NaN;
    /** Two rows, three latents; latent 1 is inactive in row 0, latent 2 silent. */
    private static final float[][] CODES = {{2, 0, NONE}, {1, 3, NONE}};

    private static final float[][] DECODER = {{1, 0}, {0, 2}, {5, 5}};

    static List<String> devices() {
        return TestDevices.all();
    }

    private static LatentTerms terms(DeviceFixture fixture, SparseCodes codes) {
        return new LatentTerms(
                codes,
                fixture.groups(codes),
                fixture.vector(1, 10, 2, 3, 99),
                fixture.floats(new float[] {1, 2}, new float[] {3, 4}),
                fixture.floats(new float[] {1, -1}, new float[] {0, 1}),
                fixture.vector(0.5f));
    }

    @ParameterizedTest
    @MethodSource("devices")
    void reconstructionItsErrorAndTheGradientOfTheCodes(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Kernels kernels = fixture.kernels();
            SparseCodes codes = fixture.codesOf(CODES);
            Matrix wDec = fixture.floats(DECODER);
            Matrix out = fixture.matrix(DType.F32, 2, 2);
            kernels.decode(codes, wDec, null, out);
            assertThat(fixture.read(out)).containsExactly(2, 0, 1, 6);
            kernels.decode(codes, wDec, fixture.vector(10, 20), out);
            assertThat(fixture.read(out)).containsExactly(12, 20, 11, 26);

            Matrix errors = fixture.matrix(DType.F32, 1, 2);
            Matrix gradients = fixture.matrix(DType.F32, 1, codes.capacity());
            Matrix target = fixture.floats(new float[] {1, 1}, new float[] {1, 2});
            kernels.reconstruct(codes, wDec, null, target, 1, out, errors, gradients);
            assertThat(fixture.read(out)).containsExactly(1, -1, 0, 4);
            assertThat(fixture.read(errors)).containsExactly(2, 16);
            assertThat(fixture.read(gradients)).startsWith(1, -2, 0, 8);
            kernels.reconstruct(codes, wDec, null, target, -1, out, errors, gradients);
            assertThat(fixture.read(out)).containsExactly(3, 1, 2, 8);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void l1CountsActiveEntriesOnly(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            SparseCodes codes = fixture.codesOf(CODES);
            Matrix gradients = fixture.vector(1, 1, 1, 1, 1);
            Matrix penalty = fixture.doubles(100);
            fixture.kernels().addL1(codes, null, 0.5f, gradients, penalty);
            assertThat(fixture.read(gradients)).startsWith(1.5, 1, 1.5, 1.5);
            assertThat(fixture.scalar(penalty)).isEqualTo(103);
            fixture.kernels().addL1(codes, fixture.vector(2, 4, 8), 0.5f, gradients, penalty);
            assertThat(fixture.read(gradients)).startsWith(2.5, 1, 2.5, 3.5);
            assertThat(fixture.scalar(penalty)).isEqualTo(103 + 0.5 * (4 + 2 + 12));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void theAuxiliaryLossIsRelativeToTheSpreadOfTheResidual(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Matrix scale = fixture.vector(9);
            Matrix loss = fixture.doubles(9);
            // Mean (2, 0), squared distances 2 and 2.
            Matrix residual = fixture.floats(new float[] {1, 1}, new float[] {3, -1});
            fixture.kernels().auxiliaryScale(residual, fixture.vector(3, 5), 0.25f, scale, loss);
            assertThat(fixture.scalar(scale)).isEqualTo(0.125);
            assertThat(fixture.scalar(loss)).isEqualTo(2);
            Matrix same = fixture.floats(new float[] {1, 1}, new float[] {1, 1});
            fixture.kernels().auxiliaryScale(same, fixture.vector(3, 5), 0.25f, scale, loss);
            assertThat(fixture.scalar(scale)).isZero();
            assertThat(fixture.scalar(loss)).isZero();
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void entriesAreGroupedByLatentInTheOrderOfRows(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            LatentGroups groups = fixture.groups(fixture.codesOf(CODES));
            assertThat(fixture.read(groups.offsets())).containsExactly(0, 2, 4, 4);
            assertThat(fixture.read(groups.rows())).startsWith(0, 1, 0, 1);
            assertThat(fixture.read(groups.entries())).startsWith(0, 2, 1, 3);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void gradientsOfTheWeights(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Kernels kernels = fixture.kernels();
            LatentTerms terms = terms(fixture, fixture.codesOf(CODES));
            Matrix bias = fixture.vector(1, 1, 1);
            kernels.encoderBiasGradient(terms, true, bias);
            assertThat(fixture.read(bias)).containsExactly(2.5, 2.5, 1);

            LatentRows gradients = new LatentRows(
                    fixture.floats(new float[] {100, 100}, new float[] {100, 100}, new float[] {100, 100}),
                    fixture.floats(new float[] {100, 100}, new float[] {100, 100}, new float[] {100, 100}));
            Matrix touched = fixture.ints(0, 1, 0);
            kernels.latentGradients(terms, 0.5f, fixture.floats(DECODER), gradients, touched);
            // Latent 0 is overwritten, latent 1 added to, latent 2 has no entries.
            assertThat(fixture.read(gradients.encoder())).containsExactly(3.5, 5, 104.5, 106, 100, 100);
            assertThat(fixture.read(gradients.decoder())).containsExactly(1 + 1.5, -0.5, 100, 101.5 + 1.5, 100, 100);
            assertThat(fixture.read(touched)).containsExactly(1, 1, 0);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void normsOfGradientsAndClipping(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Kernels kernels = fixture.kernels();
            Matrix x = fixture.floats(new float[] {3, 4}, new float[] {100, 100}, new float[] {1, 2});
            Matrix sum = fixture.doubles(7);
            kernels.squaredNorm(x, fixture.ints(1, 0, 1), null, false, sum);
            assertThat(fixture.scalar(sum)).isEqualTo(30);
            Matrix unit = fixture.floats(new float[] {1, 0}, new float[] {1, 0}, new float[] {0, 1});
            kernels.squaredNorm(x, fixture.ints(1, 0, 1), unit, true, sum);
            assertThat(fixture.scalar(sum)).isEqualTo(30 + 16 + 1);
            Matrix scale = fixture.vector(0);
            kernels.clipScale(fixture.doubles(16), 2, scale);
            assertThat(fixture.scalar(scale)).isCloseTo(0.5, within(1e-6));
            kernels.clipScale(fixture.doubles(1), 2, scale);
            assertThat(fixture.scalar(scale)).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void theFirstStepOfAdamIsTheLearningRateInTheDirectionOfTheSign(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Matrix weights = fixture.floats(new float[] {1, 1, 1}, new float[] {1, 1, 1});
            Matrix gradient = fixture.floats(new float[] {4, -0.5f, 0}, new float[] {7, 7, 7});
            Matrix first = fixture.matrix(DType.F32, 2, 3);
            Matrix second = fixture.matrix(DType.F32, 2, 3);
            AdamStep step = AdamStep.at(1, 0.125, 0.75, 0.5, 0);
            // Row 1 isn't touched: its gradient is 0, whatever is stored, and 0/0 must not be what comes of it.
            AdamStep safe = new AdamStep(
                    step.learningRate(), step.beta1(), step.beta2(), 1e-8f, step.correction1(), step.correction2());
            fixture.kernels()
                    .adam(safe, weights, gradient, first, second, fixture.ints(1, 0), fixture.vector(2), false);
            assertThat(fixture.readFloats(weights))
                    .containsExactly(new float[] {0.875f, 1.125f, 1, 1, 1, 1}, within(1e-6f));
            assertThat(fixture.read(first)).containsExactly(2, -0.25, 0, 0, 0, 0);
            assertThat(fixture.read(second)).containsExactly(32, 0.5, 0, 0, 0, 0);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void unitRowsMoveAcrossAndStayUnit(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Matrix weights = fixture.floats(new float[] {0.6f, 0.8f});
            Matrix first = fixture.matrix(DType.F32, 1, 2);
            Matrix second = fixture.matrix(DType.F32, 1, 2);
            // (1.4, -0.2) less its component of 0.68 along the row leaves (0.992, -0.744).
            Matrix gradient = fixture.floats(new float[] {1.4f, -0.2f});
            fixture.kernels().adam(AdamStep.at(1, 0.1, 0, 0, 1e-8), weights, gradient, first, second, null, null, true);
            assertThat(fixture.readFloats(first)).containsExactly(new float[] {0.992f, -0.744f}, within(1e-6f));
            double norm = Math.hypot(0.5, 0.9);
            assertThat(fixture.readFloats(weights))
                    .containsExactly(new float[] {(float) (0.5 / norm), (float) (0.9 / norm)}, within(1e-6f));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aFusedStepIsGradientsAndThenAdam(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Kernels kernels = fixture.kernels();
            SparseCodes codes = fixture.codesOf(CODES);
            LatentTerms terms = terms(fixture, codes);
            AdamStep step = AdamStep.at(3, 0.1, 0.9, 0.99, 1e-6);
            float[][] start = {{0.6f, 0.8f}, {1, 0}, {0, 1}};
            LatentRows fused = new LatentRows(fixture.floats(start), fixture.floats(start));
            LatentRows fused1 = new LatentRows(fixture.floats(start), fixture.floats(DECODER));
            LatentRows fused2 = new LatentRows(fixture.floats(DECODER), fixture.floats(DECODER));
            kernels.latentStep(step, terms, terms, 0.5f, fused, fused1, fused2, true);

            LatentRows apart = new LatentRows(fixture.floats(start), fixture.floats(start));
            LatentRows apart1 = new LatentRows(fixture.floats(start), fixture.floats(DECODER));
            LatentRows apart2 = new LatentRows(fixture.floats(DECODER), fixture.floats(DECODER));
            LatentRows gradients = new LatentRows(fixture.matrix(DType.F32, 3, 2), fixture.matrix(DType.F32, 3, 2));
            Matrix touched = fixture.ints(0, 0, 0);
            kernels.latentGradients(terms, 0.5f, apart.decoder(), gradients, touched);
            // The penalty is on the main selection only.
            kernels.latentGradients(terms, 0, null, gradients, touched);
            kernels.adam(
                    step,
                    apart.encoder(),
                    gradients.encoder(),
                    apart1.encoder(),
                    apart2.encoder(),
                    touched,
                    null,
                    false);
            kernels.adam(
                    step,
                    apart.decoder(),
                    gradients.decoder(),
                    apart1.decoder(),
                    apart2.decoder(),
                    touched,
                    null,
                    true);
            same(fixture, fused, apart);
            same(fixture, fused1, apart1);
            same(fixture, fused2, apart2);
        }
    }

    private static void same(DeviceFixture fixture, LatentRows actual, LatentRows expected) {
        assertThat(fixture.readFloats(actual.encoder()))
                .containsExactly(fixture.readFloats(expected.encoder()), within(1e-5f));
        assertThat(fixture.readFloats(actual.decoder()))
                .containsExactly(fixture.readFloats(expected.decoder()), within(1e-5f));
    }

    @ParameterizedTest
    @MethodSource("devices")
    void whatFiredIsRememberedAndTheRestIsDead(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Kernels kernels = fixture.kernels();
            SparseCodes codes = fixture.codesOf(new float[][] {{NONE, 1, NONE, 0, NONE}, {2, NONE, NONE, NONE, NONE}});
            Matrix lastFired = fixture.ints(5, 5, 4, 5, 3);
            kernels.markFired(codes, 9, lastFired);
            assertThat(fixture.read(lastFired)).containsExactly(9, 9, 4, 5, 3);
            Matrix dead = fixture.ints(-1, -1, -1, -1, -1);
            Matrix count = fixture.ints(-1);
            kernels.listDead(lastFired, 5, dead, count);
            assertThat(fixture.read(count)).containsExactly(2);
            assertThat(fixture.read(dead)).startsWith(2, 4);
            Matrix statistics = fixture.doubles(10, 20);
            kernels.addStatistics(fixture.vector(0.5f, 1), codes, statistics);
            assertThat(fixture.read(statistics)).containsExactly(11.5, 22);
        }
    }
}
