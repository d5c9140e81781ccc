// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;

/** Copies between matrices of different type or orientation. */
final class Conversion {
    // A cache line of single-precision numbers: each line of either side is then touched once while it is in cache.
    private static final int TILE = 16;

    private Conversion() {}

    static void copy(Matrix from, Matrix to) {
        if (from.dtype() == to.dtype()) {
            to.copyFrom(from);
            return;
        }
        for (long row = 0; row < from.rows(); row++) {
            for (int column = 0; column < from.columns(); column++) {
                convert(from, row, column, to, row, column);
            }
        }
    }

    /** {@code to[c, r] = from[r, firstColumn + c]} for all of {@code to}; {@code to} has from's rows as columns. */
    static void transpose(Matrix from, int firstColumn, Matrix to) {
        int columns = to.intRows();
        for (long row = 0; row < from.rows(); row += TILE) {
            int rowEnd = (int) Math.min(row + TILE, from.rows());
            for (int column = 0; column < columns; column += TILE) {
                int columnEnd = Math.min(column + TILE, columns);
                for (int r = (int) row; r < rowEnd; r++) {
                    for (int c = column; c < columnEnd; c++) {
                        move(from, r, firstColumn + c, to, c, r);
                    }
                }
            }
        }
    }

    private static void move(Matrix from, long fromRow, int fromColumn, Matrix to, long toRow, int toColumn) {
        if (from.dtype() != to.dtype()) {
            convert(from, fromRow, fromColumn, to, toRow, toColumn);
            return;
        }
        int bytes = from.dtype().bytes();
        MemorySegment source = from.segment();
        MemorySegment target = to.segment();
        long at = from.rowOffset(fromRow) + (long) fromColumn * bytes;
        long put = to.rowOffset(toRow) + (long) toColumn * bytes;
        switch (bytes) {
            case Short.BYTES -> target.set(Matrix.SHORT, put, source.get(Matrix.SHORT, at));
            case Integer.BYTES -> target.set(Matrix.INT, put, source.get(Matrix.INT, at));
            default -> target.set(Matrix.LONG, put, source.get(Matrix.LONG, at));
        }
    }

    private static void convert(Matrix from, long fromRow, int fromColumn, Matrix to, long toRow, int toColumn) {
        if (!from.dtype().isFloating() && !to.dtype().isFloating()) {
            to.setLong(toRow, toColumn, from.getLong(fromRow, fromColumn));
        } else if (to.dtype() == DType.F64) {
            to.setDouble(toRow, toColumn, from.getDouble(fromRow, fromColumn));
        } else {
            to.set(toRow, toColumn, from.get(fromRow, fromColumn));
        }
    }
}
