// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** Rows of one or several mapped files, one after the other. */
final class MappedSource implements ActivationSource {
    private final Shard[] shards;
    /** starts[i] is the first row of shard i; the last entry is the number of rows. */
    private final long[] starts;

    private final int width;
    private final DType dtype;

    MappedSource(List<Shard> shards) {
        this.shards = shards.toArray(Shard[]::new);
        this.starts = new long[this.shards.length + 1];
        for (int i = 0; i < this.shards.length; i++) {
            starts[i + 1] = Math.addExact(starts[i], this.shards[i].matrix().rows());
        }
        this.width = this.shards[0].matrix().columns();
        this.dtype = this.shards[0].matrix().dtype();
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public long rows() {
        return starts[shards.length];
    }

    @Override
    public DType dtype() {
        return dtype;
    }

    @Override
    public void read(long[] rowNumbers, int count, Matrix out) {
        requireRoom(count, out);
        long bytes = (long) width * dtype.bytes();
        MemorySegment target = out.segment();
        for (int i = 0; i < count; i++) {
            long row = Objects.checkIndex(rowNumbers[i], rows());
            int number = shardOf(row);
            Matrix shard = shards[number].matrix();
            MemorySegment.copy(shard.segment(), shard.rowOffset(row - starts[number]), target, out.rowOffset(i), bytes);
        }
    }

    @Override
    public void read(long firstRow, int count, Matrix out) {
        requireRoom(count, out);
        Objects.checkFromIndexSize(firstRow, count, rows());
        int done = 0;
        while (done < count) {
            long row = firstRow + done;
            int number = shardOf(row);
            int part = (int) Math.min(count - done, starts[number + 1] - row);
            copyRows(shards[number].matrix(), row - starts[number], out, done, part);
            done += part;
        }
    }

    private void copyRows(Matrix from, long row, Matrix out, int outRow, int count) {
        long bytes = (long) width * dtype.bytes();
        if (out.stride() == width && from.stride() == width) {
            MemorySegment.copy(
                    from.segment(), from.rowOffset(row), out.segment(), out.rowOffset(outRow), count * bytes);
            return;
        }
        for (int i = 0; i < count; i++) {
            MemorySegment.copy(
                    from.segment(), from.rowOffset(row + i), out.segment(), out.rowOffset(outRow + i), bytes);
        }
    }

    private void requireRoom(int count, Matrix out) {
        if (out.dtype() != dtype || out.columns() != width) {
            throw new IllegalArgumentException(
                    "rows of " + dtype + "[" + width + "] can't be read into " + out.shape());
        }
        Objects.checkFromIndexSize(0, count, out.rows());
    }

    private int shardOf(long row) {
        if (shards.length == 1) {
            return 0;
        }
        int found = Arrays.binarySearch(starts, row);
        return found >= 0 ? found : -found - 2;
    }

    /** The first row of each file, and behind them the number of rows. */
    long[] starts() {
        return starts.clone();
    }

    /** Number {@code file}, for messages. */
    String describe(int file) {
        return shards[file].what();
    }

    @Override
    public String describe() {
        return shards.length == 1
                ? shards[0].what()
                : shards.length + " files from " + shards[0].what() + " to " + shards[shards.length - 1].what();
    }

    @Override
    public String locate(long row) {
        int number = shardOf(Objects.checkIndex(row, rows()));
        return shards[number].what() + ", row " + (row - starts[number]);
    }

    @Override
    public void close() {
        for (Shard shard : shards) {
            shard.close();
        }
    }
}
