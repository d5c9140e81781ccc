// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A row-major view over off-heap memory: element (r, c) lies at byte {@code (r · stride + c) · dtype.bytes()} of the
 * segment. Mapped files keep their own stride and any alignment. A matrix that an {@link Allocator} made owns its
 * memory and gives it back on {@link #close()}; a view owns nothing.
 *
 * <p>Element access is checked and for reports and tests; kernels work on {@link #segment()}. Use after close is an
 * {@link IllegalStateException}.
 *
 * <p>A matrix in a GPU's memory has a segment of length 0, whose address is that of the memory and whose scope ends when
 * the memory is given back; the matrix begins some bytes behind it, at {@link #address()}. Reading its elements from Java
 * is an exception.
 */
public final class Matrix implements AutoCloseable {
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    /** Unaligned little-endian layouts, usable on any offset of a mapped file. */
    public static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE);

    public static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE);
    public static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE);
    public static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE);
    public static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(LITTLE);

    /** Never started, so it can't be the one thread that owns a confined segment. */
    private static final Thread OTHER = new Thread("other");

    private final MemorySegment segment;
    private final DType dtype;
    private final long rows;
    private final int columns;
    private final long stride;
    /** From the segment's address to element (0, 0): 0 where Java can reach the elements. */
    private final long bytesBefore;

    private final @Nullable Reservation owned;

    Matrix(MemorySegment segment, DType dtype, long rows, int columns, long stride, @Nullable Reservation owned) {
        this(segment, 0, dtype, rows, columns, stride, owned);
    }

    private Matrix(
            MemorySegment segment,
            long bytesBefore,
            DType dtype,
            long rows,
            int columns,
            long stride,
            @Nullable Reservation owned) {
        this.segment = segment;
        this.bytesBefore = bytesBefore;
        this.dtype = dtype;
        this.rows = rows;
        this.columns = columns;
        this.stride = stride;
        this.owned = owned;
    }

    /**
     * A view over {@code segment}.
     *
     * @param stride elements from one row's start to the next, at least {@code columns}
     * @throws IllegalArgumentException if the segment is too short for the shape
     */
    public static Matrix of(MemorySegment segment, DType dtype, long rows, int columns, long stride) {
        if (rows < 0 || columns < 0 || stride < columns) {
            throw new IllegalArgumentException(
                    "a matrix of " + rows + " x " + columns + " can't have a stride of " + stride);
        }
        long needed = rows == 0
                ? 0
                : Math.multiplyExact(Math.addExact(Math.multiplyExact(rows - 1, stride), columns), dtype.bytes());
        if (segment.byteSize() < needed) {
            throw new IllegalArgumentException("a matrix of " + rows + " x " + columns + " " + dtype + " needs "
                    + needed + " bytes but only " + segment.byteSize() + " are there");
        }
        return new Matrix(segment, dtype, rows, columns, stride, null);
    }

    /** A view over {@code segment} whose rows follow each other without a gap. */
    public static Matrix of(MemorySegment segment, DType dtype, long rows, int columns) {
        return of(segment, dtype, rows, columns, columns);
    }

    /** The bytes of this matrix; element (0, 0) is at offset 0. Of length 0 where Java can't reach them. */
    public MemorySegment segment() {
        return segment;
    }

    /**
     * The address of element (0, 0), in the memory of the host or of a device.
     *
     * @throws IllegalStateException if the memory has been given back
     */
    public long address() {
        requireAlive();
        return segment.address() + bytesBefore;
    }

    /**
     * Fails if the memory has been given back.
     *
     * @throws IllegalStateException if it has
     */
    public void requireAlive() {
        if (!segment.scope().isAlive()) {
            throw new IllegalStateException("the memory of a matrix " + shape() + " has been given back already");
        }
    }

    public DType dtype() {
        return dtype;
    }

    public long rows() {
        return rows;
    }

    /** {@link #rows()} as an int, for batches and weights. */
    public int intRows() {
        return Math.toIntExact(rows);
    }

    public int columns() {
        return columns;
    }

    /** Elements from one row's start to the next. */
    public long stride() {
        return stride;
    }

    /** Bytes from element (0, 0) to row {@code row}. */
    public long rowOffset(long row) {
        return row * stride * dtype.bytes();
    }

    /** Whether Java code can reach the elements. */
    public boolean isHost() {
        return segment.byteSize() > 0 || rows == 0 || columns == 0;
    }

    /**
     * Whether only one thread may touch the elements, because their segment comes from {@link
     * java.lang.foreign.Arena#ofConfined}. Kernels share their work among threads and refuse such a matrix.
     */
    public boolean isConfined() {
        return !segment.isAccessibleBy(OTHER);
    }

    /** A view of {@code count} rows from {@code first}. */
    public Matrix slice(long first, long count) {
        Objects.checkFromIndexSize(first, count, rows);
        if (segment.byteSize() == 0) {
            return new Matrix(segment, bytesBefore + rowOffset(first), dtype, count, columns, stride, null);
        }
        long bytes = count == 0 ? 0 : ((count - 1) * stride + columns) * dtype.bytes();
        return new Matrix(
                segment.asSlice(count == 0 ? 0 : rowOffset(first), bytes), dtype, count, columns, stride, null);
    }

    /** A view of the first {@code count} columns. */
    public Matrix prefix(int count) {
        Objects.checkFromIndexSize(0, count, columns);
        return new Matrix(segment, bytesBefore, dtype, rows, count, stride, null);
    }

    /** A view of {@code count} columns from {@code first}. */
    public Matrix columnSlice(int first, int count) {
        Objects.checkFromIndexSize(first, count, columns);
        long skipped = rows == 0 || count == 0 ? 0 : (long) first * dtype.bytes();
        return segment.byteSize() == 0
                ? new Matrix(segment, bytesBefore + skipped, dtype, rows, count, stride, null)
                : new Matrix(segment.asSlice(skipped), dtype, rows, count, stride, null);
    }

    /** Element (row, column) of a floating-point matrix, widened or rounded to single precision. */
    public float get(long row, int column) {
        long at = offset(row, column);
        return switch (dtype) {
            case F32 -> segment.get(FLOAT, at);
            case F16 -> Float.float16ToFloat(segment.get(SHORT, at));
            case BF16 -> DType.bfloat16ToFloat(segment.get(SHORT, at));
            case F64 -> (float) segment.get(DOUBLE, at);
            case I32 -> segment.get(INT, at);
            case I64 -> segment.get(LONG, at);
        };
    }

    /** Sets element (row, column), rounding to the element type. */
    public void set(long row, int column, float value) {
        long at = offset(row, column);
        switch (dtype) {
            case F32 -> segment.set(FLOAT, at, value);
            case F16 -> segment.set(SHORT, at, Float.floatToFloat16(value));
            case BF16 -> segment.set(SHORT, at, DType.floatToBfloat16(value));
            case F64 -> segment.set(DOUBLE, at, value);
            case I32 -> segment.set(INT, at, (int) value);
            case I64 -> segment.set(LONG, at, (long) value);
        }
    }

    /** Element (row, column) as a double; exact for {@link DType#F64}. */
    public double getDouble(long row, int column) {
        return dtype == DType.F64 ? segment.get(DOUBLE, offset(row, column)) : get(row, column);
    }

    public void setDouble(long row, int column, double value) {
        require(DType.F64);
        segment.set(DOUBLE, offset(row, column), value);
    }

    /** Element (row, column) of an integer matrix. */
    public long getLong(long row, int column) {
        long at = offset(row, column);
        return switch (dtype) {
            case I32 -> segment.get(INT, at);
            case I64 -> segment.get(LONG, at);
            default -> throw new IllegalArgumentException("a matrix of " + dtype + " holds no integers");
        };
    }

    public void setLong(long row, int column, long value) {
        long at = offset(row, column);
        switch (dtype) {
            case I32 -> segment.set(INT, at, Math.toIntExact(value));
            case I64 -> segment.set(LONG, at, value);
            default -> throw new IllegalArgumentException("a matrix of " + dtype + " holds no integers");
        }
    }

    /** Copies the values of {@code source}, which has the same shape and type but may have another stride. */
    public void copyFrom(Matrix source) {
        if (source.rows != rows || source.columns != columns || source.dtype != dtype) {
            throw new IllegalArgumentException("can't copy " + source.shape() + " into " + shape());
        }
        requireAlive();
        source.requireAlive();
        long bytes = (long) columns * dtype.bytes();
        for (long row = 0; row < rows; row++) {
            MemorySegment.copy(source.segment, source.rowOffset(row), segment, rowOffset(row), bytes);
        }
    }

    /** Row {@code row} as a new array. */
    public float[] toArray(long row) {
        float[] values = new float[columns];
        for (int column = 0; column < columns; column++) {
            values[column] = get(row, column);
        }
        return values;
    }

    /** Sets row {@code row} from {@code values}. */
    public void setRow(long row, float... values) {
        if (values.length != columns) {
            throw new IllegalArgumentException(values.length + " values don't fill a row of " + columns);
        }
        for (int column = 0; column < columns; column++) {
            set(row, column, values[column]);
        }
    }

    /** Sets every element to zero. */
    public void clear() {
        requireAlive();
        long bytes = (long) columns * dtype.bytes();
        for (long row = 0; row < rows; row++) {
            segment.asSlice(rowOffset(row), bytes).fill((byte) 0);
        }
    }

    /** {@code F32[1024, 128]}. */
    public String shape() {
        return dtype + "[" + rows + ", " + columns + "]";
    }

    /** Fails unless the elements are of {@code wanted}. */
    public Matrix require(DType wanted) {
        if (dtype != wanted) {
            throw new IllegalArgumentException("expected a matrix of " + wanted + " but got " + shape());
        }
        return this;
    }

    /** Fails unless this is of the given shape. */
    public Matrix require(DType wanted, long wantedRows, int wantedColumns) {
        if (dtype != wanted || rows != wantedRows || columns != wantedColumns) {
            throw new IllegalArgumentException(
                    "expected " + wanted + "[" + wantedRows + ", " + wantedColumns + "] but got " + shape());
        }
        return this;
    }

    private long offset(long row, int column) {
        requireAlive();
        Objects.checkIndex(row, rows);
        Objects.checkIndex(column, columns);
        return (row * stride + column) * dtype.bytes();
    }

    /** Gives the memory back if this matrix owns it; idempotent. */
    @Override
    public void close() {
        if (owned != null) {
            owned.close();
        }
    }

    @Override
    public String toString() {
        return shape();
    }
}
