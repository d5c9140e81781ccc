// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("vector-width")
class VectorSpecTest {
    @Test
    void theWidthInForceIsTheOneAskedFor() {
        String bits = System.getProperty(VectorSpec.PROPERTY);
        int expected = bits == null ? FloatVector.SPECIES_PREFERRED.vectorBitSize() : Integer.parseInt(bits);
        assertThat(VectorSpec.SPECIES.vectorBitSize()).isEqualTo(expected);
        assertThat(VectorSpec.LANES).isEqualTo(expected / Float.SIZE);
    }

    @ParameterizedTest
    @ValueSource(ints = {128, 256, 512})
    void eachWidthCanBeChosen(int bits) {
        assertThat(VectorSpec.choose(Integer.toString(bits)).vectorBitSize()).isEqualTo(bits);
    }

    @ParameterizedTest
    @ValueSource(strings = {"64", "1024", "wide", " 256"})
    void anyOtherWidthIsRefusedWithTheChoices(String bits) {
        assertThatThrownBy(() -> VectorSpec.choose(bits))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'" + bits + "'")
                .hasMessageContaining("128, 256 or 512");
    }
}
