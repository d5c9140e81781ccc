// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.device.TestDevices;
import dev.darien.sae.TopK;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("device")
class RecoveryTest {
    static List<String> devices() {
        return TestDevices.all();
    }

    private static SaeFixture withDecoder(String device, float[][] decoder) {
        return new SaeFixture(
                device, new TopK(1), decoder, new float[decoder.length], decoder, new float[decoder[0].length]);
    }

    @ParameterizedTest
    @MethodSource("devices")
    void cosinesAreThoseOfDirectionsWhateverTheirLengths(String device) {
        float[][] truth = {{0, 2}, {1, 0}, {-1, 0}};
        try (SaeFixture fixture = withDecoder(device, new float[][] {{3, 4}, {0, 0}, {10, 1}})) {
            Recovery recovery = Recovery.of(fixture.sae(), truth);

            // The third truth's largest cosine is that with the row of norm 0, which is 0.
            double second = 10 / Math.sqrt(101);
            assertThat(recovery.mmcs()).isEqualTo((0.8 + second + 0) / 3, within(1e-7));
            assertThat(recovery.recall()).isEqualTo(1 / 3.0, within(1e-15));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aDictionaryRecoversItselfEvenInMoreTilesThanOne(String device) {
        float[][] truth = SaeFixture.gaussian(new Random(3), 150, 9);
        float[][] decoder = SaeFixture.gaussian(new Random(4), 200, 9);
        for (int j = 0; j < 150; j++) {
            decoder[199 - j] = truth[j];
        }
        try (SaeFixture fixture = withDecoder(device, decoder)) {
            Recovery recovery = Recovery.of(fixture.sae(), truth);

            assertThat(recovery.mmcs()).isEqualTo(1, within(1e-6));
            assertThat(recovery.recall()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 3", "10, 2", "100, 3", "64, 16", "300, 64"})
    void chanceIsTheMeanOfManyRandomTrials(int vectors, int width) {
        long seed = 11;
        Random random = new Random(seed);
        int trials = 3000;
        double sum = 0;
        double squares = 0;
        for (int trial = 0; trial < trials; trial++) {
            // By symmetry the fixed direction may be the first axis.
            double largest = -1;
            for (float[] vector : SaeFixture.gaussian(random, vectors, width)) {
                double norm = 0;
                for (float value : vector) {
                    norm += value * value;
                }
                largest = Math.max(largest, vector[0] / Math.sqrt(norm));
            }
            sum += largest;
            squares += largest * largest;
        }
        double mean = sum / trials;
        double standardError = Math.sqrt((squares / trials - mean * mean) / trials);

        assertThat(Recovery.chanceCosine(vectors, width))
                .as("seed %d", seed)
                .isEqualTo(mean, within(4.5 * standardError + 1e-6));
    }

    @Test
    void chanceInOneDimensionIsThatOfSigns() {
        // Two signs: at least one agrees in 3 of 4 cases.
        assertThat(Recovery.chanceCosine(2, 1)).isEqualTo(0.5);
    }

    @Test
    void theMapHasTheNamesOfTheCommandLine() {
        assertThat(new Recovery(0.5, 0.25, 0.1).asMap().keySet())
                .containsExactly("mmcs", "recall_at_0_9", "chance_cosine");
    }

    @Test
    void directionsOfAnotherWidthAreRefused() {
        try (SaeFixture fixture = withDecoder(TestDevices.training(), new float[][] {{3, 4}})) {
            assertThatThrownBy(() -> Recovery.of(fixture.sae(), new float[][] {{1, 2, 3}}))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("width 3");
            assertThatThrownBy(() -> Recovery.of(fixture.sae(), new float[][] {{0, 0}}))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> Recovery.of(fixture.sae(), new float[0][]))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
