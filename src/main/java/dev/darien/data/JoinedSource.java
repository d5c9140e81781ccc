// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * The rows of several sources side by side: row r is row r of each, one after the other. So what belongs together is
 * shuffled, hashed and searched for NaN as one.
 */
final class JoinedSource implements ActivationSource {
    private final List<ActivationSource> parts;
    /** firstColumns[i] is the first column of part i; the last entry is the width. */
    private final int[] firstColumns;

    private final DType dtype;
    // What is read of a part before it is converted. Kept between calls, because reading must not allocate much; per
    // thread, because several may read at once.
    private final ThreadLocal<byte[]> unconverted = ThreadLocal.withInitial(() -> new byte[0]);

    JoinedSource(List<ActivationSource> parts) {
        ActivationSource first = parts.getFirst();
        this.parts = List.copyOf(parts);
        this.firstColumns = new int[parts.size() + 1];
        for (int part = 0; part < parts.size(); part++) {
            ActivationSource source = parts.get(part);
            ActivationSources.requireSameRows(first.describe(), first.rows(), source.describe(), source.rows());
            firstColumns[part + 1] = Math.addExact(firstColumns[part], source.width());
        }
        this.dtype = parts.stream().allMatch(part -> part.dtype() == first.dtype()) ? first.dtype() : DType.F32;
    }

    @Override
    public int width() {
        return firstColumns[parts.size()];
    }

    @Override
    public List<Integer> widths() {
        return parts.stream().map(ActivationSource::width).toList();
    }

    @Override
    public long rows() {
        return parts.getFirst().rows();
    }

    @Override
    public DType dtype() {
        return dtype;
    }

    @Override
    public void read(long[] rowNumbers, int count, Matrix out) {
        read(count, out, (part, to) -> part.read(rowNumbers, count, to));
    }

    @Override
    public void read(long firstRow, int count, Matrix out) {
        read(count, out, (part, to) -> part.read(firstRow, count, to));
    }

    private interface Reader {
        void read(ActivationSource part, Matrix out);
    }

    private void read(int count, Matrix out, Reader reader) {
        if (out.dtype() != dtype || out.columns() != width()) {
            throw new IllegalArgumentException(
                    "rows of " + dtype + "[" + width() + "] can't be read into " + out.shape());
        }
        Objects.checkFromIndexSize(0, count, out.rows());
        for (int number = 0; number < parts.size(); number++) {
            ActivationSource part = parts.get(number);
            Matrix columns = out.columnSlice(firstColumns[number], part.width());
            if (part.dtype() == dtype) {
                reader.read(part, columns);
            } else {
                Matrix raw = unconverted(part, count);
                reader.read(part, raw);
                Conversion.copy(raw, columns.slice(0, count));
            }
        }
    }

    private Matrix unconverted(ActivationSource part, int count) {
        int bytes = Math.multiplyExact(
                Math.multiplyExact(count, part.width()), part.dtype().bytes());
        byte[] buffer = unconverted.get();
        if (buffer.length < bytes) {
            buffer = new byte[bytes];
            unconverted.set(buffer);
        }
        return Matrix.of(MemorySegment.ofArray(buffer), part.dtype(), count, part.width());
    }

    @Override
    public String describe() {
        return parts.stream().map(ActivationSource::describe).collect(Collectors.joining(", beside "));
    }

    @Override
    public String locate(long row) {
        return parts.getFirst().locate(row);
    }

    @Override
    public String locate(long row, int column) {
        Objects.checkIndex(column, width());
        int part = 0;
        while (firstColumns[part + 1] <= column) {
            part++;
        }
        return parts.get(part).locate(row, column - firstColumns[part]);
    }

    @Override
    public void close() {
        parts.forEach(ActivationSource::close);
    }
}
