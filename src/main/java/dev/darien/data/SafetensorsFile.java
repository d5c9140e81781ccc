// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;

/**
 * A safetensors file, mapped and never copied. The header is checked strictly before anything is believed. Tensors of
 * types that Darien can't compute with are listed all the same. Closing is idempotent and ends every view.
 */
public final class SafetensorsFile implements AutoCloseable {
    private SafetensorsFile() {}

    /**
     * Maps {@code file}.
     *
     * @throws DataException if it can't be read or isn't a sound safetensors file
     */
    public static SafetensorsFile open(Path file) {
        throw new UnsupportedOperationException();
    }

    /** The file that was opened. */
    public Path path() {
        throw new UnsupportedOperationException();
    }

    /** The tensors in the order of their data, unmodifiable. */
    public Map<String, TensorInfo> tensors() {
        throw new UnsupportedOperationException();
    }

    /** The {@code __metadata__} of the file, unmodifiable; empty if there is none. */
    public Map<String, String> metadata() {
        throw new UnsupportedOperationException();
    }

    /**
     * A view of a tensor: a scalar as [1, 1], 1-D as one row, 2-D as it is, [a, b, c] as [a·b, c].
     *
     * @throws DataException if there is no such tensor, or its type or shape can't be a matrix
     */
    public Matrix matrix(String name) {
        throw new UnsupportedOperationException();
    }

    /** The bytes of a tensor of any type. */
    public MemorySegment bytes(String name) {
        throw new UnsupportedOperationException();
    }

    /**
     * Copies a tensor into {@code out}, which has its shape as a matrix, converting to its type.
     *
     * @throws DataException if the shapes differ
     */
    public void read(String name, Matrix out) {
        throw new UnsupportedOperationException();
    }

    /** As {@link #read}, with rows and columns exchanged: {@code out} is [columns, rows] of the tensor. */
    public void readTransposed(String name, Matrix out) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
