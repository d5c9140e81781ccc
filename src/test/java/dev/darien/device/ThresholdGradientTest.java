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

/**
 * The pseudo-gradient of JumpReLU's threshold estimates the true gradient of the expected loss (Rajamanoharan et al.
 * 2024, section 4). One latent in one dimension: pre-activation z ~ N(.4, .4²), target .9·z, loss
 * {@code (.9·z - J(z))² + λ·H(z - θ)}, θ = .5, λ = .05, bandwidth .02.
 *
 * <p>In closed form {@code dE/dθ = ((.9·θ)² - (.9·θ - θ)² - λ)·p(θ) = (.2 - λ)·p(θ)}. A Monte-Carlo sample of such a
 * problem has given a finite difference of .1459, a pseudo-gradient of .1454 and -.0486 for the part of λ; here the
 * sample is spread evenly over the distribution, which leaves less noise than that.
 */
@Tag("device")
class ThresholdGradientTest {
    private static final double MEAN = 0.4;
    private static final double DEVIATION = 0.4;
    private static final double THETA = 0.5;
    private static final double LAMBDA = 0.05;
    private static final float BANDWIDTH = 0.02f;
    private static final int SAMPLES = 200_000;

    static List<String> devices() {
        return TestDevices.all();
    }

    private static double density(double z) {
        double distance = (z - MEAN) / DEVIATION;
        return Math.exp(-distance * distance / 2) / (DEVIATION * Math.sqrt(2 * Math.PI));
    }

    /** The quantiles (i + ½)/n, by walking the distribution in small steps. */
    private static float[][] quantiles() {
        float[][] z = new float[SAMPLES][1];
        double step = 1e-6;
        double below = 0;
        double at = MEAN - 6 * DEVIATION;
        for (int sample = 0; sample < SAMPLES; sample++) {
            while (below < (sample + 0.5) / SAMPLES && at < MEAN + 6 * DEVIATION) {
                below += density(at + step / 2) * step;
                at += step;
            }
            z[sample][0] = (float) at;
        }
        return z;
    }

    private static double expectedLoss(float[][] z, double theta) {
        double total = 0;
        for (float[] one : z) {
            double difference = 0.9 * one[0] - (one[0] > theta ? one[0] : 0);
            total += difference * difference + (one[0] > theta ? LAMBDA : 0);
        }
        return total / SAMPLES;
    }

    /** What the pseudo-derivatives average to over the window: {@code -(2·(x̂ - .9·z)·θ + λ)/ε} where z has x̂. */
    private static double windowAverage() {
        double sum = 0;
        int steps = 10_000;
        for (int at = 0; at < steps; at++) {
            double z = THETA + ((at + 0.5) / steps - 0.5) * BANDWIDTH;
            double residual = (z > THETA ? z : 0) - 0.9 * z;
            sum -= (2 * residual * THETA + LAMBDA) * density(z) / steps;
        }
        return sum;
    }

    @ParameterizedTest
    @MethodSource("devices")
    void estimatesTheGradientOfTheExpectedLoss(String device) {
        float[][] z = quantiles();
        double finiteDifference =
                (expectedLoss(z, THETA + BANDWIDTH / 2) - expectedLoss(z, THETA - BANDWIDTH / 2)) / BANDWIDTH;
        double closedForm = (0.2 - LAMBDA) * density(THETA);
        assertThat(finiteDifference).isCloseTo(closedForm, within(0.002 * closedForm));

        double squaredError = 2.0 / SAMPLES;
        double pseudoGradient = gradient(device, z, squaredError, LAMBDA / SAMPLES);
        assertThat(pseudoGradient).isCloseTo(windowAverage(), within(0.002 * closedForm));
        // The window is 4 % of θ wide, and the estimate is off by that order.
        assertThat(pseudoGradient).isCloseTo(closedForm, within(0.02 * closedForm));
        assertThat(pseudoGradient).isCloseTo(0.1454, within(0.02 * 0.1454));
        double l0Part = gradient(device, z, 0, LAMBDA / SAMPLES);
        assertThat(l0Part).isCloseTo(-LAMBDA * density(THETA), within(0.005 * 0.0486));
        assertThat(l0Part).isCloseTo(-0.0486, within(0.01 * 0.0486));
    }

    private static double gradient(String device, float[][] z, double scale, double l0) {
        float[][] targets = new float[SAMPLES][1];
        for (int sample = 0; sample < SAMPLES; sample++) {
            targets[sample][0] = 0.9f * z[sample][0];
        }
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Kernels kernels = fixture.kernels();
            Matrix x = fixture.floats(z);
            Matrix one = fixture.floats(new float[] {1});
            Matrix thresholds = fixture.vector((float) THETA);
            SparseCodes codes = fixture.codes(SAMPLES, 1, SAMPLES);
            kernels.encodeThreshold(x, fixture.encoder(one, fixture.vector(0)), thresholds, BANDWIDTH, codes);
            Matrix residual = fixture.matrix(DType.F32, SAMPLES, 1);
            Matrix errors = fixture.matrix(DType.F32, 1, SAMPLES);
            Matrix codeGradients = fixture.matrix(DType.F32, 1, SAMPLES);
            kernels.reconstruct(codes, one, null, fixture.floats(targets), 1, residual, errors, codeGradients);
            LatentTerms terms = new LatentTerms(
                    codes, fixture.groups(codes), codeGradients, x, residual, fixture.vector((float) scale));
            Matrix gradient = fixture.vector(0);
            kernels.thresholdGradient(terms, thresholds, BANDWIDTH, (float) l0, false, gradient);
            return fixture.scalar(gradient);
        }
    }
}
