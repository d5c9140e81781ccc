// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("vector-width")
class TileSelectTest {
    private static final float[] SPECIAL = {
        Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 0f, -0f, 0.5f, Math.nextUp(0.5f), 0.25f, 0.75f
    };

    /** A segment inside a larger tile, thresholds by latent, and outputs with room for exactly the worst case. */
    private static final class Case {
        final int length;
        final int offset;
        final int firstIndex;
        final float[] tile;
        final float[] thresholds;
        final int[] indices;
        final float[] values;
        final int[] expectedIndices;
        final float[] expectedValues;
        int expectedEnd = 3;

        Case(SplittableRandom random, int length) {
            this.length = length;
            offset = random.nextInt(0, 20);
            firstIndex = random.nextInt(0, 50);
            tile = new float[offset + length];
            thresholds = new float[firstIndex + length];
            Arrays.fill(tile, Float.POSITIVE_INFINITY);
            for (int i = 0; i < length; i++) {
                tile[offset + i] = value(random);
                thresholds[firstIndex + i] = value(random);
            }
            indices = new int[3 + length];
            values = new float[3 + length];
            expectedIndices = new int[3 + length];
            expectedValues = new float[3 + length];
        }

        private static float value(SplittableRandom random) {
            return random.nextInt(4) == 0 ? SPECIAL[random.nextInt(SPECIAL.length)] : (float) random.nextGaussian();
        }

        float value(int i) {
            return tile[offset + i];
        }

        float threshold(int i) {
            return thresholds[firstIndex + i];
        }

        void expect(int i, float value) {
            expectedIndices[expectedEnd] = firstIndex + i;
            expectedValues[expectedEnd++] = value;
        }

        void check(String what, int end) {
            assertThat(end).as(what).isEqualTo(expectedEnd);
            assertThat(indices).as(what).isEqualTo(expectedIndices);
            assertThat(values).as(what).isEqualTo(expectedValues);
        }
    }

    @Test
    void oneThresholdForAllSelectsWhatIsStrictlyAbove() {
        SplittableRandom random = new SplittableRandom(40);
        for (int length = 0; length <= 130; length++) {
            for (float threshold : new float[] {-1f, 0f, 0.5f, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
                Case c = new Case(random, length);
                for (int i = 0; i < length; i++) {
                    if (c.value(i) > threshold) {
                        c.expect(i, c.value(i));
                    }
                }
                c.check(
                        "seed 40, length %d, threshold %s".formatted(length, threshold),
                        TileSelect.selectAbove(
                                c.tile, c.offset, length, threshold, c.firstIndex, c.indices, c.values, 3));
            }
        }
    }

    @Test
    void thresholdsByLatentSelectWhatIsStrictlyAbove() {
        SplittableRandom random = new SplittableRandom(41);
        for (int length = 0; length <= 257; length++) {
            Case c = new Case(random, length);
            for (int i = 0; i < length; i++) {
                if (c.value(i) > c.threshold(i)) {
                    c.expect(i, c.value(i));
                }
            }
            c.check(
                    "seed 41, length " + length,
                    TileSelect.selectAbove(
                            c.tile, c.offset, length, c.thresholds, c.firstIndex, c.indices, c.values, 3));
        }
    }

    @Test
    void theWindowAddsInactiveEntriesNearTheirThresholdAsZeros() {
        SplittableRandom random = new SplittableRandom(42);
        for (int length = 0; length <= 257; length++) {
            float bandwidth = length % 3 == 0 ? 0f : (float) random.nextDouble(2);
            Case c = new Case(random, length);
            for (int i = 0; i < length; i++) {
                if (c.value(i) > c.threshold(i)) {
                    c.expect(i, c.value(i));
                } else if (Math.abs(c.value(i) - c.threshold(i)) < bandwidth / 2) {
                    c.expect(i, 0f);
                }
            }
            c.check(
                    "seed 42, length %d, bandwidth %s".formatted(length, bandwidth),
                    TileSelect.selectWindow(
                            c.tile, c.offset, length, c.thresholds, bandwidth, c.firstIndex, c.indices, c.values, 3));
        }
    }
}
