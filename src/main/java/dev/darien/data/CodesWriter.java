// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.memory.Turn;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes the sparse codes of any number of rows as one safetensors file, batch after batch: {@code offsets} I64[rows + 1],
 * {@code indices} I32[entries], {@code values} F32[entries], and the number of latents as metadata {@code latents}.
 *
 * <p>The number of entries, which the file begins with, is known at the end: until {@link #finish} each tensor grows in
 * a file of its own beside the target. Without that call nothing is left.
 */
@SuppressWarnings("try") // A turn is taken, not looked at.
public final class CodesWriter implements AutoCloseable {
    private static final long MOST_BYTES = 1 << 30;

    private final Turn turn;
    private final Path target;
    private final int latents;
    private final List<Part> parts = new ArrayList<>();
    private long rows;
    private long entries;

    /** A tensor that grows. */
    private record Part(Path path, FileChannel channel) {
        void append(MemorySegment bytes) throws IOException {
            // A buffer has no more than 2^31 - 1 bytes.
            for (long at = 0; at < bytes.byteSize(); at += MOST_BYTES) {
                ByteBuffer buffer = bytes.asSlice(at, Math.min(MOST_BYTES, bytes.byteSize() - at))
                        .asByteBuffer();
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
            }
        }

        Matrix map(Arena arena, DType dtype, long elements) throws IOException {
            MemorySegment segment = elements == 0
                    ? MemorySegment.NULL
                    : channel.map(FileChannel.MapMode.READ_ONLY, 0, elements * dtype.bytes(), arena);
            return Matrix.of(segment, dtype, elements, 1);
        }
    }

    /**
     * Starts a file.
     *
     * @param latents how many latents the codes are over
     * @throws DataException if its folder can't be written to
     */
    public CodesWriter(Path target, int latents) {
        this.turn = new Turn("the writer of " + target);
        this.target = target;
        this.latents = latents;
        FilesAside.removeAbandoned(target);
        try {
            for (String name : List.of("offsets", "indices", "values")) {
                Path path = FilesAside.of(target, name);
                parts.add(new Part(
                        path,
                        FileChannel.open(
                                path,
                                StandardOpenOption.CREATE_NEW,
                                StandardOpenOption.READ,
                                StandardOpenOption.WRITE)));
            }
            appendOffset(0);
        } catch (IOException e) {
            close();
            throw failure(e);
        }
    }

    private void appendOffset(long offset) throws IOException {
        MemorySegment one = MemorySegment.ofBuffer(ByteBuffer.allocate(Long.BYTES));
        one.set(Matrix.LONG, 0, offset);
        parts.get(0).append(one);
    }

    /**
     * Adds the rows of {@code codes}, which are in host memory.
     *
     * @throws DataException if they can't be written
     */
    public void append(SparseCodes codes) {
        try (Turn held = turn.take()) {
            int count = codes.entries();
            MemorySegment offsets = MemorySegment.ofBuffer(ByteBuffer.allocate(codes.rows() * Long.BYTES));
            for (int row = 0; row < codes.rows(); row++) {
                offsets.set(Matrix.LONG, (long) row * Long.BYTES, entries + codes.start(row + 1));
            }
            parts.get(0).append(offsets);
            parts.get(1).append(codes.indices().segment().asSlice(0, (long) count * Integer.BYTES));
            parts.get(2).append(codes.values().segment().asSlice(0, (long) count * Float.BYTES));
            rows += codes.rows();
            entries += count;
        } catch (IOException e) {
            throw failure(e);
        }
    }

    /** Rows so far. */
    public long rows() {
        return rows;
    }

    /** Entries so far. */
    public long entries() {
        return entries;
    }

    /**
     * Puts the finished file in its place, replacing one that is there.
     *
     * @throws DataException if it can't be written; the target is as it was then
     */
    public void finish() {
        try (Turn held = turn.take();
                Arena arena = Arena.ofShared()) {
            new SafetensorsWriter()
                    .metadata("latents", Integer.toString(latents))
                    .tensor("offsets", parts.get(0).map(arena, DType.I64, rows + 1), rows + 1)
                    .tensor("indices", parts.get(1).map(arena, DType.I32, entries), entries)
                    .tensor("values", parts.get(2).map(arena, DType.F32, entries), entries)
                    .write(target);
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private DataException failure(IOException e) {
        return new DataException(
                target + " can't be written: " + MappedFile.reason(e) + "; free space or choose another place", e);
    }

    /**
     * Removes what isn't finished; idempotent.
     *
     * @throws IllegalStateException if another thread writes with it; nothing has changed then
     */
    @Override
    public void close() {
        if (!turn.end()) {
            return;
        }
        for (Part part : parts) {
            try {
                part.channel().close();
                Files.deleteIfExists(part.path());
            } catch (IOException e) {
                System.getLogger(CodesWriter.class.getName())
                        .log(System.Logger.Level.WARNING, part.path() + " is left behind: " + e.getMessage());
            }
        }
        parts.clear();
    }
}
