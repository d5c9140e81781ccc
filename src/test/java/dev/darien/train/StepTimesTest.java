// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class StepTimesTest {
    private static void step(StepTimes times, long seconds) {
        times.start(7);
        times.step();
        times.stop(7 + seconds * 1_000_000_000);
    }

    /** As on a device that takes calls faster than it works: only the ends of a stretch say how long its steps took. */
    @Test
    void theStepsOfAStretchCountWithTheirMean() {
        StepTimes times = new StepTimes(10);
        // The first two steps are the first fifth.
        for (int stretch = 0; stretch < 2; stretch++) {
            times.start(0);
            for (int step = 0; step < 5; step++) {
                times.step();
            }
            times.stop(stretch == 0 ? 30_000_000_000L : 10_000_000_000L);
        }
        // Three of 6 seconds and five of 2.
        assertThat(times.median()).isCloseTo(2, within(1e-12));
    }

    @Test
    void aStretchWithoutStepsCountsNothing() {
        StepTimes times = new StepTimes(10);
        times.start(0);
        times.stop(5);
        assertThat(times.median()).isZero();
    }

    @Test
    void theMedianLeavesTheFirstFifthOut() {
        StepTimes times = new StepTimes(10);
        for (long seconds : new long[] {1000, 1000, 8, 1, 7, 2, 6, 3, 5, 4}) {
            step(times, seconds);
        }
        assertThat(times.median()).isCloseTo(4.5, within(1e-12));
    }

    @Test
    void ofAnOddNumberItIsTheMiddleOne() {
        StepTimes times = new StepTimes(3);
        for (long seconds : new long[] {9, 2, 4}) {
            step(times, seconds);
        }
        assertThat(times.median()).isCloseTo(4, within(1e-12));
    }

    @Test
    void withoutStepsItIsZero() {
        assertThat(new StepTimes(0).median()).isZero();
        assertThat(new StepTimes(100).median()).isZero();
        StepTimes warming = new StepTimes(100);
        step(warming, 5);
        assertThat(warming.median()).isZero();
    }

    @Test
    void longRunsKeepTheNewestTimes() {
        StepTimes times = new StepTimes(200_000);
        for (int step = 0; step < 200_000; step++) {
            step(times, step < 130_000 ? 1 : 3);
        }
        assertThat(times.median()).isCloseTo(3, within(1e-12));
    }
}
