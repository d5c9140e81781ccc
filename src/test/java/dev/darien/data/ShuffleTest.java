// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShuffleTest {
    private static final long[] NONE = {};

    private static long[] take(Shuffle shuffle, int count) {
        long[] rows = new long[count];
        shuffle.next(rows, count);
        return rows;
    }

    private static Shuffle blocks(long rows, long seed, long[] excluded, long blockRows, int mixingBlocks) {
        return new Shuffle(rows, seed, excluded, 0, blockRows, mixingBlocks);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 10, 1000, 12345})
    void everyEpochServesEachRowOnce(int rows) {
        Shuffle shuffle = new Shuffle(rows, 42);
        for (int epoch = 0; epoch < 3; epoch++) {
            assertThat(shuffle.epoch()).isEqualTo(epoch);
            long[] taken = take(shuffle, rows);
            Arrays.sort(taken);
            assertThat(taken).isEqualTo(LongStream.range(0, rows).toArray());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "1000,10,4",
        "1003,10,4",
        "999,10,4",
        "1000,10,100",
        "1000,10,3",
        "17,16,2",
        "5,10,2",
        "4097,64,7",
        "100,1,5"
    })
    void blocksServeEachRowOnceToo(int rows, int blockRows, int mixingBlocks) {
        Shuffle shuffle = blocks(rows, 42, NONE, blockRows, mixingBlocks);
        for (int epoch = 0; epoch < 4; epoch++) {
            long[] taken = take(shuffle, rows);
            Arrays.sort(taken);
            assertThat(taken)
                    .as("epoch %d", epoch)
                    .isEqualTo(LongStream.range(0, rows).toArray());
        }
    }

    @Test
    void theRealBlockRegimeServesEachRowOnce() {
        int rows = Shuffle.FULL_SHUFFLE_ROWS + 54_321;
        Shuffle shuffle = new Shuffle(rows, 8);
        BitSet seen = new BitSet(rows);
        long[] batch = new long[4096];
        for (int left = rows; left > 0; left -= batch.length) {
            int count = Math.min(left, batch.length);
            shuffle.next(batch, count);
            for (int i = 0; i < count; i++) {
                assertThat(seen.get((int) batch[i])).isFalse();
                seen.set((int) batch[i]);
            }
        }
        assertThat(seen.cardinality()).isEqualTo(rows);
        assertThat(shuffle.epoch()).isEqualTo(1);
    }

    @Test
    void onlyTheRowsOfAFewBlocksAreInPlayAtATime() {
        int blockRows = 16;
        int mixing = 8;
        Shuffle shuffle = blocks(16 * 1000, 3, NONE, blockRows, mixing);
        for (int group = 0; group < 125; group++) {
            Set<Long> touched = new HashSet<>();
            for (long row : take(shuffle, blockRows * mixing)) {
                touched.add(row / blockRows);
            }
            assertThat(touched).hasSize(mixing);
        }
    }

    @Test
    void neighboursInTheOrderAreUnrelatedInTheFile() {
        // With uniform order the mean distance between successive rows is rows / 3.
        int rows = 60_000;
        for (Shuffle shuffle : new Shuffle[] {new Shuffle(rows, 9), blocks(rows, 9, NONE, 64, 64)}) {
            long[] taken = take(shuffle, rows);
            double distance = 0;
            double correlation = 0;
            for (int i = 1; i < rows; i++) {
                distance += Math.abs(taken[i] - taken[i - 1]);
                correlation += (taken[i] - rows / 2.0) * (i - rows / 2.0);
            }
            assertThat(distance / rows / rows).isCloseTo(1 / 3.0, within(0.02));
            assertThat(correlation * 12 / Math.pow(rows, 3)).isCloseTo(0, within(0.15));
        }
    }

    @Test
    void smallPermutationsAreUniform() {
        int[] counts = new int[24];
        int draws = 48_000;
        for (int seed = 0; seed < draws; seed++) {
            long[] p = take(new Shuffle(4, seed), 4);
            int rank = 0;
            for (int i = 0; i < 4; i++) {
                int smaller = 0;
                for (int j = i + 1; j < 4; j++) {
                    smaller += p[j] < p[i] ? 1 : 0;
                }
                rank = rank * (4 - i) + smaller;
            }
            counts[rank]++;
        }
        for (int count : counts) {
            assertThat((double) count).isCloseTo(2000, within(5 * Math.sqrt(2000)));
        }
    }

    @Test
    void anyPositionCanBeResumed() {
        long seed = 20250607;
        SeededRandom random = new SeededRandom(seed);
        long[] excluded = {0, 5, 6, 499};
        long[] whole = take(new Shuffle(500, 4, excluded), 5000);
        long[] wholeBlocks = take(blocks(500, 4, excluded, 16, 4), 5000);
        for (int round = 0; round < 300; round++) {
            int at = round < 3 ? 496 * round : random.nextInt(4900);
            Shuffle full = Shuffle.at(500, 4, excluded, at);
            assertThat(full.rowsServed()).isEqualTo(at);
            assertThat(full.epoch()).isEqualTo(at / 496);
            assertThat(take(full, 100))
                    .as("seed %d, at %d", seed, at)
                    .isEqualTo(Arrays.copyOfRange(whole, at, at + 100));
            Shuffle blocks = blocks(500, 4, excluded, 16, 4);
            blocks.skipTo(at);
            assertThat(blocks.rowsServed()).isEqualTo(at);
            assertThat(take(blocks, 100))
                    .as("blocks, seed %d, at %d", seed, at)
                    .isEqualTo(Arrays.copyOfRange(wholeBlocks, at, at + 100));
        }
    }

    @Test
    void batchesOfAnySizeGiveTheSameOrder() {
        long[] whole = take(new Shuffle(100, 6), 1000);
        Shuffle shuffle = new Shuffle(100, 6);
        int at = 0;
        for (int size = 1; at + size <= 1000; size++) {
            assertThat(take(shuffle, size)).isEqualTo(Arrays.copyOfRange(whole, at, at + size));
            at += size;
            assertThat(shuffle.rowsServed()).isEqualTo(at);
        }
    }

    @Test
    void distantEpochsAreReachedWithoutReplayingThoseBefore() {
        long rows = 1_000_000_007L;
        Shuffle shuffle = Shuffle.at(rows, 4, NONE, rows * 1_000_000 + 12_345_678);
        assertThat(shuffle.epoch()).isEqualTo(1_000_000);
        long[] next = take(shuffle, 1000);
        Shuffle again = Shuffle.at(rows, 4, NONE, rows * 1_000_000 + 12_345_678 - 300);
        take(again, 300);
        assertThat(take(again, 1000)).isEqualTo(next);
        assertThat(next).doesNotHaveDuplicates();
        assertThat(LongStream.of(next)).allMatch(row -> row >= 0 && row < rows);
    }

    @Test
    void veryManyRowsNeedLittleMemory() {
        long rows = 1L << 40;
        Shuffle shuffle = new Shuffle(rows, 4);
        assertThat(LongStream.of(take(shuffle, 1000)).max().orElseThrow())
                .isGreaterThan(1L << 36)
                .isLessThan(rows);
    }

    @Test
    void seedsAndEpochsDiffer() {
        assertThat(take(new Shuffle(1000, 1), 1000)).isNotEqualTo(take(new Shuffle(1000, 2), 1000));
        assertThat(take(new Shuffle(1000, 1), 1000)).isEqualTo(take(new Shuffle(1000, 1), 1000));
        Shuffle shuffle = new Shuffle(1000, 1);
        assertThat(take(shuffle, 1000)).isNotEqualTo(take(shuffle, 1000));
        assertThat(take(blocks(1000, 1, NONE, 10, 5), 50)).isNotEqualTo(take(blocks(1000, 2, NONE, 10, 5), 50));
    }

    @Test
    void excludedRowsAreNeverServedAndTheOthersOnce() {
        long seed = 99;
        SeededRandom random = new SeededRandom(seed);
        for (int round = 0; round < 50; round++) {
            int rows = 50 + random.nextInt(500);
            long[] excluded = LongStream.range(0, rows)
                    .filter(row -> random.nextInt(4) == 0)
                    .toArray();
            long[] expected = LongStream.range(0, rows)
                    .filter(row -> Arrays.binarySearch(excluded, row) < 0)
                    .toArray();
            for (Shuffle shuffle : new Shuffle[] {new Shuffle(rows, 7, excluded), blocks(rows, 7, excluded, 8, 4)}) {
                assertThat(shuffle.rowsPerEpoch()).isEqualTo(expected.length);
                for (int epoch = 0; epoch < 2; epoch++) {
                    long[] taken = take(shuffle, expected.length);
                    Arrays.sort(taken);
                    assertThat(taken).as("seed %d, round %d", seed, round).isEqualTo(expected);
                }
            }
        }
    }

    @Test
    void nothingToServeAndWrongExclusionsAreRefused() {
        assertThatThrownBy(() -> new Shuffle(0, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Shuffle(2, 1, new long[] {0, 1})).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Shuffle(5, 1, new long[] {3, 1})).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Shuffle(5, 1, new long[] {1, 1})).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Shuffle(5, 1, new long[] {5})).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Shuffle(5, 1, new long[] {-1})).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Shuffle.at(5, 1, NONE, -1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Shuffle(5, 1).next(new long[3], 4)).isInstanceOf(IndexOutOfBoundsException.class);
    }
}
