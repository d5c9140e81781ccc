// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** A file that is written beside its target and takes its place on {@link #commit}; without that it vanishes. */
final class AtomicFile implements AutoCloseable {
    /** Bytes of a cache line. */
    static final int LINE = 64;

    private static final int STAGING_BYTES = 1 << 20;

    private final Path target;
    private final Path temporary;
    private final FileChannel channel;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment staging = arena.allocate(STAGING_BYTES, LINE);
    private int staged;

    private AtomicFile(Path target, Path temporary, FileChannel channel) {
        this.target = target;
        this.temporary = temporary;
        this.channel = channel;
    }

    static AtomicFile create(Path target) throws IOException {
        FilesAside.removeAbandoned(target);
        Path temporary = FilesAside.of(target);
        return new AtomicFile(
                target,
                temporary,
                FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
    }

    void putHeader(byte[] header) throws IOException {
        MemorySegment length = arena.allocate(Long.BYTES);
        length.set(Matrix.LONG, 0, header.length);
        put(length, 0, Long.BYTES);
        put(MemorySegment.ofArray(header), 0, header.length);
    }

    void put(Matrix matrix) throws IOException {
        long rowBytes = (long) matrix.columns() * matrix.dtype().bytes();
        if (matrix.stride() == matrix.columns()) {
            put(matrix.segment(), 0, rowBytes * matrix.rows());
            return;
        }
        for (long row = 0; row < matrix.rows() && rowBytes > 0; row++) {
            put(matrix.segment(), matrix.rowOffset(row), rowBytes);
        }
    }

    /** Writes rows that {@code filler} delivers, at least {@code fewest} at a time as long as there are so many. */
    void putRows(DType dtype, long rows, int columns, int fewest, SafetensorsWriter.RowFiller filler)
            throws IOException {
        long rowBytes = Math.max(1, (long) columns * dtype.bytes());
        long block = Math.min(rows, Math.max(fewest, STAGING_BYTES / rowBytes));
        try (Arena local = Arena.ofShared()) {
            MemorySegment memory = local.allocate(Math.multiplyExact(block, rowBytes), LINE);
            for (long row = 0; row < rows; row += block) {
                Matrix part = Matrix.of(memory, dtype, Math.min(block, rows - row), columns);
                filler.fill(row, part);
                put(part);
            }
        }
    }

    void put(MemorySegment source, long offset, long bytes) throws IOException {
        long done = 0;
        while (done < bytes) {
            if (staged == STAGING_BYTES) {
                flush();
            }
            int part = (int) Math.min(bytes - done, STAGING_BYTES - staged);
            MemorySegment.copy(source, offset + done, staging, staged, part);
            staged += part;
            done += part;
        }
    }

    private void flush() throws IOException {
        ByteBuffer buffer = staging.asSlice(0, staged).asByteBuffer();
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
        staged = 0;
    }

    /** Puts the file in the target's place; after a crash either the old or the new one is there, complete. */
    void commit() throws IOException {
        flush();
        channel.force(true);
        channel.close();
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        forceFolder();
    }

    private void forceFolder() {
        Path folder = target.toAbsolutePath().getParent();
        try (FileChannel entries = FileChannel.open(folder, StandardOpenOption.READ)) {
            entries.force(true);
        } catch (IOException e) {
            // Not every system can do it for a folder. The file itself is safe on the disk, and complete.
            System.getLogger(AtomicFile.class.getName())
                    .log(System.Logger.Level.DEBUG, "the folder of " + target + " couldn't be forced to the disk", e);
        }
    }

    @Override
    public void close() throws IOException {
        arena.close();
        channel.close();
        Files.deleteIfExists(temporary);
    }
}
