// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class FrontierTest {
    private final Frontier frontier = Frontier.of(new double[] {4, 16, 64}, new double[] {0.4, 0.1, 0.05});

    @Test
    void betweenRunsBothLogarithmsAreInterpolated() {
        assertThat(frontier.logFvuAt(4)).isCloseTo(Math.log(0.4), within(1e-12));
        // Half-way between ln 4 and ln 16 lies ln 8.
        assertThat(frontier.logFvuAt(8)).isCloseTo(Math.log(0.2), within(1e-12));
        assertThat(frontier.logL0At(0.2)).isCloseTo(Math.log(8), within(1e-12));
        assertThat(frontier.logL0At(0.05)).isCloseTo(Math.log(64), within(1e-12));
    }

    @Test
    void beyondTheRunsNothingIsKnown() {
        assertThat(frontier.logFvuAt(3)).isNaN();
        assertThat(frontier.logFvuAt(65)).isNaN();
        assertThat(frontier.logL0At(0.5)).isNaN();
    }
}
