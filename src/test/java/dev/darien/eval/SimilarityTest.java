// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.TopK;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** MMCS, matching, stability, geometry and connectivity, on numbers worked out by hand and by plain loops. */
@Tag("device")
class SimilarityTest {
    private static final float[][] A = {{1, 0}, {0, 1}};
    private static final float[][] B = {{1, 1}, {0, 1}};
    private static final float[][] C = {{1, 0.1f}, {-1, 0}};

    static List<String> devices() {
        return TestDevices.all();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void stabilityIsThatOfTheGoldenExample(String name) {
        try (Device device = Device.open(name);
                Directions a = Directions.of(device, A);
                Directions b = Directions.of(device, B);
                Directions c = Directions.of(device, C)) {
            Stability stability = Stability.of(List.of(a, b, c));

            assertEach(stability.runs(), 0.99752, 0.88698, 0.49752);
            assertThat(stability.mean()).isEqualTo(0.79401, within(1e-5));
            assertEach(stability.meanOverRuns(), 0.70041, 0.64515, 0.44225);
            assertThat(stability.chance()).isBetween(0.0, 1.0);
            assertThat(Stability.of(List.of(a, a)).mean()).isEqualTo(1, within(1e-6));
            assertThatThrownBy(() -> Stability.of(List.of(a)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("at least 2 runs");
        }
    }

    private static void assertEach(List<Double> values, double... expected) {
        for (int at = 0; at < expected.length; at++) {
            assertThat(values.get(at)).isEqualTo(expected[at], within(1e-5));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void mmcsIsAsymmetricAndMatchingIsOneToOne(String name) {
        // Both rows of A are nearest to the first of B, which only one can have.
        float[][] a = {{1, 0}, {1, 0.2f}};
        float[][] b = {{1, 0.1f}, {0, 1}, {-1, 0}};
        double first = 1 / Math.sqrt(1.01);
        double second = 1.02 / Math.sqrt(1.04 * 1.01);
        double other = 0.2 / Math.sqrt(1.04);
        try (Device device = Device.open(name);
                Directions rowsA = Directions.of(device, a);
                Directions rowsB = Directions.of(device, b)) {
            Similarity similarity = Similarity.of(rowsA, rowsB, true);

            assertThat(similarity.mmcsAToB()).isEqualTo((first + second) / 2, within(1e-6));
            assertThat(similarity.mmcsBToA()).isEqualTo((second + other - 1 / Math.sqrt(1.04)) / 3, within(1e-6));
            assertThat(similarity.mmcs()).isEqualTo((similarity.mmcsAToB() + similarity.mmcsBToA()) / 2);
            assertThat(similarity.matchedCosine()).isEqualTo((first + other) / 2, within(1e-6));
            assertThat(similarity.matches()).extracting(Similarity.Match::a).containsExactly(0, 1);
            assertThat(similarity.matches()).extracting(Similarity.Match::b).containsExactly(0, 1);
            assertThat(Similarity.of(rowsB, rowsA, true).matchedCosine())
                    .isEqualTo(similarity.matchedCosine(), within(1e-6));
            assertThat(Similarity.of(rowsB, rowsA, true).matches().getLast().a())
                    .isEqualTo(1);
            assertThat(similarity.asMap()).containsEntry("matched_above_0_9", 1L);
            assertThat(Similarity.of(rowsA, rowsB, false).matchedCosine()).isNaN();
        }
    }

    @Test
    void aShuffledDictionaryMatchesItselfWhollyAndARandomOneByChance() {
        Random random = new Random(2);
        float[][] rows = SaeFixture.gaussian(random, 300, 40);
        List<float[]> shuffled = new ArrayList<>(List.of(rows));
        java.util.Collections.shuffle(shuffled, random);
        try (Device device = Device.open("cpu:vector");
                Directions a = Directions.of(device, rows);
                Directions b = Directions.of(device, shuffled.toArray(float[][]::new));
                Directions chance = Directions.random(device, 300, 40, 7)) {
            Similarity same = Similarity.of(a, b, true);
            assertThat(same.matchedCosine()).isEqualTo(1, within(1e-6));
            for (Similarity.Match match : same.matches()) {
                assertThat(shuffled.get(match.b())).isSameAs(rows[match.a()]);
            }
            Similarity random1 = Similarity.of(a, chance, true);
            assertThat(random1.mmcsAToB()).isEqualTo(random1.chance(), within(0.02));
            assertThat(random1.matchedCosine()).isLessThan(random1.mmcs());
        }
    }

    @Test
    void geometryIsThatOfPlainLoops() {
        Random random = new Random(6);
        // Near-duplicates within what the published code leaves out as a block.
        float[][] decoder = SaeFixture.gaussian(random, 40, 6);
        for (int j = 0; j < 10; j++) {
            for (int t = 0; t < 6; t++) {
                decoder[j + 20][t] = decoder[j][t] * 3 + 0.01f * t;
            }
        }
        float[][] encoder = SaeFixture.gaussian(random, 40, 6);
        double encoderDecoder = 0;
        for (int j = 0; j < 40; j++) {
            encoderDecoder += cosine(encoder[j], decoder[j]) / 40;
        }
        try (SaeFixture fixture =
                new SaeFixture("cpu:vector", new TopK(2), encoder, new float[40], decoder, new float[6])) {
            Geometry geometry = Geometry.of(List.of(fixture.sae()));

            assertThat(geometry.decoderMaxCosine()).isEqualTo(meanLargestOther(decoder), within(1e-6));
            assertThat(geometry.encoderMaxCosine()).isEqualTo(meanLargestOther(encoder), within(1e-6));
            assertThat(geometry.encoderDecoderCosine()).isEqualTo(encoderDecoder, within(1e-6));
            assertThat(geometry.diversity()).isEqualTo(different(decoder)).isBetween(1, 20);
        }
    }

    private static double cosine(float[] a, float[] b) {
        double ab = 0;
        double aa = 0;
        double bb = 0;
        for (int t = 0; t < a.length; t++) {
            ab += (double) a[t] * b[t];
            aa += (double) a[t] * a[t];
            bb += (double) b[t] * b[t];
        }
        return ab / Math.sqrt(aa * bb);
    }

    private static double largestOther(float[][] rows, int row) {
        double largest = -1;
        for (int other = 0; other < rows.length; other++) {
            if (other != row) {
                largest = Math.max(largest, cosine(rows[row], rows[other]));
            }
        }
        return largest;
    }

    private static double meanLargestOther(float[]... rows) {
        double sum = 0;
        for (int row = 0; row < rows.length; row++) {
            sum += largestOther(rows, row);
        }
        return sum / rows.length;
    }

    private static int different(float[]... rows) {
        int count = 0;
        for (int row = 0; row < rows.length; row++) {
            count += largestOther(rows, row) < Geometry.ALIKE ? 1 : 0;
        }
        return count;
    }

    @Test
    void connectivityCountsPairsExactlyHoweverManyFire() {
        Random random = new Random(8);
        for (int latents : List.of(1, 63, 130, 400)) {
            boolean[][] together = new boolean[latents][latents];
            Connectivity connectivity = new Connectivity(latents);
            assertThat(connectivity.value()).isEqualTo(1);
            try (Device device = Device.open("cpu:scalar")) {
                for (int batch = 0; batch < 3; batch++) {
                    int tokens = 7;
                    try (SparseCodes codes =
                            SparseCodes.allocate(device.memory(), tokens, latents, (long) tokens * latents)) {
                        int entry = 0;
                        for (int token = 0; token < tokens; token++) {
                            // Few for one way of counting, many for the other.
                            int wanted = random.nextBoolean() ? 2 : latents / 2;
                            boolean[] active = new boolean[latents];
                            for (int latent = 0; latent < latents; latent++) {
                                if (random.nextInt(latents) < wanted) {
                                    // An entry of value 0 isn't active.
                                    active[latent] = random.nextInt(5) > 0;
                                    codes.indices().setLong(0, entry, latent);
                                    codes.values().set(0, entry++, active[latent] ? 1 : 0);
                                }
                            }
                            codes.offsets().setLong(0, token + 1, entry);
                            for (int a = 0; a < latents; a++) {
                                for (int b = 0; b < latents; b++) {
                                    together[a][b] |= active[a] && active[b];
                                }
                            }
                        }
                        connectivity.add(List.of(codes));
                    }
                }
            }
            int pairs = 0;
            for (boolean[] row : together) {
                for (boolean pair : row) {
                    pairs += pair ? 1 : 0;
                }
            }
            assertThat(connectivity.value())
                    .as("%d latents", latents)
                    .isEqualTo(1 - (double) pairs / ((double) latents * latents));
        }
        assertThatThrownBy(() -> new Connectivity(1 << 20))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("latents");
    }

    @Test
    void directionsOfOtherWidthsAreRefusedAndZeroRowsStayZero() {
        try (Device device = Device.open("cpu:scalar");
                Directions a = Directions.of(device, A);
                Directions zero = Directions.of(device, new float[][] {{0, 0}});
                Directions wide = Directions.of(device, new float[1][3]);
                Matrix host = device.staging("host", DType.F32, 1, 2)) {
            device.download(zero.matrix(), host);
            assertThat(host.toArray(0)).containsExactly(0, 0);
            assertThat(Similarity.of(a, zero, true).matchedCosine()).isZero();
            assertThatThrownBy(() -> Similarity.of(a, wide, false))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("width 2 and 3");
            assertThatThrownBy(() -> Directions.of(device)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> Directions.decoders(List.of())).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
