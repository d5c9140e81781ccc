// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** How a stored tensor of up to three dimensions is seen as a matrix. */
final class TensorShape {
    private TensorShape() {}

    /**
     * A scalar as [1, 1], 1-D as one row, 2-D as it is, [a, b, c] as [a·b, c].
     *
     * @param what file and tensor, for the message
     * @throws DataException for more dimensions, or a row too long for a matrix
     */
    static Matrix view(String what, MemorySegment data, DType dtype, List<Long> shape) {
        if (shape.size() > 3) {
            throw new DataException(what + " has the shape " + shape + ", but at most three dimensions can be read");
        }
        long columns = shape.isEmpty() ? 1 : shape.getLast();
        if (columns > Integer.MAX_VALUE) {
            throw new DataException(what + " has rows of " + columns + " elements, but at most " + Integer.MAX_VALUE
                    + " can be read; split it");
        }
        long rows = 1;
        for (int i = 0; i < shape.size() - 1; i++) {
            rows *= shape.get(i);
        }
        return Matrix.of(data, dtype, rows, (int) columns);
    }
}
