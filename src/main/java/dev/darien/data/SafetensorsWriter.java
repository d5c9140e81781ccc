// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Collects tensors and metadata and writes them as one safetensors file, laid out as the format's own library does. The
 * matrices are read when {@link #write} is called. The file appears complete or not at all: it is written beside the
 * target, forced to the disk and renamed.
 */
public final class SafetensorsWriter {
    private static final JsonFactory JSON = new JsonFactory();
    /** The order of types in the format's own library, which puts those of strict alignment first. */
    private static final List<DType> ORDER = List.of(DType.I64, DType.F64, DType.F32, DType.I32, DType.BF16, DType.F16);

    private final Map<String, String> metadata = new TreeMap<>();
    private final Map<String, Entry> entries = new TreeMap<>();

    /** A writer without tensors yet. */
    public SafetensorsWriter() {}

    /** Fills rows of a tensor that isn't held in memory as a whole. */
    @FunctionalInterface
    public interface RowFiller {
        /** Puts rows {@code firstRow …} of the tensor into all of {@code rows}. */
        void fill(long firstRow, Matrix rows);
    }

    /** Writes the bytes of one tensor. */
    @FunctionalInterface
    private interface Body {
        void writeTo(AtomicFile file) throws IOException;
    }

    private record Entry(String name, DType dtype, List<Long> shape, long bytes, Body body) {}

    /**
     * Adds a tensor.
     *
     * @param shape as to be written; none for the matrix's own [rows, columns]
     * @throws IllegalArgumentException if the shape hasn't as many elements, the name is taken, or the matrix is in
     *     a GPU's memory
     */
    public SafetensorsWriter tensor(String name, Matrix matrix, long... shape) {
        requireHost(name, matrix);
        return add(name, matrix.dtype(), sizes(name, matrix, shape), file -> file.put(matrix));
    }

    /**
     * As above, for a matrix in the memory of {@code device}, which need not be the host's: rows are fetched while the
     * file is written, some at a time.
     *
     * @throws IllegalArgumentException if the shape hasn't as many elements or the name is taken
     */
    public SafetensorsWriter tensor(String name, Device device, Matrix matrix, long... shape) {
        if (matrix.isHost()) {
            return tensor(name, matrix, shape);
        }
        return add(
                name,
                matrix.dtype(),
                sizes(name, matrix, shape),
                file -> file.putRows(
                        matrix.dtype(),
                        matrix.rows(),
                        matrix.columns(),
                        1,
                        (first, rows) -> device.download(matrix.slice(first, rows.rows()), rows)));
    }

    private static long[] sizes(String name, Matrix matrix, long... shape) {
        long[] sizes = shape.length == 0 ? new long[] {matrix.rows(), matrix.columns()} : shape;
        if (product(name, sizes) != matrix.rows() * matrix.columns()) {
            throw new IllegalArgumentException(
                    "the tensor " + name + " of " + matrix.shape() + " can't have the shape " + Arrays.toString(sizes));
        }
        return sizes;
    }

    /** Adds a tensor of one element, of shape []. */
    public SafetensorsWriter scalar(String name, Matrix matrix) {
        requireHost(name, matrix);
        matrix.require(matrix.dtype(), 1, 1);
        return add(name, matrix.dtype(), new long[0], file -> file.put(matrix));
    }

    /**
     * Adds a matrix [rows, columns] as a tensor [columns, rows], without a second copy of it.
     *
     * @throws IllegalArgumentException as {@link #tensor}
     */
    public SafetensorsWriter transposed(String name, Matrix matrix) {
        requireHost(name, matrix);
        return add(name, matrix.dtype(), transposedSizes(matrix), file -> putTransposed(file, matrix));
    }

    /**
     * As above, for a matrix in the memory of {@code device}. Where that isn't the host's, the whole matrix is copied to
     * the host while it is written, and only then.
     *
     * @throws IllegalArgumentException if the name is taken
     */
    public SafetensorsWriter transposed(String name, Device device, Matrix matrix) {
        if (matrix.isHost()) {
            return transposed(name, matrix);
        }
        return add(name, matrix.dtype(), transposedSizes(matrix), file -> {
            try (Matrix host = device.staging(name, matrix.dtype(), matrix.rows(), matrix.columns())) {
                device.download(matrix, host);
                putTransposed(file, host);
            }
        });
    }

    private static long[] transposedSizes(Matrix matrix) {
        return new long[] {matrix.columns(), matrix.rows()};
    }

    private static void putTransposed(AtomicFile file, Matrix matrix) throws IOException {
        file.putRows(
                matrix.dtype(),
                matrix.columns(),
                matrix.intRows(),
                // At least a cache line of columns at a time, or each line would be fetched more than once.
                AtomicFile.LINE / matrix.dtype().bytes(),
                (first, rows) -> Conversion.transpose(matrix, (int) first, rows));
    }

    /**
     * Adds a tensor [rows, columns] whose rows are asked for in order while writing.
     *
     * @throws IllegalArgumentException if the name is taken or a size is negative
     */
    public SafetensorsWriter rows(String name, DType dtype, long rows, int columns, RowFiller filler) {
        return add(name, dtype, new long[] {rows, columns}, file -> file.putRows(dtype, rows, columns, 1, filler));
    }

    /** Adds an entry to {@code __metadata__}, replacing one of that key. */
    public SafetensorsWriter metadata(String key, String value) {
        metadata.put(key, value);
        return this;
    }

    private SafetensorsWriter add(String name, DType dtype, long[] shape, Body body) {
        if (name.equals(SafetensorsHeader.METADATA)) {
            throw new IllegalArgumentException("a tensor can't be called " + name);
        }
        long bytes = Math.multiplyExact(product(name, shape), dtype.bytes());
        List<Long> sizes = Arrays.stream(shape).boxed().toList();
        if (entries.putIfAbsent(name, new Entry(name, dtype, sizes, bytes, body)) != null) {
            throw new IllegalArgumentException("there is a tensor called " + name + " already");
        }
        return this;
    }

    private static void requireHost(String name, Matrix matrix) {
        if (!matrix.isHost()) {
            throw new IllegalArgumentException(
                    "the tensor " + name + " is in a GPU's memory; copy it to the host first");
        }
    }

    private static long product(String name, long[] shape) {
        long product = 1;
        for (long size : shape) {
            if (size < 0) {
                throw new IllegalArgumentException("the tensor " + name + " can't have a size of " + size);
            }
            product = Math.multiplyExact(product, size);
        }
        return product;
    }

    /**
     * Writes the file, replacing one that is there. What a {@link RowFiller} throws comes through.
     *
     * @throws DataException if it can't be written; nothing is left behind then
     */
    public void write(Path target) {
        List<Entry> ordered = new ArrayList<>(entries.values());
        ordered.sort(Comparator.comparingInt((Entry entry) -> ORDER.indexOf(entry.dtype()))
                .thenComparing(Entry::name));
        try (AtomicFile file = AtomicFile.create(target)) {
            file.putHeader(header(ordered));
            for (Entry entry : ordered) {
                entry.body().writeTo(file);
            }
            file.commit();
        } catch (IOException e) {
            throw new DataException(
                    target + " can't be written: " + MappedFile.reason(e) + "; free space or choose another place", e);
        }
    }

    private byte[] header(List<Entry> ordered) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectFieldStart(SafetensorsHeader.METADATA);
                for (Map.Entry<String, String> entry : metadata.entrySet()) {
                    json.writeStringField(entry.getKey(), entry.getValue());
                }
                json.writeEndObject();
            }
            long begin = 0;
            for (Entry entry : ordered) {
                json.writeObjectFieldStart(entry.name());
                json.writeStringField("dtype", entry.dtype().name());
                writeNumbers(json, "shape", entry.shape());
                long end = Math.addExact(begin, entry.bytes());
                writeNumbers(json, "data_offsets", List.of(begin, end));
                json.writeEndObject();
                begin = end;
            }
            json.writeEndObject();
        }
        while (bytes.size() % Long.BYTES != 0) {
            bytes.write(' ');
        }
        return bytes.toByteArray();
    }

    private static void writeNumbers(JsonGenerator json, String name, List<Long> numbers) throws IOException {
        json.writeArrayFieldStart(name);
        for (long number : numbers) {
            json.writeNumber(number);
        }
        json.writeEndArray();
    }
}
