// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.util.List;
import java.util.Objects;

/** Consecutive rows of another source, numbered from 0; the other source stays the owner. */
final class SlicedSource implements ActivationSource {
    // Kept between calls, because reading must not allocate; per thread, because several may read at once.
    private static final ThreadLocal<long[]> SHIFTED = ThreadLocal.withInitial(() -> new long[0]);

    private final ActivationSource whole;
    private final long first;
    private final long rows;
    private volatile boolean closed;

    SlicedSource(ActivationSource whole, long first, long rows) {
        Objects.checkFromIndexSize(first, rows, whole.rows());
        this.whole = whole;
        this.first = first;
        this.rows = rows;
    }

    @Override
    public long rows() {
        return rows;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the slice of " + describe() + " is closed");
        }
    }

    @Override
    public int width() {
        return whole.width();
    }

    @Override
    public List<Integer> widths() {
        return whole.widths();
    }

    @Override
    public DType dtype() {
        return whole.dtype();
    }

    @Override
    public void read(long[] rowNumbers, int count, Matrix out) {
        requireOpen();
        long[] shifted = SHIFTED.get();
        if (shifted.length < count) {
            shifted = new long[count];
            SHIFTED.set(shifted);
        }
        for (int i = 0; i < count; i++) {
            shifted[i] = first + Objects.checkIndex(rowNumbers[i], rows);
        }
        whole.read(shifted, count, out);
    }

    @Override
    public void read(long firstRow, int count, Matrix out) {
        requireOpen();
        Objects.checkFromIndexSize(firstRow, count, rows);
        whole.read(first + firstRow, count, out);
    }

    @Override
    public String describe() {
        return whole.describe() + ", rows " + first + " to " + (first + rows - 1);
    }

    @Override
    public String locate(long row) {
        return whole.locate(first + Objects.checkIndex(row, rows));
    }

    @Override
    public String locate(long row, int column) {
        return whole.locate(first + Objects.checkIndex(row, rows), column);
    }

    @Override
    public void close() {
        closed = true;
    }
}
