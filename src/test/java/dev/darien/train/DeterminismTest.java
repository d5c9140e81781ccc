// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.TestDevices;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The same seed gives the same bits, whatever the number of threads. */
@Tag("device")
@Tag("long")
class DeterminismTest {
    private static final int WIDTH = 37;
    private static final float[][] DATA = ArraySource.sparseSums(3000, WIDTH, 60, 3, 11);

    static Stream<Arguments> architecturesAndClips() {
        return Arrays.stream(TestOptions.ARCHITECTURES)
                .flatMap(name -> Stream.of(Arguments.of(name, 0.0), Arguments.of(name, 0.1)));
    }

    @ParameterizedTest
    @MethodSource("architecturesAndClips")
    void weightsDoNotDependOnTheNumberOfThreads(String architecture, double clip) {
        List<Integer> one = train(architecture, clip, 1, 5);
        assertThat(train(architecture, clip, 1, 5)).as("again").isEqualTo(one);
        assertThat(train(architecture, clip, 2, 5)).as("2 threads").isEqualTo(one);
        assertThat(train(architecture, clip, 3, 5)).as("3 threads").isEqualTo(one);
    }

    @Test
    void anotherSeedGivesOtherWeights() {
        assertThat(train("topk", 0, 1, 6)).isNotEqualTo(train("topk", 0, 1, 5));
    }

    @Test
    void clippingAtALowNormChangesTheWeights() {
        assertThat(train("topk", 0.1, 1, 5)).isNotEqualTo(train("topk", 0, 1, 5));
    }

    /** More rows than one task of the encoder takes, and more latents than one of its tiles. */
    private static List<Integer> train(String architecture, double clip, int threads, long seed) {
        TrainingOptions options = TestOptions.recipe(architecture)
                .latents(1100)
                .batch(260)
                .tokens(20 * 260)
                .learningRate(1e-3)
                .clip(clip)
                .seed(seed)
                .build(WIDTH);
        // Short, so that the auxiliary loss takes part.
        options = TestOptions.with(options, "deadAfterTokens", 3L * 260);
        try (Device device = Devices.open(TestDevices.training(), new DeviceOptions(threads));
                Trainer trainer = new Trainer(device, TestOptions.source(DATA, List.of(options)), List.of(options))) {
            assertThat(trainer.train().finished()).isTrue();
            return WeightBytes.of(trainer, 0);
        }
    }
}
