// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class AxisTest {
    @Test
    void aLinearAxisEndsOnRoundNumbers() {
        Axis axis = Axis.linear(0.13, 0.91);

        assertThat(axis.ticks()).hasSize(6).first().isEqualTo(0.0);
        assertThat(axis.high()).isEqualTo(1.0, within(1e-12));
        assertThat(axis.label(0.5)).isEqualTo("0.5");
    }

    @Test
    void aLogarithmicAxisHasDecades() {
        Axis axis = Axis.fitting(new double[] {1e-5, 0.5, Double.NaN}, true, false);

        assertThat(axis.logarithmic()).isTrue();
        assertThat(axis.ticks()).map(axis::label).containsExactly("10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1");
        assertThat(axis.fraction(0)).isNaN();
    }

    @Test
    void aLogarithmIsUsedOnlyWhereItShowsMore() {
        assertThat(Axis.fitting(new double[] {0.5, 0.9}, true, false).logarithmic())
                .isFalse();
        assertThat(Axis.fitting(new double[] {0, 100}, true, false).logarithmic())
                .isFalse();
        assertThat(Axis.fitting(new double[] {0.01, 0.9}, false, false).logarithmic())
                .isFalse();
    }

    @RepeatedTest(50)
    void everyValueLiesOnItsAxisAndTicksAscend(RepetitionInfo repetition) {
        long seed = repetition.getCurrentRepetition();
        Random random = new Random(seed);
        double[] values = random.doubles(1 + random.nextInt(5))
                .map(value -> (random.nextBoolean() ? value : value - 0.5) * Math.pow(10, random.nextInt(40) - 20))
                .toArray();
        Axis axis = Axis.fitting(values, random.nextBoolean(), random.nextBoolean());

        for (double value : values) {
            assertThat(axis.fraction(value)).as("seed %d", seed).isBetween(-1e-9, 1 + 1e-9);
        }
        assertThat(axis.ticks())
                .as("seed %d", seed)
                .isSorted()
                .doesNotHaveDuplicates()
                .hasSizeBetween(1, 12)
                .allSatisfy(tick -> assertThat(axis.fraction(tick)).isBetween(-1e-9, 1 + 1e-9));
    }
}
