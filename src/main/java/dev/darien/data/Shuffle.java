// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import java.util.Objects;

/**
 * An endless random order of row numbers that serves each row exactly once per epoch. Only numbers are shuffled: the
 * files stay mapped, and nothing here grows with the width of the data.
 *
 * <p>Up to {@value #FULL_SHUFFLE_ROWS} rows the order is a uniform permutation. Beyond that, blocks of neighbouring
 * rows are put in random order and {@value #MIXING_BLOCKS} of them at a time are mixed uniformly, so that the rows in
 * play at any moment lie in few stretches of the file and stay in the page cache.
 *
 * <p>The order depends on nothing but the rows, the seed and the number of the epoch, so a run can be continued from
 * {@link #rowsServed()} alone. Not thread-safe. {@link #next} doesn't allocate.
 */
public final class Shuffle {
    /** Up to this many rows (16 MiB of numbers) the order is a uniform permutation. */
    public static final int FULL_SHUFFLE_ROWS = 1 << 22;

    /** How many blocks are mixed at a time. */
    public static final int MIXING_BLOCKS = 512;

    private static final int BLOCK_ROWS = 1024;
    private static final int MOST_BLOCKS = 1 << 20;
    private static final long[] NONE = {};

    private final long rows;
    private final long seed;
    private final long[] excluded;
    private final long rowsPerEpoch;
    private final long blockRows;
    private final int mixingBlocks;
    private final int[] blockOrder;
    private final int[] order;
    private final SeededRandom random = new SeededRandom(0);

    private long epoch;
    private long servedInEpoch;
    private int group;
    private int groupRows;
    private int servedInGroup;

    public Shuffle(long rows, long seed) {
        this(rows, seed, NONE);
    }

    /**
     * An order of the rows [0, rows) without {@code excluded}.
     *
     * @param excluded ascending row numbers to leave out, such as {@link DataSummary#badRows()}
     * @throws IllegalArgumentException if no row is left, or {@code excluded} isn't strictly ascending within the rows
     */
    public Shuffle(long rows, long seed, long[] excluded) {
        this(rows, seed, excluded, FULL_SHUFFLE_ROWS, defaultBlockRows(rows), defaultMixingBlocks(rows));
    }

    Shuffle(long rows, long seed, long[] excluded, long fullShuffleRows, long blockRows, int mixingBlocks) {
        checkExcluded(rows, excluded);
        this.rows = rows;
        this.seed = seed;
        this.excluded = excluded.clone();
        this.rowsPerEpoch = rows - excluded.length;
        if (rowsPerEpoch <= 0) {
            throw new IllegalArgumentException("there are no rows to shuffle");
        }
        boolean full = rowsPerEpoch <= fullShuffleRows;
        this.blockRows = full ? rowsPerEpoch : blockRows;
        this.mixingBlocks = full ? 1 : mixingBlocks;
        this.blockOrder = new int[Math.toIntExact(Math.ceilDiv(rowsPerEpoch, this.blockRows))];
        this.order = new int[(int) Math.min(rowsPerEpoch, Math.multiplyExact(this.blockRows, this.mixingBlocks))];
        startEpoch(0);
    }

    /** The order as it goes on after {@code rowsServed} rows, the same as if they had been taken with {@link #next}. */
    public static Shuffle at(long rows, long seed, long[] excluded, long rowsServed) {
        Shuffle shuffle = new Shuffle(rows, seed, excluded);
        shuffle.skipTo(rowsServed);
        return shuffle;
    }

    private static long defaultBlockRows(long rows) {
        return Math.max(BLOCK_ROWS, Math.ceilDiv(rows, MOST_BLOCKS));
    }

    private static int defaultMixingBlocks(long rows) {
        return Math.clamp((16L << 20) / defaultBlockRows(rows), 2, MIXING_BLOCKS);
    }

    private static void checkExcluded(long rows, long[] excluded) {
        long before = -1;
        for (long row : excluded) {
            if (row <= before || row >= rows) {
                throw new IllegalArgumentException(
                        "excluded rows must be ascending and below " + rows + ", but " + row + " follows " + before);
            }
            before = row;
        }
    }

    /**
     * Puts the next {@code count} row numbers into {@code rowNumbers}; a batch may span epochs.
     *
     * @throws IndexOutOfBoundsException if {@code rowNumbers} is shorter than {@code count}
     */
    public void next(long[] rowNumbers, int count) {
        Objects.checkFromIndexSize(0, count, rowNumbers.length);
        for (int i = 0; i < count; i++) {
            rowNumbers[i] = nextRow();
        }
    }

    private long nextRow() {
        if (servedInEpoch == rowsPerEpoch) {
            startEpoch(epoch + 1);
        } else if (servedInGroup == groupRows) {
            startGroup(group + 1);
        }
        return withoutExcluded(rowAt(nextInGroup()));
    }

    /** Fisher–Yates, one step at a time. */
    private int nextInGroup() {
        int chosen = servedInGroup + random.nextInt(groupRows - servedInGroup);
        int index = order[chosen];
        order[chosen] = order[servedInGroup];
        order[servedInGroup] = index;
        servedInGroup++;
        servedInEpoch++;
        return index;
    }

    private void startEpoch(long number) {
        epoch = number;
        servedInEpoch = 0;
        random.reseed(SeededRandom.combine(seed, epoch), -1);
        for (int i = 0; i < blockOrder.length; i++) {
            blockOrder[i] = i;
        }
        for (int i = blockOrder.length - 1; i > 0; i--) {
            swapBlocks(i, random.nextInt(i + 1));
        }
        startGroup(0);
    }

    private void startGroup(int number) {
        group = number;
        servedInGroup = 0;
        int first = group * mixingBlocks;
        int last = Math.min(first + mixingBlocks, blockOrder.length) - 1;
        long held = (last - first + 1) * blockRows;
        int shortBlock = blockOrder.length - 1;
        for (int i = first; i <= last; i++) {
            if (blockOrder[i] == shortBlock) {
                // The file's last block may have fewer rows; at the end of its group it leaves no gap in the numbering.
                swapBlocks(i, last);
                held -= blockOrder.length * blockRows - rowsPerEpoch;
                break;
            }
        }
        groupRows = (int) held;
        for (int i = 0; i < groupRows; i++) {
            order[i] = i;
        }
        random.reseed(SeededRandom.combine(seed, epoch), group);
    }

    private void swapBlocks(int a, int b) {
        int block = blockOrder[a];
        blockOrder[a] = blockOrder[b];
        blockOrder[b] = block;
    }

    private long rowAt(int indexInGroup) {
        int block = blockOrder[group * mixingBlocks + (int) (indexInGroup / blockRows)];
        return block * blockRows + indexInGroup % blockRows;
    }

    /** The {@code rank}-th of the rows that aren't excluded. */
    private long withoutExcluded(long rank) {
        int low = 0;
        int high = excluded.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (excluded[middle] - middle <= rank) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return rank + low;
    }

    /** Goes to where {@code rowsServed} rows from the start have been taken; whole epochs and groups cost nothing. */
    void skipTo(long rowsServed) {
        if (rowsServed < 0) {
            throw new IllegalArgumentException("can't have served " + rowsServed + " rows");
        }
        startEpoch(rowsServed / rowsPerEpoch);
        long left = rowsServed % rowsPerEpoch;
        while (left > groupRows) {
            left -= groupRows;
            servedInEpoch += groupRows;
            startGroup(group + 1);
        }
        for (; left > 0; left--) {
            nextInGroup();
        }
    }

    /** Number of the epoch, from 0, that the next row belongs to. */
    public long epoch() {
        return servedInEpoch == rowsPerEpoch ? epoch + 1 : epoch;
    }

    /** Rows served since the start, over all epochs: what {@link #at} needs to continue. */
    public long rowsServed() {
        return epoch * rowsPerEpoch + servedInEpoch;
    }

    /** Rows in an epoch: all that aren't excluded. */
    public long rowsPerEpoch() {
        return rowsPerEpoch;
    }

    /** All rows, the excluded ones too. */
    public long rows() {
        return rows;
    }
}
