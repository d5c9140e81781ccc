// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DTypeTest {
    @Test
    void everyBfloat16ComesBackAfterWidening() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = DType.bfloat16ToFloat((short) bits);
            assertThat(Float.floatToRawIntBits(value)).isEqualTo(bits << 16);
            short back = DType.floatToBfloat16(value);
            if (Float.isNaN(value)) {
                assertThat(DType.bfloat16ToFloat(back)).isNaN();
            } else if (back != (short) bits) {
                assertThat(back).isEqualTo((short) bits);
            }
        }
    }

    /** The rounding by its definition: the neighbour that is nearer, and of equally near ones that with an even last bit. */
    private static short nearest(float value) {
        int below = Float.floatToRawIntBits(value) >>> 16;
        int dropped = Float.floatToRawIntBits(value) & 0xFFFF;
        boolean up = dropped > 0x8000 || (dropped == 0x8000 && (below & 1) == 1);
        return (short) (up ? below + 1 : below);
    }

    @Test
    void everyUpperHalfIsRoundedToNearestWithTiesToEven() {
        int[] lowerHalves = {0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF};
        for (int upper = 0; upper < 1 << 16; upper++) {
            for (int lower : lowerHalves) {
                float value = Float.intBitsToFloat(upper << 16 | lower);
                short rounded = DType.floatToBfloat16(value);
                if (Float.isNaN(value)) {
                    assertThat(DType.bfloat16ToFloat(rounded)).isNaN();
                } else if (rounded != nearest(value)) {
                    assertThat(rounded).as("bits %08x", upper << 16 | lower).isEqualTo(nearest(value));
                }
            }
        }
    }

    @Test
    void roundingMayReachInfinityAndKeepsTheSignOfNaNAndZero() {
        assertThat(DType.bfloat16ToFloat(DType.floatToBfloat16(Float.MAX_VALUE)))
                .isEqualTo(Float.POSITIVE_INFINITY);
        assertThat(DType.bfloat16ToFloat(DType.floatToBfloat16(-Float.MAX_VALUE)))
                .isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(DType.floatToBfloat16(-0f)).isEqualTo((short) 0x8000);
        assertThat(DType.floatToBfloat16(Float.intBitsToFloat(0xFFFFFFFF))).isEqualTo((short) 0xFFFF);
        // All of this NaN's payload is in the half that is dropped.
        assertThat(DType.bfloat16ToFloat(DType.floatToBfloat16(Float.intBitsToFloat(0x7F800001))))
                .isNaN();
    }

    @Test
    void sizesAndKinds() {
        assertThat(DType.values()).extracting(DType::bytes).containsExactly(4, 2, 2, 8, 4, 8);
        assertThat(DType.values()).extracting(DType::isFloating).containsExactly(true, true, true, true, false, false);
    }
}
