// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** A protobuf message put together from fields of others and a few new ones. What is large is copied once, at the end. */
final class ProtoWriter {
    private static final int VARINT = 0;
    private static final int LENGTH = 2;
    private static final int LONGEST_VARINT = 10;
    private static final long BLOCK = 1 << 24;

    private final List<MemorySegment> parts = new ArrayList<>();
    private long size;

    /** A field with its tag, as {@link ProtoReader#raw()} returns it. */
    ProtoWriter raw(MemorySegment field) {
        parts.add(field);
        size += field.byteSize();
        return this;
    }

    ProtoWriter number(int field, long value) {
        return varint((long) field << 3 | VARINT).varint(value);
    }

    ProtoWriter string(int field, String value) {
        byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
        return bytes(field, MemorySegment.ofArray(utf8));
    }

    ProtoWriter bytes(int field, MemorySegment value) {
        return varint((long) field << 3 | LENGTH).varint(value.byteSize()).raw(value);
    }

    ProtoWriter message(int field, ProtoWriter value) {
        varint((long) field << 3 | LENGTH).varint(value.size);
        parts.addAll(value.parts);
        size += value.size;
        return this;
    }

    private ProtoWriter varint(long value) {
        byte[] encoded = new byte[LONGEST_VARINT];
        int count = 0;
        long rest = value;
        while ((rest & ~0x7FL) != 0) {
            encoded[count++] = (byte) (rest | 0x80);
            rest >>>= 7;
        }
        encoded[count++] = (byte) rest;
        return raw(MemorySegment.ofArray(encoded).asSlice(0, count));
    }

    long size() {
        return size;
    }

    /** Writes the message to a file, which is replaced if it exists. */
    void writeTo(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            for (MemorySegment part : parts) {
                for (long from = 0; from < part.byteSize(); from += BLOCK) {
                    ByteBuffer bytes = part.asSlice(from, Math.min(BLOCK, part.byteSize() - from))
                            .asByteBuffer();
                    while (bytes.hasRemaining()) {
                        channel.write(bytes);
                    }
                }
            }
        }
    }

    /** The message in memory of {@code arena}. */
    ByteBuffer toBuffer(Arena arena) {
        MemorySegment all = arena.allocate(Math.max(1, size));
        long position = 0;
        for (MemorySegment part : parts) {
            MemorySegment.copy(part, 0, all, position, part.byteSize());
            position += part.byteSize();
        }
        return all.asSlice(0, size).asByteBuffer();
    }
}
