// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Selection by score, worked out by hand and against TopK. The encoder's and decoder's rows are those of the identity. */
@Tag("device")
class GradientTopKTest {
    private static final float NONE = Float.NaN;
    private static final float[][] IDENTITY = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};

    static List<String> devices() {
        return TestDevices.all();
    }

    private static float[][] select(DeviceFixture fixture, float[][] x, float[][] gradients, float strength, int k) {
        PackedEncoder encoder = fixture.encoder(fixture.floats(IDENTITY), fixture.vector(new float[4]));
        PackedEncoder directions = fixture.encoder(fixture.floats(IDENTITY), fixture.vector(9, 9, 9, 9));
        SparseCodes codes = fixture.codes(x.length, 4, x.length * k);
        fixture.kernels()
                .encodeGradientTopK(
                        fixture.floats(x),
                        encoder,
                        fixture.floats(gradients),
                        directions,
                        fixture.vector(strength),
                        k,
                        null,
                        codes);
        return fixture.dense(codes);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void whatMovesTheLossWinsAndKeepsItsOwnValue(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            float[][] x = {{4, 3, 2, 1}, {4, 3, 2, 1}, {4, -3, 2, 2}, {2, 2, 2, 2}};
            // Of either sign; never a negative pre-activation; of equal scores the lower latent's.
            float[][] gradients = {{0, 0, 0, 9}, {0, -1, 4, 0}, {0, 100, 3, -3}, {1, 2, -2, 2}};
            assertThat((Object) select(fixture, x, gradients, 1, 2)).isEqualTo(new float[][] {
                {4, NONE, NONE, 1},
                {NONE, 3, 2, NONE},
                {NONE, NONE, 2, 2},
                {NONE, 2, 2, NONE}
            });
            assertThat((Object) select(fixture, x, gradients, 0, 2)).isEqualTo(new float[][] {
                {4, 3, NONE, NONE},
                {4, 3, NONE, NONE},
                {4, NONE, 2, NONE},
                {2, 2, NONE, NONE}
            });
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aStrengthOfZeroIsTopKToTheBit(String device) {
        Random random = new Random(11);
        RandomData data = new RandomData(random);
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            int rows = 40;
            int latents = 130;
            int width = 17;
            PackedEncoder encoder =
                    fixture.encoder(fixture.floats(data.matrix(latents, width)), fixture.vector(data.vector(latents)));
            PackedEncoder directions =
                    fixture.encoder(fixture.floats(data.matrix(latents, width)), fixture.vector(data.vector(latents)));
            Matrix x = fixture.floats(data.matrix(rows, width));
            Matrix gradients = fixture.floats(data.matrix(rows, width));
            int[] all = new int[latents];
            for (int latent = 0; latent < 50; latent++) {
                all[latent] = 2 * latent;
            }
            float[][][] codes = new float[4][][];
            for (int at = 0; at < 2; at++) {
                SparseCodes main = fixture.codes(rows, latents, rows * 9);
                SparseCodes revived = fixture.codes(rows, latents, rows * 6);
                DeadSelection dead = new DeadSelection(fixture.ints(all), fixture.ints(50), 6, revived);
                if (at == 0) {
                    fixture.kernels().encodeTopK(x, encoder, 9, dead, main);
                } else {
                    fixture.kernels()
                            .encodeGradientTopK(x, encoder, gradients, directions, fixture.vector(0), 9, dead, main);
                }
                codes[at] = fixture.dense(main);
                codes[2 + at] = fixture.dense(revived);
            }
            assertThat((Object) codes[1]).isEqualTo(codes[0]);
            assertThat((Object) codes[3]).isEqualTo(codes[2]);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void theStrengthIsBetaOverTheMeanMagnitude(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            PackedEncoder directions = fixture.encoder(fixture.floats(IDENTITY), fixture.vector(9, 9, 9, 9));
            Matrix strength = fixture.vector(-1);
            Matrix gradients = fixture.floats(new float[][] {{1, -2, 3, 0}, {0, 0, 0, -10}});
            fixture.kernels().attributionStrength(gradients, directions, 3, strength);
            assertThat(fixture.scalar(strength)).isCloseTo(3 / 2.0, within(1e-6));
            // Without any gradient there is nothing to weigh, and TopK is what is left.
            fixture.kernels().attributionStrength(fixture.floats(new float[2][4]), directions, 3, strength);
            assertThat(fixture.scalar(strength)).isZero();
            assertThatThrownBy(() -> fixture.kernels().attributionStrength(gradients, directions, -1, strength))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("beta");
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void gradientsOfAnotherShapeAreRefused(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            assertThatThrownBy(() -> select(fixture, new float[2][4], new float[3][4], 1, 2))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("gradients should be F32[2, 4]");
            assertThatThrownBy(() -> select(fixture, new float[2][4], new float[2][3], 1, 2))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("gradients should be F32[2, 4]");
        }
    }
}
