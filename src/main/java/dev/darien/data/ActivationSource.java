// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/**
 * Rows of activations [rows, width] that can be read in any order, as often as wanted, and from several threads at
 * once. Whoever opened a source closes it; closing is idempotent, and reading after it is an
 * {@link IllegalStateException}.
 */
public interface ActivationSource extends AutoCloseable {
    /** Width d of an activation. */
    int width();

    /** Widths of the tensors that lie side by side in a row, which add up to {@link #width()}; one for most sources. */
    default List<Integer> widths() {
        return List.of(width());
    }

    /** Number of activations (tokens). */
    long rows();

    /** Element type as stored. */
    DType dtype();

    /**
     * Gathers rows, unconverted, into the first {@code count} rows of {@code out}.
     *
     * @param rowNumbers the rows wanted, at least {@code count} of them, in any order; repeats are allowed
     * @param out of this source's {@link #dtype()} and {@link #width()}
     * @throws IndexOutOfBoundsException if a row number isn't in [0, rows), or {@code out} has fewer than count rows
     * @throws IllegalArgumentException if {@code out} has another type or width
     */
    void read(long[] rowNumbers, int count, Matrix out);

    /** Reads the rows {@code firstRow … firstRow + count - 1}; otherwise like the other {@code read}. */
    void read(long firstRow, int count, Matrix out);

    /**
     * Row {@code number} as a new array.
     *
     * @throws IndexOutOfBoundsException if there is no such row
     */
    default float[] row(long number) {
        Matrix one = Matrix.of(MemorySegment.ofArray(new byte[width() * dtype().bytes()]), dtype(), 1, width());
        read(number, 1, one);
        return one.toArray(0);
    }

    /** File and tensor, for people. */
    String describe();

    /** Where {@code row} lies (file, tensor, row within it), for messages. */
    String locate(long row);

    /** As {@link #locate(long)}, with the column. */
    default String locate(long row, int column) {
        return locate(row) + ", column " + Objects.checkIndex(column, width());
    }

    /**
     * The {@code count} rows from {@code first} as a source of their own. It owns nothing: close this source, not the
     * slice.
     *
     * @throws IndexOutOfBoundsException if the rows aren't all there
     */
    default ActivationSource slice(long first, long count) {
        return new SlicedSource(this, first, count);
    }

    @Override
    void close();
}
