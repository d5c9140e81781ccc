// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PenaltyControllerTest {

    /** An SAE whose L0 follows a power of the penalty with some delay, as training does. */
    private static double settle(PenaltyController controller, double exponent, double delay, int readings) {
        double logL0 = Math.log(500);
        for (int reading = 0; reading < readings; reading++) {
            controller.observe(Math.exp(logL0));
            double wanted = Math.log(3) - exponent * Math.log(controller.strength());
            logL0 += delay * (wanted - logL0);
        }
        return Math.exp(logL0);
    }

    @ParameterizedTest
    @CsvSource({
        "20, 0.02, 0.5, 0.1",
        "20, 0.02, 1, 0.3",
        "4, 6e-4, 0.7, 0.2",
        "100, 5, 0.5, 0.1",
        "20, 1e-6, 0.8, 0.2",
    })
    void bringsL0ToItsTarget(double target, double start, double exponent, double delay) {
        assertThat(settle(new PenaltyController(target, start), exponent, delay, 1000))
                .isCloseTo(target, within(0.01 * target));
    }

    @Test
    void moreActiveLatentsThanWantedRaiseThePenaltyAndFewerLowerIt() {
        PenaltyController controller = new PenaltyController(10, 0.5);
        assertThat(controller.strength()).isCloseTo(0.5, within(1e-12));
        controller.observe(20);
        double raised = controller.strength();
        assertThat(raised).isGreaterThan(0.5);
        controller.observe(5);
        assertThat(controller.strength()).isLessThan(raised);
    }

    @Test
    void noReadingMovesItByMoreThanALimitedFactor() {
        for (double l0 : new double[] {0, 1e9}) {
            PenaltyController controller = new PenaltyController(10, 1);
            controller.observe(l0);
            assertThat(Math.abs(Math.log(controller.strength()))).isLessThan(1.2);
        }
    }

    @Test
    void startsFromAPenaltyOfZeroToo() {
        PenaltyController controller = new PenaltyController(10, 0);
        assertThat(settle(controller, 0.5, 0.2, 2000)).isCloseTo(10, within(0.1));
    }

    @Test
    void continuesFromWhatWasSaved() {
        PenaltyController one = new PenaltyController(10, 0.3);
        one.observe(17);
        PenaltyController other = new PenaltyController(10, 0.3);
        Map<String, Object> numbers = new HashMap<>();
        one.save(numbers);
        other.restore(numbers);
        assertThat(other.strength()).isEqualTo(one.strength());
        one.observe(12);
        other.observe(12);
        assertThat(other.strength()).isEqualTo(one.strength());
    }
}
