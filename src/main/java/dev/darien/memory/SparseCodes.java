// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The sparse codes of a batch in compressed rows (CSR): the entries of row r are {@code offsets[r] … offsets[r+1]-1},
 * in ascending order of latent.
 *
 * @param offsets I64[1, rows + 1]
 * @param indices I32[1, capacity], latent numbers
 * @param values F32[1, capacity]
 * @param latents how many latents there are
 */
public record SparseCodes(Matrix offsets, Matrix indices, Matrix values, int latents) implements AutoCloseable {
    public SparseCodes {
        offsets.require(DType.I64);
        indices.require(DType.I32);
        values.require(DType.F32);
        if (indices.columns() != values.columns() || offsets.columns() < 1) {
            throw new IllegalArgumentException("codes need as many values as indices and one offset more than rows");
        }
    }

    /**
     * Empty codes with room for {@code capacity} entries.
     *
     * @throws IllegalArgumentException if the capacity isn't positive or beyond what one batch can hold (2^31 - 1)
     */
    public static SparseCodes allocate(Allocator allocator, int rows, int latents, long capacity) {
        if (capacity < 0 || capacity > Integer.MAX_VALUE - 64) {
            throw new IllegalArgumentException(
                    "codes of " + rows + " rows can't hold " + capacity + " entries in one batch; use a smaller batch");
        }
        int room = (int) Math.max(1, capacity);
        Deque<Matrix> made = new ArrayDeque<>();
        try {
            made.add(allocator.matrix("code offsets", DType.I64, 1, rows + 1));
            made.add(allocator.matrix("code indices", DType.I32, 1, room));
            made.add(allocator.matrix("code values", DType.F32, 1, room));
        } catch (RuntimeException | Error e) {
            made.forEach(Matrix::close);
            throw e;
        }
        return new SparseCodes(made.remove(), made.remove(), made.remove(), latents);
    }

    public int rows() {
        return offsets.columns() - 1;
    }

    /** How many entries there is room for. */
    public int capacity() {
        return indices.columns();
    }

    /** Entries before row {@code row}; {@code start(rows())} is the number of entries. */
    public int start(int row) {
        return (int) offsets.getLong(0, row);
    }

    /** Number of entries. */
    public int entries() {
        return start(rows());
    }

    public int latent(int entry) {
        return (int) indices.getLong(0, entry);
    }

    public float value(int entry) {
        return values.get(0, entry);
    }

    /** The same memory seen as codes of the first {@code rows} rows; a view, which owns nothing. For any device's memory. */
    public SparseCodes firstRows(int rows) {
        return new SparseCodes(offsets.prefix(rows + 1), indices.slice(0, 1), values.slice(0, 1), latents);
    }

    @Override
    public void close() {
        offsets.close();
        indices.close();
        values.close();
    }
}
