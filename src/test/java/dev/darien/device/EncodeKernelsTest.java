// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Selections worked out by hand. The encoder's weights are the identity, so that inputs are pre-activations. */
@Tag("device")
class EncodeKernelsTest {
    private static final float NONE = Float.NaN;
    private static final float[][] AFFINITIES = {{.9f, .1f, .5f, .3f}, {.8f, .7f, .2f, .6f}, {.05f, .4f, .35f, 1}};

    static List<String> devices() {
        return TestDevices.all();
    }

    private static PackedEncoder identity(DeviceFixture fixture, int size) {
        float[][] wEnc = new float[size][size];
        for (int latent = 0; latent < size; latent++) {
            wEnc[latent][latent] = 1;
        }
        return fixture.encoder(fixture.floats(wEnc), fixture.vector(new float[size]));
    }

    private static float[][] topK(DeviceFixture fixture, int k, float[]... x) {
        SparseCodes codes = fixture.codes(x.length, x[0].length, x.length * k);
        fixture.kernels().encodeTopK(fixture.floats(x), identity(fixture, x[0].length), k, null, codes);
        return fixture.dense(codes);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void topKKeepsTheLargestOfEachRow(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            assertThat((Object) topK(fixture, 2, AFFINITIES))
                    .isEqualTo(new float[][] {{.9f, NONE, .5f, NONE}, {.8f, .7f, NONE, NONE}, {NONE, .4f, NONE, 1}});
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void topKTakesTheLowerLatentOfEqualsAndNothingThatIsNotPositive(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            assertThat((Object) topK(
                            fixture,
                            2,
                            new float[] {1, 2, 1, 1},
                            new float[] {-1, 0, -0f, 3},
                            new float[] {-1, -2, -3, -4},
                            new float[] {3, 3, 3, 3}))
                    .isEqualTo(new float[][] {
                        {1, 2, NONE, NONE}, {NONE, NONE, NONE, 3}, {NONE, NONE, NONE, NONE}, {3, 3, NONE, NONE}
                    });
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void topKSelectsInfinityButNeverNan(String device) {
        // A row with NaN or infinity has NaN pre-activations wherever it meets a weight of 0.
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            PackedEncoder encoder =
                    fixture.encoder(fixture.floats(new float[][] {{1}, {-1}, {2}}), fixture.vector(0, 0, 0));
            SparseCodes codes = fixture.codes(3, 3, 9);
            Matrix x = fixture.floats(new float[][] {{Float.NaN}, {Float.POSITIVE_INFINITY}, {1}});
            fixture.kernels().encodeTopK(x, encoder, 3, null, codes);
            float infinity = Float.POSITIVE_INFINITY;
            assertThat((Object) fixture.dense(codes))
                    .isEqualTo(new float[][] {{NONE, NONE, NONE}, {infinity, NONE, infinity}, {1, NONE, 2}});
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void theBiasIsAdded(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            PackedEncoder encoder = fixture.encoder(
                    fixture.floats(new float[][] {{1, 2}, {3, 4}, {-1, 1}}), fixture.vector(0.5f, -20, 0));
            SparseCodes codes = fixture.codes(1, 3, 3);
            fixture.kernels().encodeTopK(fixture.floats(new float[][] {{1, 2}}), encoder, 3, null, codes);
            assertThat((Object) fixture.dense(codes)).isEqualTo(new float[][] {{5.5f, NONE, 1}});
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void batchTopKKeepsTheLargestOfTheBatchAndTellsTheSmallest(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            SparseCodes codes = fixture.codes(3, 4, 6);
            Matrix smallestKept = fixture.vector(0);
            fixture.kernels()
                    .encodeBatchTopK(fixture.floats(AFFINITIES), identity(fixture, 4), 6, null, codes, smallestKept);
            assertThat((Object) fixture.dense(codes))
                    .isEqualTo(new float[][] {{.9f, NONE, .5f, NONE}, {.8f, .7f, NONE, .6f}, {NONE, NONE, NONE, 1}});
            assertThat(fixture.scalar(smallestKept)).isEqualTo(0.5);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void batchTopKTakesTheLowerRowThenTheLowerLatentOfEquals(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            SparseCodes codes = fixture.codes(3, 2, 4);
            Matrix smallestKept = fixture.vector(0);
            fixture.kernels()
                    .encodeBatchTopK(
                            fixture.floats(new float[][] {{1, 1}, {1, 1}, {1, 2}}),
                            identity(fixture, 2),
                            4,
                            null,
                            codes,
                            smallestKept);
            assertThat((Object) fixture.dense(codes)).isEqualTo(new float[][] {{1, 1}, {1, NONE}, {NONE, 2}});
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void batchTopKLeavesTheSmallestAloneIfNothingIsKept(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            SparseCodes codes = fixture.codes(1, 2, 2);
            Matrix smallestKept = fixture.vector(0.25f);
            fixture.kernels()
                    .encodeBatchTopK(
                            fixture.floats(new float[][] {{-1, 0}}),
                            identity(fixture, 2),
                            2,
                            null,
                            codes,
                            smallestKept);
            assertThat((Object) fixture.dense(codes)).isEqualTo(new float[][] {{NONE, NONE}});
            assertThat(fixture.scalar(smallestKept)).isEqualTo(0.25);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void jumpReluIsStrictAndMarksItsWindow(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            PackedEncoder encoder = identity(fixture, 4);
            Matrix thresholds = fixture.vector(.5f, .5f, .5f, .5f);
            SparseCodes codes = fixture.codes(2, 4, 8);
            Matrix x = fixture.floats(new float[][] {{.46f, .52f, .9f, -.1f}, {.5f, .44f, .56f, 0}});
            fixture.kernels().encodeThreshold(x, encoder, thresholds, .1f, codes);
            assertThat((Object) fixture.dense(codes))
                    .isEqualTo(new float[][] {{0, .52f, .9f, NONE}, {0, NONE, .56f, NONE}});
            fixture.kernels().encodeThreshold(x, encoder, thresholds, 0, codes);
            assertThat((Object) fixture.dense(codes))
                    .isEqualTo(new float[][] {{NONE, .52f, .9f, NONE}, {NONE, NONE, .56f, NONE}});
        }
    }

    /** dJ/dθ = [-5, -5, 0, 0] and dH/dθ = [-10, -10, 0, 0] for θ = .5 and a bandwidth of .1. */
    @ParameterizedTest
    @MethodSource("devices")
    void theThresholdLearnsThroughBothSidesOfTheWindow(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Kernels kernels = fixture.kernels();
            SparseCodes codes = fixture.codes(1, 4, 4);
            Matrix x = fixture.floats(new float[][] {{.46f, .52f, .9f, -.1f}});
            Matrix thresholds = fixture.vector(.5f, .5f, .5f, .5f);
            kernels.encodeThreshold(x, identity(fixture, 4), thresholds, .1f, codes);
            LatentTerms terms =
                    new LatentTerms(codes, fixture.groups(codes), fixture.vector(1, 1, 1, 1), x, x, fixture.vector(1));
            Matrix gradient = fixture.matrix(DType.F32, 1, 4);
            kernels.thresholdGradient(terms, thresholds, .1f, 0, false, gradient);
            assertThat(fixture.readFloats(gradient)).containsExactly(new float[] {-5, -5, 0, 0}, within(1e-5f));
            kernels.thresholdGradient(terms, fixture.vector(.5f, .5f, .5f, .5f), .1f, 1, true, gradient);
            assertThat(fixture.readFloats(gradient)).containsExactly(new float[] {-20, -20, 0, 0}, within(1e-5f));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void deadLatentsAreSelectedApart(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            SparseCodes codes = fixture.codes(3, 4, 3);
            SparseCodes deadCodes = fixture.codes(3, 4, 6);
            // Latents 1 and 2 are dead; what follows them in the list is not valid.
            DeadSelection dead = new DeadSelection(fixture.ints(1, 2, 3, 0), fixture.ints(2), 1, deadCodes);
            fixture.kernels().encodeTopK(fixture.floats(AFFINITIES), identity(fixture, 4), 1, dead, codes);
            assertThat((Object) fixture.dense(codes))
                    .isEqualTo(new float[][] {{.9f, NONE, NONE, NONE}, {.8f, NONE, NONE, NONE}, {NONE, NONE, NONE, 1}});
            assertThat((Object) fixture.dense(deadCodes))
                    .isEqualTo(
                            new float[][] {{NONE, NONE, .5f, NONE}, {NONE, .7f, NONE, NONE}, {NONE, .4f, NONE, NONE}});
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void codesThatAreTooSmallAreRefused(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Kernels kernels = fixture.kernels();
            Matrix x = fixture.floats(AFFINITIES);
            PackedEncoder encoder = identity(fixture, 4);
            SparseCodes codes = fixture.codes(3, 4, 5);
            assertThatThrownBy(() -> kernels.encodeTopK(x, encoder, 2, null, codes))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("6 entries")
                    .hasMessageContaining("room for 5");
            assertThatThrownBy(() -> kernels.encodeBatchTopK(x, encoder, 6, null, codes, fixture.vector(0)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("room for 5");
            assertThatThrownBy(() -> {
                        kernels.encodeThreshold(x, encoder, null, 0, codes);
                        fixture.synchronize();
                    })
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("room for 5 entries")
                    .hasMessageContaining("row 1 of 3");
            assertThat(fixture.entries(codes)).as("refused codes are empty").isZero();
            assertThatThrownBy(() -> kernels.encodeThreshold(x, encoder, null, 0, fixture.codes(2, 4, 50)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("3 rows");
        }
    }
}
