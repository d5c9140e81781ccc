// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Collects arrays and writes them as one archive, as {@code numpy.savez} does: npy files, stored. The matrices, F32 in
 * host memory, are read when {@link #write} is called. The file appears complete or not at all.
 */
public final class NpzWriter {
    /** The same bytes for the same arrays. */
    private static final LocalDateTime TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

    private static final int BLOCK_ELEMENTS = 1 << 18;

    private final Map<String, Array> arrays = new LinkedHashMap<>();
    private String comment = "";

    /** A writer without arrays yet. */
    public NpzWriter() {}

    /** The npy file of a matrix, as it is or with rows and columns exchanged. */
    private record Array(Matrix matrix, boolean transposed, String shape) {
        byte[] header() {
            String literal = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }";
            // Magic, version and length are 10 bytes; all of it is a multiple of 64.
            String padded = literal + " ".repeat(63 - (10 + literal.length()) % 64) + "\n";
            byte[] header = new byte[10 + padded.length()];
            byte[] magic = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) padded.length(), 0};
            System.arraycopy(magic, 0, header, 0, magic.length);
            System.arraycopy(padded.getBytes(StandardCharsets.US_ASCII), 0, header, 10, padded.length());
            return header;
        }

        long bytes() {
            return header().length + matrix.rows() * matrix.columns() * Float.BYTES;
        }

        void writeTo(OutputStream out) throws IOException {
            out.write(header());
            long rows = transposed ? matrix.columns() : matrix.rows();
            int columns = transposed ? matrix.intRows() : matrix.columns();
            long block = Math.clamp(BLOCK_ELEMENTS / Math.max(1, columns), 16, Math.max(16, rows));
            byte[] buffer = new byte[Math.toIntExact(block * columns * Float.BYTES)];
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment memory = arena.allocate(buffer.length, AtomicFile.LINE);
                for (long row = 0; row < rows; row += block) {
                    Matrix part = Matrix.of(memory, DType.F32, Math.min(block, rows - row), columns);
                    if (transposed) {
                        Conversion.transpose(matrix, (int) row, part);
                    } else {
                        part.copyFrom(matrix.slice(row, part.rows()));
                    }
                    int count = Math.toIntExact(part.rows() * columns * Float.BYTES);
                    MemorySegment.copy(memory, 0, MemorySegment.ofArray(buffer), 0, count);
                    out.write(buffer, 0, count);
                }
            }
        }
    }

    /** Adds a matrix. */
    public NpzWriter array(String name, Matrix matrix) {
        return add(name, matrix, false, "(" + matrix.rows() + ", " + matrix.columns() + ")");
    }

    /** Adds a matrix [rows, columns] as an array [columns, rows], without a second copy of it. */
    public NpzWriter transposed(String name, Matrix matrix) {
        return add(name, matrix, true, "(" + matrix.columns() + ", " + matrix.rows() + ")");
    }

    /** Adds a matrix of one row as a vector. */
    public NpzWriter vector(String name, Matrix matrix) {
        matrix.require(DType.F32, 1, matrix.columns());
        return add(name, matrix, false, "(" + matrix.columns() + ",)");
    }

    private NpzWriter add(String name, Matrix matrix, boolean transposed, String shape) {
        matrix.require(DType.F32);
        if (!matrix.isHost()) {
            throw new IllegalArgumentException(
                    "the array " + name + " is in a GPU's memory; copy it to the host first");
        }
        if (arrays.putIfAbsent(name, new Array(matrix, transposed, shape)) != null) {
            throw new IllegalArgumentException("there is an array called " + name + " already");
        }
        return this;
    }

    /** Sets the archive's comment, at most 65,535 bytes in UTF-8; NumPy passes it over. */
    public NpzWriter comment(String text) {
        comment = text;
        return this;
    }

    /**
     * Writes the file, replacing one that is there.
     *
     * @throws DataException if it can't be written; nothing is left behind then
     */
    public void write(Path target) {
        try (AtomicFile file = AtomicFile.create(target)) {
            ZipOutputStream zip = new ZipOutputStream(new Sink(file), StandardCharsets.UTF_8);
            zip.setMethod(ZipOutputStream.STORED);
            zip.setComment(comment);
            for (Map.Entry<String, Array> entry : arrays.entrySet()) {
                zip.putNextEntry(entry(entry.getKey() + ".npy", entry.getValue()));
                entry.getValue().writeTo(zip);
                zip.closeEntry();
            }
            zip.finish();
            file.commit();
        } catch (IOException e) {
            throw new DataException(
                    target + " can't be written: " + MappedFile.reason(e) + "; free space or choose another place", e);
        }
    }

    /** Sizes and checksum of a stored entry come before its data, which are therefore gone through twice. */
    private static ZipEntry entry(String name, Array array) throws IOException {
        CRC32 sum = new CRC32();
        array.writeTo(new OutputStream() {
            @Override
            public void write(int value) {
                sum.update(value);
            }

            @Override
            public void write(byte[] bytes, int offset, int count) {
                sum.update(bytes, offset, count);
            }
        });
        ZipEntry entry = new ZipEntry(name);
        entry.setTimeLocal(TIME);
        entry.setSize(array.bytes());
        entry.setCompressedSize(array.bytes());
        entry.setCrc(sum.getValue());
        return entry;
    }

    /** The file as a stream. */
    private static final class Sink extends OutputStream {
        private final AtomicFile file;

        Sink(AtomicFile file) {
            this.file = file;
        }

        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int count) throws IOException {
            file.put(MemorySegment.ofArray(bytes), offset, count);
        }
    }
}
