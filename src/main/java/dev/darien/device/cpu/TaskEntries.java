// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * What one task of rows selected, until it is known where in the codes it goes. Entries come in runs: one for each block
 * of latents and row, rows within blocks; a row's entries are its runs of all blocks. Grows as needed and keeps its size.
 */
final class TaskEntries {
    int[] indices = new int[0];
    float[] values = new float[0];
    private int[] starts = new int[0];
    private int[] lengths = new int[0];
    private int rows;
    private int runs;
    private int end;

    /** Starts anew, for {@code taskRows} rows. */
    void clear(int taskRows) {
        rows = taskRows;
        runs = 0;
        end = 0;
    }

    /** Where the next run starts. */
    int end() {
        return end;
    }

    /** Makes room for {@code more} entries after {@link #end}, and what {@link TileSelect} may write beyond. */
    void ensure(int more) {
        long wanted = (long) end + more + TileSelect.SLACK;
        if (wanted > values.length) {
            int size = (int) Math.min(Integer.MAX_VALUE - 64, Math.max(wanted, values.length * 3L / 2));
            indices = Arrays.copyOf(indices, size);
            values = Arrays.copyOf(values, size);
        }
    }

    /** Ends a run, the next row's or the next block's first, at entry {@code to}. */
    void endRun(int to) {
        if (runs == starts.length) {
            int size = Math.max(rows, 2 * runs);
            starts = Arrays.copyOf(starts, size);
            lengths = Arrays.copyOf(lengths, size);
        }
        starts[runs] = end;
        lengths[runs++] = to - end;
        end = to;
    }

    /** Number of entries of one row. */
    int rowCount(int row) {
        int total = 0;
        for (int run = row; run < runs; run += rows) {
            total += lengths[run];
        }
        return total;
    }

    /** Bytes that it has grown to. */
    long bytes() {
        return (long) (indices.length + values.length + starts.length + lengths.length) * Integer.BYTES;
    }

    /** Number of entries of all rows. */
    int count() {
        int total = 0;
        for (int run = 0; run < runs; run++) {
            total += lengths[run];
        }
        return total;
    }

    /** Copies all entries, row by row, into the codes from entry {@code at} on. */
    void copyTo(SparseCodes codes, long at) {
        MemorySegment indexTarget = codes.indices().segment();
        MemorySegment valueTarget = codes.values().segment();
        long to = at;
        for (int row = 0; row < rows; row++) {
            for (int run = row; run < runs; run += rows) {
                int from = starts[run];
                int length = lengths[run];
                MemorySegment.copy(indices, from, indexTarget, Matrix.INT, to * Integer.BYTES, length);
                MemorySegment.copy(values, from, valueTarget, Matrix.FLOAT, to * Float.BYTES, length);
                to += length;
            }
        }
    }

    /** Copies the entries of one row into arrays with room for them. */
    void copyRow(int row, int[] toIndices, float[] toValues) {
        int to = 0;
        for (int run = row; run < runs; run += rows) {
            System.arraycopy(indices, starts[run], toIndices, to, lengths[run]);
            System.arraycopy(values, starts[run], toValues, to, lengths[run]);
            to += lengths[run];
        }
    }

    /** How many values are above {@code threshold}. */
    int countAbove(float threshold) {
        int total = 0;
        for (int run = 0; run < runs; run++) {
            for (int entry = starts[run]; entry < starts[run] + lengths[run]; entry++) {
                total += values[entry] > threshold ? 1 : 0;
            }
        }
        return total;
    }

    /** How many values equal {@code threshold}. */
    int countEqual(float threshold) {
        int equal = 0;
        for (int run = 0; run < runs; run++) {
            for (int entry = starts[run]; entry < starts[run] + lengths[run]; entry++) {
                equal += values[entry] == threshold ? 1 : 0;
            }
        }
        return equal;
    }

    /** Keeps values above {@code threshold}, and of those equal to it the first {@code ties} by row and latent. */
    void keepAbove(float threshold, int ties) {
        int left = ties;
        for (int row = 0; row < rows; row++) {
            for (int run = row; run < runs; run += rows) {
                int kept = starts[run];
                for (int entry = starts[run]; entry < starts[run] + lengths[run]; entry++) {
                    float value = values[entry];
                    if (value > threshold || (value == threshold && left > 0)) {
                        left -= value == threshold ? 1 : 0;
                        indices[kept] = indices[entry];
                        values[kept++] = value;
                    }
                }
                lengths[run] = kept - starts[run];
            }
        }
    }

    /** Adds the upper halves of the values' bits to a histogram of 2^16 counts: positive floats are ordered as their bits. */
    void countUpperBits(int[] histogram) {
        for (int run = 0; run < runs; run++) {
            for (int entry = starts[run]; entry < starts[run] + lengths[run]; entry++) {
                histogram[Float.floatToRawIntBits(values[entry]) >>> 16]++;
            }
        }
    }

    /** Adds the lower halves of the bits of those values whose upper half is {@code upper}. */
    void countLowerBits(int upper, int[] histogram) {
        for (int run = 0; run < runs; run++) {
            for (int entry = starts[run]; entry < starts[run] + lengths[run]; entry++) {
                int bits = Float.floatToRawIntBits(values[entry]);
                if (bits >>> 16 == upper) {
                    histogram[bits & 0xFFFF]++;
                }
            }
        }
    }

    /** Sets every row's offset from the entries of all tasks; returns the number of entries. */
    static long prefixSums(TaskEntries[] tasks, int taskCount, Matrix offsets) {
        MemorySegment out = offsets.segment();
        long total = 0;
        long row = 0;
        for (int task = 0; task < taskCount; task++) {
            for (int taskRow = 0; taskRow < tasks[task].rows; taskRow++) {
                out.set(Matrix.LONG, row++ * Long.BYTES, total);
                total += tasks[task].rowCount(taskRow);
            }
        }
        out.set(Matrix.LONG, row * Long.BYTES, total);
        return total;
    }
}
