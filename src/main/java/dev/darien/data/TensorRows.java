// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * The rows of a {@link Tensor} that is a matrix, converted to single precision block by block: a file of half precision
 * never needs more memory than the block and what it is copied to.
 */
public final class TensorRows implements AutoCloseable {
    /** A cache line of single-precision numbers, as in {@link Conversion}. */
    private static final int TILE = 16;

    private final DType dtype;
    private final TensorBytes.Loan loan;
    private final long rows;
    private final long columns;
    private final long rowStride;
    private final long columnStride;

    TensorRows(DType dtype, TensorBytes.Loan loan, long rows, long columns, long rowStride, long columnStride) {
        this.dtype = dtype;
        this.loan = loan;
        this.rows = rows;
        this.columns = columns;
        this.rowStride = rowStride;
        this.columnStride = columnStride;
    }

    /**
     * Fills {@code out}, F32[count, columns] in host memory, with the rows from {@code first}.
     *
     * @throws IndexOutOfBoundsException if there are not as many rows and columns
     */
    public void read(long first, Matrix out) {
        out.require(DType.F32);
        Objects.checkFromIndexSize(first, out.rows(), rows);
        Objects.checkFromIndexSize(0, out.columns(), columns);
        for (long row = 0; row < out.rows(); row += TILE) {
            int rowEnd = (int) Math.min(row + TILE, out.rows());
            // Along the rows if they are stored as rows; else in squares, so that each line is used while it is there.
            int tile = columnStride == 1 ? out.columns() : TILE;
            for (int column = 0; column < out.columns(); column += tile) {
                int columnEnd = Math.min(column + tile, out.columns());
                for (long r = row; r < rowEnd; r++) {
                    read(first + r, column, columnEnd, out, r);
                }
            }
        }
    }

    private void read(long from, int column, int columnEnd, Matrix out, long row) {
        MemorySegment source = loan.segment();
        MemorySegment target = out.segment();
        long step = columnStride * dtype.bytes();
        long at = (from * rowStride + column * columnStride) * dtype.bytes();
        long put = out.rowOffset(row) + (long) column * Float.BYTES;
        switch (dtype) {
            case F32 -> {
                for (int c = column; c < columnEnd; c++, at += step, put += Float.BYTES) {
                    target.set(Matrix.FLOAT, put, source.get(Matrix.FLOAT, at));
                }
            }
            case F16 -> {
                for (int c = column; c < columnEnd; c++, at += step, put += Float.BYTES) {
                    target.set(Matrix.FLOAT, put, Float.float16ToFloat(source.get(Matrix.SHORT, at)));
                }
            }
            case BF16 -> {
                for (int c = column; c < columnEnd; c++, at += step, put += Float.BYTES) {
                    target.set(Matrix.FLOAT, put, DType.bfloat16ToFloat(source.get(Matrix.SHORT, at)));
                }
            }
            default -> {
                for (int c = column; c < columnEnd; c++, at += step, put += Float.BYTES) {
                    target.set(Matrix.FLOAT, put, (float) source.get(Matrix.DOUBLE, at));
                }
            }
        }
    }

    /** Gives back what was inflated for it. */
    @Override
    public void close() {
        loan.close();
    }
}
