// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.nio.file.Path;
import java.util.List;

/**
 * An array saved by NumPy ({@code .npy}, versions 1 to 3), mapped and never copied: C order, little-endian, of
 * {@code <f4 <f2 <f8 <i4 <i8}. Closing is idempotent and ends the view.
 */
public final class NpyFile implements AutoCloseable {
    private final MappedFile file;
    private final NpyHeader header;
    private final DType dtype;

    private NpyFile(MappedFile file, NpyHeader header) {
        this.file = file;
        this.header = header;
        this.dtype = header.matrixType();
    }

    /**
     * Maps {@code path}.
     *
     * @throws DataException if it can't be read, isn't a sound npy file, or holds what Darien can't read
     */
    public static NpyFile open(Path path) {
        MappedFile file = MappedFile.open(path);
        try {
            return new NpyFile(file, NpyHeader.parse(path.toString(), file.segment(), file.size()));
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    /** The file that was opened. */
    public Path path() {
        return file.path();
    }

    /** Sizes of the dimensions; empty for a scalar. */
    public List<Long> shape() {
        return header.shape();
    }

    /** Element type. */
    public DType dtype() {
        return dtype;
    }

    /** A view of the array: a scalar as [1, 1], 1-D as one row, 2-D as it is, [a, b, c] as [a·b, c]. */
    public Matrix matrix() {
        return TensorShape.view(path().toString(), file.segment().asSlice(header.dataBegin()), dtype, header.shape());
    }

    @Override
    public void close() {
        file.close();
    }
}
