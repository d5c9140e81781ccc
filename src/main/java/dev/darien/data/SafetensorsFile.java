// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A safetensors file, mapped and never copied. The header is checked strictly before anything in it is believed.
 * Tensors of types that Darien can't compute with are listed all the same. Closing is idempotent and ends every view:
 * using one after it is an {@link IllegalStateException}.
 */
public final class SafetensorsFile implements AutoCloseable {
    private static final int NAMES_IN_MESSAGES = 12;

    private final MappedFile file;
    private final SafetensorsHeader header;

    private SafetensorsFile(MappedFile file, SafetensorsHeader header) {
        this.file = file;
        this.header = header;
    }

    /**
     * Maps {@code path}.
     *
     * @throws DataException if it can't be read or isn't a sound safetensors file
     */
    public static SafetensorsFile open(Path path) {
        MappedFile file = MappedFile.open(path);
        try {
            return new SafetensorsFile(file, SafetensorsHeader.parse(path, file.segment()));
        } catch (RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    /** The file that was opened. */
    public Path path() {
        return file.path();
    }

    /** The tensors in the order of their data, unmodifiable. */
    public Map<String, TensorInfo> tensors() {
        return header.tensors();
    }

    /** The {@code __metadata__} of the file, unmodifiable; empty if there is none. */
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /**
     * One tensor's entry.
     *
     * @throws DataException if there is no such tensor; says which there are
     */
    public TensorInfo tensor(String name) {
        TensorInfo tensor = header.tensors().get(name);
        if (tensor == null) {
            throw new DataException(path() + " has no tensor '" + name + "'; it holds " + listing());
        }
        return tensor;
    }

    /**
     * A view of a tensor: a scalar as [1, 1], 1-D as one row, 2-D as it is, [a, b, c] as [a·b, c].
     *
     * @throws DataException if there is no such tensor, or its type or shape can't be a matrix
     */
    public Matrix matrix(String name) {
        TensorInfo tensor = tensor(name);
        return TensorShape.view(what(name), bytes(name), dtype(tensor), tensor.shape());
    }

    /**
     * The bytes of a tensor of any type, read-only.
     *
     * @throws DataException if there is no such tensor
     */
    public MemorySegment bytes(String name) {
        TensorInfo tensor = tensor(name);
        return file.segment().asSlice(header.dataBegin() + tensor.begin(), tensor.end() - tensor.begin());
    }

    /**
     * Copies a tensor into {@code out}, which has its shape as a matrix, converting to the type of {@code out}.
     *
     * @throws DataException if the shapes differ
     */
    public void read(String name, Matrix out) {
        Matrix matrix = matrix(name);
        requireShape(name, matrix, out.rows(), out.columns());
        Conversion.copy(matrix, out);
    }

    /**
     * As {@link #read}, with rows and columns exchanged: a tensor [a, b] fills an {@code out} of [b, a].
     *
     * @throws DataException if the shapes differ
     */
    public void readTransposed(String name, Matrix out) {
        Matrix matrix = matrix(name);
        requireShape(name, matrix, out.columns(), out.rows());
        Conversion.transpose(matrix, 0, out);
    }

    private void requireShape(String name, Matrix matrix, long rows, long columns) {
        if (matrix.rows() != rows || matrix.columns() != columns) {
            throw new DataException("%s has the shape %s where [%d, %d] was expected"
                    .formatted(what(name), tensor(name).shape(), rows, columns));
        }
    }

    private DType dtype(TensorInfo tensor) {
        return switch (tensor.dtype()) {
            case "F32" -> DType.F32;
            case "F16" -> DType.F16;
            case "BF16" -> DType.BF16;
            case "F64" -> DType.F64;
            case "I32" -> DType.I32;
            case "I64" -> DType.I64;
            default ->
                throw new DataException(what(tensor.name()) + " is of type " + tensor.dtype()
                        + ", but only F32, F16, BF16, F64, I32 and I64 can be read; convert it");
        };
    }

    private String what(String name) {
        return path() + ", tensor '" + name + "'";
    }

    private String listing() {
        int count = header.tensors().size();
        if (count == 0) {
            return "no tensors at all";
        }
        String names = header.tensors().values().stream()
                .limit(NAMES_IN_MESSAGES)
                .map(tensor -> tensor.name() + " " + tensor.describe())
                .collect(Collectors.joining(", "));
        return count > NAMES_IN_MESSAGES ? names + " and " + (count - NAMES_IN_MESSAGES) + " more" : names;
    }

    @Override
    public void close() {
        file.close();
    }
}
