// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.memory.Matrix;

/** Elements of matrices as the scalar kernels read and write them: one bounds check, no switch over element types. */
final class Cells {
    private Cells() {}

    /** Element (row, column) of an F32 matrix. */
    static float get(Matrix matrix, long row, int column) {
        return matrix.segment().get(Matrix.FLOAT, (row * matrix.stride() + column) * Float.BYTES);
    }

    /** Sets element (row, column) of an F32 matrix, rounding once. */
    static void set(Matrix matrix, long row, int column, double value) {
        matrix.segment().set(Matrix.FLOAT, (row * matrix.stride() + column) * Float.BYTES, (float) value);
    }

    /** Element {@code at} of an I32 vector. */
    static int getInt(Matrix vector, long at) {
        return vector.segment().get(Matrix.INT, at * Integer.BYTES);
    }

    static void setInt(Matrix vector, long at, int value) {
        vector.segment().set(Matrix.INT, at * Integer.BYTES, value);
    }

    /** Element {@code at} of an F64 vector. */
    static double getDouble(Matrix vector, long at) {
        return vector.segment().get(Matrix.DOUBLE, at * Double.BYTES);
    }

    static void setDouble(Matrix vector, long at, double value) {
        vector.segment().set(Matrix.DOUBLE, at * Double.BYTES, value);
    }

    /** Element {@code at} of an I64 vector. */
    static void setLong(Matrix vector, long at, long value) {
        vector.segment().set(Matrix.LONG, at * Long.BYTES, value);
    }

    /** {@code Σ_c a[rowA, c] · b[rowB, c]}. */
    static double dot(Matrix a, long rowA, Matrix b, long rowB) {
        double sum = 0;
        for (int column = 0; column < a.columns(); column++) {
            sum += (double) get(a, rowA, column) * get(b, rowB, column);
        }
        return sum;
    }

    /** Sets every element, of whatever type. */
    static void fill(Matrix matrix, float value) {
        if (value == 0) {
            long bytes = (long) matrix.columns() * matrix.dtype().bytes();
            for (long row = 0; row < matrix.rows(); row++) {
                matrix.segment().asSlice(matrix.rowOffset(row), bytes).fill((byte) 0);
            }
            return;
        }
        for (long row = 0; row < matrix.rows(); row++) {
            for (int column = 0; column < matrix.columns(); column++) {
                matrix.set(row, column, value);
            }
        }
    }
}
