// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import dev.darien.data.SeededRandom;

/** Draws the figures of a seven-segment display, for {@link LabelledImages#generated}. */
final class SevenSegments {
    static final int FIGURES = 10;

    /** Which segments each figure lights: top, upper left, upper right, middle, lower left, lower right, bottom. */
    private static final String[] LIT = {
        "1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011"
    };

    private static final int MOST_MOVED = 2;
    private static final int NOISE = 96;
    private static final int DARKEST = 110;
    private static final int BRIGHTEST = 255;

    private SevenSegments() {}

    /** Draws {@code figure} into the {@code side · side} pixels from {@code offset} on. */
    static void draw(int figure, int side, SeededRandom random, byte[] pixels, int offset) {
        for (int i = 0; i < side * side; i++) {
            pixels[offset + i] = (byte) random.nextInt(NOISE);
        }
        // Two pixels of margin on every side are what the figure may move by.
        int top = MOST_MOVED + random.nextInt(2 * MOST_MOVED + 1) - MOST_MOVED;
        int left = MOST_MOVED + random.nextInt(2 * MOST_MOVED + 1) - MOST_MOVED;
        int height = side - 2 * MOST_MOVED - 1;
        int width = height / 2;
        int middle = height / 2;
        int brightness = DARKEST + random.nextInt(BRIGHTEST - DARKEST + 1);
        String lit = LIT[figure];
        for (int segment = 0; segment < lit.length(); segment++) {
            if (lit.charAt(segment) == '0') {
                continue;
            }
            boolean across = segment % 3 == 0;
            int y = segment == 6 ? height : segment >= 3 ? middle : 0;
            int x = segment == 2 || segment == 5 ? width : 0;
            int length = across ? width : segment < 3 ? middle : height - middle;
            for (int i = 0; i <= length; i++) {
                int at = across ? (top + y) * side + left + i : (top + y + i) * side + left + x;
                pixels[offset + at] = (byte) brightness;
            }
        }
    }
}
