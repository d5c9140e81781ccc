// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class InputScalingTest {

    @Test
    void bringsTheMeanSquaredNormToOneOrToTheWidth() {
        double squares = 49;
        double unit = InputScaling.UNIT_MEAN_SQUARE.factor(squares, 16);
        assertThat(unit * unit * squares).isCloseTo(1, within(1e-12));
        double width = InputScaling.WIDTH.factor(squares, 16);
        assertThat(width * width * squares).isCloseTo(16, within(1e-12));
        assertThat(InputScaling.NONE.factor(squares, 16)).isEqualTo(1);
    }

    @Test
    void leavesDataOfZerosAlone() {
        for (InputScaling scaling : InputScaling.values()) {
            assertThat(scaling.factor(0, 16)).isEqualTo(1);
        }
    }
}
