// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class StepTimesTest {

    @Test
    void theMedianLeavesTheFirstFifthOut() {
        StepTimes times = new StepTimes(10);
        for (long seconds : new long[] {1000, 1000, 8, 1, 7, 2, 6, 3, 5, 4}) {
            times.add(seconds * 1_000_000_000);
        }
        assertThat(times.median()).isCloseTo(4.5, within(1e-12));
    }

    @Test
    void ofAnOddNumberItIsTheMiddleOne() {
        StepTimes times = new StepTimes(3);
        for (long seconds : new long[] {9, 2, 4}) {
            times.add(seconds * 1_000_000_000);
        }
        assertThat(times.median()).isCloseTo(4, within(1e-12));
    }

    @Test
    void withoutStepsItIsZero() {
        assertThat(new StepTimes(0).median()).isZero();
        assertThat(new StepTimes(100).median()).isZero();
        StepTimes warming = new StepTimes(100);
        warming.add(5);
        assertThat(warming.median()).isZero();
    }

    @Test
    void longRunsKeepTheNewestTimes() {
        StepTimes times = new StepTimes(200_000);
        for (int step = 0; step < 200_000; step++) {
            times.add(step < 130_000 ? 1_000_000_000L : 3_000_000_000L);
        }
        assertThat(times.median()).isCloseTo(3, within(1e-12));
    }
}
