// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Tag("vector-width")
class RowTopKTest {
    private final RowTopK selection = new RowTopK();

    enum Data {
        NORMAL,
        MOSTLY_NEGATIVE,
        MANY_TIES,
        ALL_EQUAL,
        ASCENDING,
        DESCENDING,
        SPECIAL_VALUES,
        SUBNORMAL;

        private static final float[] SPECIAL = {
            Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 0f, -0f, Float.MIN_VALUE, Float.MAX_VALUE, 1f
        };

        float next(SplittableRandom random, int index) {
            return switch (this) {
                case NORMAL -> (float) random.nextGaussian();
                case MOSTLY_NEGATIVE -> (float) random.nextGaussian() - 2.5f;
                case MANY_TIES -> random.nextInt(-3, 4);
                case ALL_EQUAL -> 0.75f;
                case ASCENDING -> 1f + index / 1024f;
                case DESCENDING -> 9000f - index;
                case SPECIAL_VALUES -> SPECIAL[random.nextInt(SPECIAL.length)];
                case SUBNORMAL -> Float.intBitsToFloat(random.nextInt(0, 50));
            };
        }
    }

    @ParameterizedTest
    @EnumSource
    void rowsOfAllSmallLengthsGiveTheSortedPrefix(Data data) {
        long seed = 30;
        SplittableRandom random = new SplittableRandom(seed);
        for (int length = 1; length <= 130; length++) {
            for (int k : new int[] {1, 2, 7, 32, length, length + 3}) {
                check(seed, data, random, length, k);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void longRowsGiveTheSortedPrefix(Data data) {
        long seed = 31;
        SplittableRandom random = new SplittableRandom(seed);
        for (int length : new int[] {255, 256, 257, 1021, 2047, 2049, 4096, 8191, 10007}) {
            for (int k : new int[] {1, 31, 32, 64, 100, 512, length / 3, length - 1, length}) {
                check(seed, data, random, length, k);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void oneSelectionServesAGrowingK(Data data) {
        long seed = 33;
        SplittableRandom random = new SplittableRandom(seed);
        for (int k = 1; k <= 200; k++) {
            check(seed, data, random, 2049, k);
        }
    }

    private void check(long seed, Data data, SplittableRandom random, int length, int k) {
        int offset = random.nextInt(0, 20);
        int firstIndex = random.nextInt(0, 1000);
        float[] tile = new float[offset + length + 5];
        // What surrounds the segment must not be seen.
        Arrays.fill(tile, Float.POSITIVE_INFINITY);
        for (int i = 0; i < length; i++) {
            tile[offset + i] = data.next(random, i);
        }
        int[] all = IntStream.range(0, length).toArray();
        String what = "%s, seed %d, length %d, k %d".formatted(data, seed, length, k);

        selection.reset(k);
        selection.accept(tile, offset, length, firstIndex);
        check(what + ", whole", tile, offset, all, k, firstIndex);

        selection.reset(k);
        for (int from = 0; from < length; ) {
            int to = Math.min(length, from + random.nextInt(1, length + 1));
            selection.accept(tile, offset + from, to - from, firstIndex + from);
            from = to;
        }
        check(what + ", in segments", tile, offset, all, k, firstIndex);

        int[] some = Arrays.stream(all).filter(i -> random.nextInt(3) > 0).toArray();
        int[] latents = Arrays.stream(some).map(i -> i + firstIndex).toArray();
        int split = random.nextInt(some.length + 1);
        selection.reset(k);
        selection.maskedAccept(tile, offset, latents, 0, split, firstIndex);
        selection.maskedAccept(tile, offset, latents, split, latents.length, firstIndex);
        check(what + ", masked", tile, offset, some, k, firstIndex);
    }

    private void check(String what, float[] tile, int offset, int[] columns, int k, int firstIndex) {
        int[] expected = Arrays.stream(columns)
                .filter(i -> tile[offset + i] > 0)
                .boxed()
                .sorted((i, j) -> Float.compare(tile[offset + j], tile[offset + i]))
                .limit(k)
                .mapToInt(i -> i)
                .sorted()
                .toArray();
        int[] indices = new int[k + 2];
        float[] values = new float[k + 2];
        int count = selection.finish(indices, values, 2);
        assertThat(Arrays.copyOfRange(indices, 2, 2 + count))
                .as(what)
                .isEqualTo(Arrays.stream(expected).map(i -> i + firstIndex).toArray());
        for (int i = 0; i < count; i++) {
            assertThat(values[2 + i]).as(what).isEqualTo(tile[offset + expected[i]]);
        }
    }

    @Test
    void aRowOfNanGivesNothing() {
        float[] tile = new float[5000];
        Arrays.fill(tile, Float.NaN);
        selection.reset(32);
        selection.accept(tile, 0, tile.length, 0);
        assertThat(selection.finish(new int[32], new float[32], 0)).isZero();
    }

    @Test
    void anEmptyRowGivesNothing() {
        selection.reset(4);
        selection.accept(new float[0], 0, 0, 0);
        assertThat(selection.finish(new int[4], new float[4], 0)).isZero();
    }

    @Test
    void nothingIsLeftOfTheRowBefore() {
        selection.reset(2);
        selection.accept(new float[] {5, 6, 7}, 0, 3, 0);
        selection.reset(3);
        selection.accept(new float[] {1, -1, 2}, 0, 3, 10);
        int[] indices = new int[3];
        assertThat(selection.finish(indices, new float[3], 0)).isEqualTo(2);
        assertThat(indices).startsWith(10, 12);
    }

    @Test
    void aKBelowOneIsRefused() {
        assertThatThrownBy(() -> selection.reset(0)).isInstanceOf(IllegalArgumentException.class);
    }
}
