// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.nio.file.Path;

/**
 * Collects tensors and metadata and writes them as one safetensors file. The matrices are read when {@link #write} is
 * called. The file appears complete or not at all: it is written beside the target, forced to the disk and renamed.
 */
public final class SafetensorsWriter {
    /** Fills rows of a tensor that isn't held in memory as a whole. */
    @FunctionalInterface
    public interface RowFiller {
        /** Puts rows {@code firstRow …} of the tensor into all of {@code rows}. */
        void fill(long firstRow, Matrix rows);
    }

    /**
     * Adds a tensor.
     *
     * @param shape as to be written; none for the matrix's own [rows, columns]; its product must be rows · columns
     */
    public SafetensorsWriter tensor(String name, Matrix matrix, long... shape) {
        throw new UnsupportedOperationException();
    }

    /** Adds a matrix [rows, columns] as a tensor [columns, rows]. */
    public SafetensorsWriter transposed(String name, Matrix matrix) {
        throw new UnsupportedOperationException();
    }

    /** Adds a tensor [rows, columns] whose rows are asked for in order while writing. */
    public SafetensorsWriter rows(String name, DType dtype, long rows, int columns, RowFiller filler) {
        throw new UnsupportedOperationException();
    }

    /** Adds an entry to {@code __metadata__}. */
    public SafetensorsWriter metadata(String key, String value) {
        throw new UnsupportedOperationException();
    }

    /**
     * Writes the file, replacing one that is there.
     *
     * @throws DataException if it can't be written; nothing is left behind then
     */
    public void write(Path target) {
        throw new UnsupportedOperationException();
    }
}
