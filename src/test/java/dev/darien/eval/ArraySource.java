// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.data.ActivationSource;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;

/** Rows of an array as a source, stored as {@code dtype}. */
record ArraySource(DType dtype, float[]... values) implements ActivationSource {

    static ArraySource of(float[]... values) {
        return new ArraySource(DType.F32, values);
    }

    @Override
    public int width() {
        return values[0].length;
    }

    @Override
    public long rows() {
        return values.length;
    }

    @Override
    public void read(long[] rowNumbers, int count, Matrix out) {
        for (int at = 0; at < count; at++) {
            out.setRow(at, values[(int) rowNumbers[at]]);
        }
    }

    @Override
    public void read(long firstRow, int count, Matrix out) {
        for (int at = 0; at < count; at++) {
            out.setRow(at, values[(int) firstRow + at]);
        }
    }

    @Override
    public String describe() {
        return "an array";
    }

    @Override
    public String locate(long row) {
        return "row " + row + " of an array";
    }

    @Override
    public void close() {}
}
