// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes the files that tests read, byte by byte and without the code under test. */
final class TestFiles {
    private TestFiles() {}

    static Path write(Path path, byte[] bytes) {
        try {
            return Files.write(path, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A safetensors file of this header, exactly, and these data. */
    static Path safetensors(Path path, String header, byte[] data) {
        return write(path, safetensorsBytes(header.getBytes(StandardCharsets.UTF_8), data));
    }

    static byte[] safetensorsBytes(byte[] json, byte[] data) {
        return ByteBuffer.allocate(8 + json.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .put(json)
                .put(data)
                .array();
    }

    /** A safetensors file with the one tensor {@code activations}. */
    static Path activations(Path path, String dtype, String shape, byte[] data) {
        return safetensors(path, "{" + tensor("activations", dtype, shape, 0, data.length) + "}", data);
    }

    static String tensor(String name, String dtype, String shape, long begin, long end) {
        return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                .formatted(name, dtype, shape, begin, end);
    }

    static byte[] floats(float... values) {
        ByteBuffer buffer = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            buffer.putFloat(value);
        }
        return buffer.array();
    }

    /** 0, 1, 2, … */
    static float[] counting(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = i;
        }
        return values;
    }

    static byte[] shorts(int... values) {
        ByteBuffer buffer = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int value : values) {
            buffer.putShort((short) value);
        }
        return buffer.array();
    }

    static Path npy(Path path, int version, String literal, byte[] data) {
        return write(path, npyBytes(version, literal, data));
    }

    static byte[] npyBytes(int version, String literal, byte[] data) {
        int prefix = version == 1 ? 10 : 12;
        String padded = literal + " ".repeat(63 - (prefix + literal.length()) % 64) + "\n";
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
        ByteBuffer length = ByteBuffer.allocate(prefix - 8).order(ByteOrder.LITTLE_ENDIAN);
        if (version == 1) {
            length.putShort((short) padded.length());
        } else {
            length.putInt(padded.length());
        }
        bytes.writeBytes(length.array());
        bytes.writeBytes(padded.getBytes(StandardCharsets.UTF_8));
        bytes.writeBytes(data);
        return bytes.toByteArray();
    }
}
