// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Relu;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeWeights;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SaeSpliceTest {
    private static final int WIDTH = 5;
    /** More rows than an inference takes at once. */
    private static final int ROWS = 2500;

    /** Latent i is channel i, latent d + i its negative: ReLU loses nothing. {@code scale} makes the decoder wrong. */
    private static Sae twoSided(Device device, float scale) {
        SaeWeights weights = SaeWeights.allocate(device.memory(), 2 * WIDTH, WIDTH, false);
        try (Matrix encoder = device.staging("encoder", DType.F32, 2 * WIDTH, WIDTH);
                Matrix decoder = device.staging("decoder", DType.F32, 2 * WIDTH, WIDTH)) {
            for (int i = 0; i < WIDTH; i++) {
                encoder.set(i, i, 1);
                encoder.set(WIDTH + i, i, -1);
                decoder.set(i, i, scale);
                decoder.set(WIDTH + i, i, -scale);
            }
            device.upload(encoder, weights.encoder());
            device.upload(decoder, weights.decoder());
        }
        return new Sae(device, weights, new Relu(), false, Map.of());
    }

    private static Matrix matrix(Arena arena) {
        return Matrix.of(arena.allocate((long) ROWS * WIDTH * Float.BYTES, 64), DType.F32, ROWS, WIDTH);
    }

    private static Matrix random(Arena arena) {
        Random random = new Random(4);
        Matrix x = matrix(arena);
        for (int row = 0; row < ROWS; row++) {
            for (int i = 0; i < WIDTH; i++) {
                x.set(row, i, (float) random.nextGaussian());
            }
        }
        return x;
    }

    @ParameterizedTest
    @ValueSource(strings = {"cpu", "remote"})
    void theReconstructionTakesTheActivationsPlace(String name) {
        try (Arena arena = Arena.ofShared();
                Device device = Device.open(name);
                Sae sae = twoSided(device, 0.5f);
                SaeSplice splice = SaeSplice.reconstruction(sae)) {
            Matrix x = random(arena);
            Matrix out = matrix(arena);
            splice.apply(x, out);
            for (int row = 0; row < ROWS; row++) {
                for (int i = 0; i < WIDTH; i++) {
                    assertThat(out.get(row, i)).isEqualTo(0.5f * x.get(row, i));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"cpu", "remote"})
    void anEditShowsAloneBecauseTheErrorIsKept(String name) {
        try (Arena arena = Arena.ofShared();
                Device device = Device.open(name);
                Sae sae = twoSided(device, 0.5f);
                SaeSplice nothing = SaeSplice.edited(sae, codes -> {});
                SaeSplice without2 = SaeSplice.edited(sae, SaeSpliceTest::clearLatent2)) {
            Matrix x = random(arena);
            Matrix out = matrix(arena);
            nothing.apply(x, out);
            for (int row = 0; row < ROWS; row++) {
                assertThat(out.toArray(row)).containsExactly(x.toArray(row), within(1e-6f));
            }
            without2.apply(x, out);
            for (int row = 0; row < ROWS; row++) {
                float[] expected = x.toArray(row);
                expected[2] -= 0.5f * Math.max(0, expected[2]);
                assertThat(out.toArray(row)).containsExactly(expected, within(1e-6f));
            }
        }
    }

    @Test
    void latentsAreRemovedWithOrWithoutTheErrorTerm() {
        try (Arena arena = Arena.ofShared();
                Device device = Device.open("cpu");
                Sae sae = twoSided(device, 0.5f);
                SaeSplice identity = SaeSplice.without(sae, Set.of(), true);
                SaeSplice reconstruction = SaeSplice.without(sae, Set.of(), false);
                SaeSplice without2 = SaeSplice.without(sae, Set.of(2, WIDTH + 2), false)) {
            Matrix x = random(arena);
            Matrix out = matrix(arena);
            identity.apply(x, out);
            assertThat(out.toArray(7)).containsExactly(x.toArray(7), within(1e-6f));
            float[] halves = x.toArray(7);
            for (int i = 0; i < WIDTH; i++) {
                halves[i] *= 0.5f;
            }
            reconstruction.apply(x, out);
            assertThat(out.toArray(7)).containsExactly(halves, within(1e-6f));
            halves[2] = 0;
            without2.apply(x, out);
            assertThat(out.toArray(7)).containsExactly(halves, within(1e-6f));
            assertThatThrownBy(() -> SaeSplice.without(sae, Set.of(2 * WIDTH), false))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("there is no latent 10, only 0 to 9");
        }
    }

    private static void clearLatent2(SparseCodes codes) {
        for (int entry = 0; entry < codes.entries(); entry++) {
            if (codes.latent(entry) == 2) {
                codes.values().set(0, entry, 0);
            }
        }
    }
}
