// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import java.util.Random;

/** Numbers at which lengths, counts and offsets break. */
final class Limits {
    private static final long[] NUMBERS = {
        0,
        1,
        2,
        3,
        4,
        7,
        8,
        16,
        64,
        127,
        128,
        255,
        256,
        4095,
        65_535,
        65_536,
        1 << 20,
        (1 << 24) - 1,
        1 << 24,
        1 << 30,
        Integer.MAX_VALUE - 8L,
        Integer.MAX_VALUE,
        1L << 31,
        (1L << 31) + 1,
        (1L << 32) - 1,
        1L << 32,
        1L << 40,
        1L << 53,
        1L << 60,
        1L << 61,
        1L << 62,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        Long.MIN_VALUE + 1,
        Integer.MIN_VALUE,
        -1,
        -2,
        -8
    };

    private Limits() {}

    static long any(Random random) {
        return NUMBERS[random.nextInt(NUMBERS.length)];
    }

    /** A limit, or a number near {@code value}. */
    static long near(Random random, long value) {
        return switch (random.nextInt(8)) {
            case 0 -> value + 1;
            case 1 -> value - 1;
            case 2 -> -value;
            case 3 -> value * 2;
            case 4 -> value / 2;
            default -> any(random);
        };
    }
}
