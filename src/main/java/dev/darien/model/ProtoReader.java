// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.DataException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * Walks over the fields of one protobuf message without copying it; a nested message is a slice. Only what ONNX files
 * have: no groups. Every length is checked before it is believed.
 */
final class ProtoReader {
    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int LENGTH = 2;
    private static final int FIXED32 = 5;
    private static final int MOST_VARINT_BITS = 64;
    /** Names and operators; tensors are never read as text. */
    private static final long LONGEST_STRING = 1 << 20;

    private final MemorySegment bytes;
    private final String what;
    private long position;
    private long start;
    private int field;
    private int wire;
    private long varint;
    private MemorySegment body = MemorySegment.NULL;

    /** @param what named when the message is damaged */
    ProtoReader(MemorySegment bytes, String what) {
        this.bytes = bytes;
        this.what = what;
    }

    /**
     * Goes to the next field.
     *
     * @return false at the end
     * @throws DataException if the message is cut off or isn't protobuf
     */
    boolean next() {
        if (position == bytes.byteSize()) {
            return false;
        }
        start = position;
        long tag = readVarint();
        wire = (int) (tag & 7);
        long number = tag >>> 3;
        if (number < 1 || number > 536_870_911) {
            throw damaged();
        }
        field = (int) number;
        switch (wire) {
            case VARINT -> varint = readVarint();
            case FIXED64 -> take(Long.BYTES);
            case FIXED32 -> take(Integer.BYTES);
            case LENGTH -> take(readVarint());
            default -> throw damaged();
        }
        return true;
    }

    private void take(long length) {
        if (length < 0 || length > bytes.byteSize() - position) {
            throw damaged();
        }
        body = bytes.asSlice(position, length);
        position += length;
    }

    private long readVarint() {
        long value = 0;
        for (int shift = 0; shift < MOST_VARINT_BITS; shift += 7) {
            if (position == bytes.byteSize()) {
                throw damaged();
            }
            byte next = bytes.get(ValueLayout.JAVA_BYTE, position++);
            value |= (next & 0x7FL) << shift;
            if (next >= 0) {
                return value;
            }
        }
        throw damaged();
    }

    /** Number of the current field. */
    int field() {
        return field;
    }

    /** The current field's integer. */
    long number() {
        require(VARINT);
        return varint;
    }

    /** The current field's bytes. */
    MemorySegment bytes() {
        require(LENGTH);
        return body;
    }

    /** The current field as a message. */
    ProtoReader message() {
        return new ProtoReader(bytes(), what);
    }

    String string() {
        require(LENGTH);
        if (body.byteSize() > LONGEST_STRING) {
            throw damaged();
        }
        return new String(body.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
    }

    /** The current field with its tag, to be copied as it is. */
    MemorySegment raw() {
        return bytes.asSlice(start, position - start);
    }

    /** The integers of a repeated field, which may be packed. */
    long[] numbers() {
        if (wire == VARINT) {
            return new long[] {varint};
        }
        ProtoReader packed = message();
        long[] values = new long[8];
        int count = 0;
        while (packed.position < packed.bytes.byteSize()) {
            if (count == values.length) {
                values = java.util.Arrays.copyOf(values, 2 * count);
            }
            values[count++] = packed.readVarint();
        }
        return java.util.Arrays.copyOf(values, count);
    }

    private void require(int wanted) {
        if (wire != wanted) {
            throw damaged();
        }
    }

    private DataException damaged() {
        return new DataException(what + " isn't a sound ONNX file (it breaks off or holds something else at byte "
                + start + " of a message); export or copy it again");
    }
}
