// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.device.Golden;
import dev.darien.device.TestDevices;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("device")
class ResamplerTest {
    private static final int BATCH = 37;
    private static final int LATENTS = 61;
    private static final int WIDTH = 19;
    private static final int DEAD = 10;
    private static final int INTERVAL = 3;

    static List<String> devices() {
        return TestDevices.all();
    }

    private static Recipe recipe(String architecture) {
        Recipe recipe = Recipe.of(architecture)
                .latents(LATENTS)
                .batch(BATCH)
                .tokens(8L * INTERVAL * BATCH)
                .scaling(InputScaling.NONE)
                .clip(0);
        return Recipe.hasK(architecture) ? recipe.k(5).auxiliary(new Auxiliary.None()) : recipe;
    }

    private static LearnerFixture trained(String device, TrainingOptions options) {
        Golden golden = Golden.load("topk-auxk");
        LearnerFixture fixture = new LearnerFixture(device, options, WIDTH);
        float[] bias = golden.vector("b_enc");
        Arrays.fill(bias, 0, DEAD, -1e6f);
        fixture.set("encoder_bias", bias);
        fixture.set("decoder_bias", golden.vector("b_dec"));
        for (int step = 0; step < INTERVAL; step++) {
            fixture.train(golden.rows("x"));
        }
        return fixture;
    }

    @ParameterizedTest
    @MethodSource("devices")
    void deadLatentsStartAgainAlongInputs(String device) {
        float[][] x = Golden.load("topk-auxk").rows("x");
        for (String architecture : List.of("topk", "gated")) {
            TrainingOptions plain = recipe(architecture).build(WIDTH);
            try (LearnerFixture without = trained(device, plain);
                    LearnerFixture with = trained(device, TestOptions.with(plain, "resample", true))) {
                float[][] decoder = with.get("decoder");
                float[][] encoder = with.get("encoder");
                float[] center = with.get("decoder_bias")[0];
                float[] bias = with.get("encoder_bias")[0];
                double living = 0;
                int livingCount = 0;
                for (int latent = 0; latent < LATENTS; latent++) {
                    // A bias of exactly 0 is a new one.
                    if (bias[latent] != 0) {
                        living += Math.sqrt(dot(without.get("encoder")[latent], without.get("encoder")[latent]));
                        livingCount++;
                        assertThat(latent).as("a latent that lives").isGreaterThanOrEqualTo(DEAD);
                        assertThat(decoder[latent]).isEqualTo(without.get("decoder")[latent]);
                        assertThat(encoder[latent]).isEqualTo(without.get("encoder")[latent]);
                    }
                }
                assertThat(livingCount).as("latents that live").isGreaterThan(LATENTS / 3);
                for (int latent = 0; latent < DEAD; latent++) {
                    assertThat(dot(decoder[latent], decoder[latent])).isCloseTo(1, within(1e-5));
                    assertThat(Math.sqrt(dot(encoder[latent], encoder[latent])))
                            .isCloseTo(0.2 * living / livingCount, within(1e-4));
                    assertThat(bestCosine(decoder[latent], x, center)).isGreaterThan(0.999);
                    for (String moment : List.of("encoder.m", "encoder.v", "decoder.m", "decoder.v")) {
                        assertThat(with.get(moment)[latent]).as(moment).containsOnly(0);
                    }
                }
                assertThat(without.get("encoder_bias")[0][0])
                        .as("without resampling")
                        .isLessThan(-1e5f);
            }
        }
    }

    private static double bestCosine(float[] direction, float[][] x, float[] center) {
        double best = 0;
        for (float[] row : x) {
            float[] centred = new float[row.length];
            for (int at = 0; at < row.length; at++) {
                centred[at] = row[at] - center[at];
            }
            best = Math.max(best, dot(direction, centred) / Math.sqrt(dot(centred, centred)));
        }
        return best;
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int at = 0; at < a.length; at++) {
            sum += (double) a[at] * b[at];
        }
        return sum;
    }

    @Test
    void aRunThatIsTooShortIsRefused() {
        assertThatThrownBy(() -> recipe("topk").tokens(7L * BATCH).resample().build(WIDTH))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("train on more tokens");
    }
}
