// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.device.Golden;
import dev.darien.device.TestDevices;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PowerAnnealingTest {
    private static final int BATCH = 37;
    private static final int STEPS = 200;

    private static TrainingOptions options() {
        return Recipe.of("p-anneal")
                .l1(0.3)
                .latents(61)
                .batch(BATCH)
                .tokens((long) STEPS * BATCH)
                .learningRate(1e-12)
                .warmup(0)
                .decay(0)
                .sparsityWarmup(0)
                .scaling(InputScaling.NONE)
                .build(19);
    }

    private static LearnerFixture fixture() {
        Golden golden = Golden.load("relu-l1");
        LearnerFixture fixture = new LearnerFixture(TestDevices.training(), options(), 19);
        fixture.set("encoder", golden.rows("W_enc"));
        fixture.set("encoder_bias", golden.vector("b_enc"));
        fixture.set("decoder_bias", golden.vector("b_dec"));
        return fixture;
    }

    /** Weights hardly move, so that the penalty changes by its power alone: and that is made up for. */
    @Test
    void thePenaltyKeepsItsSizeWhileThePowerFalls() {
        Golden golden = Golden.load("relu-l1");
        try (LearnerFixture fixture = fixture()) {
            double first = 0;
            for (int step = 0; step < STEPS; step++) {
                fixture.train(golden.rows("x"));
                TrainingMetrics metrics = fixture.learner.metrics(1, 0, 0);
                double penalty = metrics.loss() - metrics.fvu();
                first = step == 0 ? penalty : first;
                assertThat(penalty).as("at step %d", step).isCloseTo(first, within(1e-3 * first));
            }
            Map<String, Object> numbers = fixture.learner.checkpointNumbers();
            assertThat(((Number) numbers.get("penalty_factor")).doubleValue())
                    .as("small codes weigh more by a small power, so that the coefficient had to fall")
                    .isPositive()
                    .isNotEqualTo(1.0);
        }
    }

    @Test
    void startsAsPlainL1() {
        Golden golden = Golden.load("relu-l1");
        try (LearnerFixture fixture = fixture()) {
            fixture.train(golden.rows("x"));
            TrainingMetrics metrics = fixture.learner.metrics(1, 0, 0);
            assertThat(metrics.loss() - metrics.fvu())
                    .isCloseTo(0.3 * golden.scalar("loss.l1"), within(1e-3 * golden.scalar("loss.l1")));
            assertThat(new HashMap<>(fixture.learner.checkpointNumbers())).containsEntry("penalty_factor", 1.0);
        }
    }
}
