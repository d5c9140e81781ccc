// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Golden;
import dev.darien.device.TestDevices;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Three whole steps of TopK against those of an autograd implementation in double precision. */
@Tag("device")
class GoldenStepsTest {
    private static final int BATCH = 37;

    static Stream<Arguments> devicesAndClips() {
        return TestDevices.all().stream()
                .flatMap(device -> Stream.of(Arguments.of(device, 0.0), Arguments.of(device, 1e9)));
    }

    /** Without clipping the step is fused; with a norm that is never reached it stores gradients first. */
    @ParameterizedTest
    @MethodSource("devicesAndClips")
    void threeStepsEndWhereAutogradEnds(String device, double clip) {
        Golden golden = Golden.load("topk-three-steps");
        float[][] encoder = golden.rows("W_enc");
        TrainingOptions options = Recipe.of("topk")
                .latents(encoder.length)
                .k(5)
                .batch(BATCH)
                .tokens(3 * BATCH)
                .learningRate(0.003)
                .warmup(0)
                .decay(0)
                .clip(clip)
                .auxiliary(new Auxiliary.None())
                .scaling(InputScaling.NONE)
                .build(encoder[0].length);
        try (LearnerFixture fixture = new LearnerFixture(device, options, encoder[0].length)) {
            fixture.set("encoder", encoder);
            fixture.set("decoder", golden.rows("W_dec"));
            fixture.set("encoder_bias", golden.vector("b_enc"));
            fixture.set("decoder_bias", golden.vector("b_dec"));
            for (int step = 0; step < 3; step++) {
                fixture.train(Arrays.copyOfRange(golden.rows("x"), step * BATCH, (step + 1) * BATCH));
            }
            for (List<String> names : List.of(
                    List.of("encoder", "W_enc"),
                    List.of("decoder", "W_dec"),
                    List.of("encoder_bias", "b_enc"),
                    List.of("decoder_bias", "b_dec"))) {
                String after = "after." + names.getLast();
                LearnerFixture.assertClose(after, fixture.get(names.getFirst()), golden.rows(after));
            }
        }
    }
}
