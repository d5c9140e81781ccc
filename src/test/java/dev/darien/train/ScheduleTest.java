// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ScheduleTest {

    @Test
    void risesStaysAndFalls() {
        Schedule schedule = new Schedule(100, 10, Schedule.Shape.LINEAR, 20);
        assertThat(schedule.at(0)).isEqualTo(0.1);
        assertThat(schedule.at(4)).isEqualTo(0.5);
        assertThat(schedule.at(9)).isEqualTo(1);
        assertThat(schedule.at(50)).isEqualTo(1);
        assertThat(schedule.at(79)).isEqualTo(1);
        assertThat(schedule.at(80)).isEqualTo(1);
        assertThat(schedule.at(90)).isEqualTo(0.5);
        assertThat(schedule.at(99)).isCloseTo(0.05, within(1e-12));
    }

    @Test
    void theCosineRisesFromATenthToOne() {
        Schedule schedule = new Schedule(5000, 1000, Schedule.Shape.COSINE, 0);
        assertThat(schedule.at(0)).isCloseTo(0.1, within(1e-12));
        assertThat(schedule.at(500)).isCloseTo(0.55, within(1e-12));
        assertThat(schedule.at(999)).isBetween(0.9999, 1.0);
        assertThat(schedule.at(1000)).isEqualTo(1);
        assertThat(schedule.at(4999)).isEqualTo(1);
    }

    @Test
    void withoutWarmUpAndDecayItIsOne() {
        Schedule schedule = new Schedule(3, 0, Schedule.Shape.LINEAR, 0);
        assertThat(schedule.at(0)).isEqualTo(1);
        assertThat(schedule.at(2)).isEqualTo(1);
    }

    @Test
    void warmUpAndDecayMayOverlap() {
        Schedule schedule = new Schedule(10, 20, Schedule.Shape.LINEAR, 10);
        assertThat(schedule.at(0)).isEqualTo(0.05);
        assertThat(schedule.at(9)).isCloseTo(0.5 * 0.1, within(1e-12));
    }

    @Test
    void neverLeavesTheRangeOfZeroToOne() {
        for (Schedule.Shape shape : Schedule.Shape.values()) {
            Schedule schedule = new Schedule(37, 11, shape, 9);
            for (int step = 0; step < 37; step++) {
                assertThat(schedule.at(step)).as("step %d", step).isPositive().isLessThanOrEqualTo(1);
            }
        }
    }

    @Test
    void refusesLengthsThatMakeNoSense() {
        assertThatThrownBy(() -> new Schedule(0, 0, Schedule.Shape.LINEAR, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("0 steps");
        assertThatThrownBy(() -> new Schedule(10, -1, Schedule.Shape.LINEAR, 0))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Schedule(10, 0, Schedule.Shape.LINEAR, 11))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
