// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/**
 * Device memory that a kernel needs while it runs. It only grows, so that a step which has been made before allocates
 * nothing; what it held is gone when it does. Uses follow each other on one stream, so one buffer serves all calls.
 */
final class Scratch implements AutoCloseable {
    private static final int GRAIN = 256;

    private final Allocator memory;
    private final String label;
    private @Nullable Matrix buffer;

    Scratch(Allocator memory, String label) {
        this.memory = memory;
        this.label = label;
    }

    /** The address of at least {@code bytes} bytes. */
    long bytes(long bytes) {
        Matrix current = buffer;
        if (current == null || current.rows() * GRAIN < bytes) {
            close();
            current = memory.matrix(label, DType.I32, Math.max(1, Grid.blocks(bytes, GRAIN)), GRAIN / Integer.BYTES);
            buffer = current;
        }
        return current.address();
    }

    long ints(long count) {
        return bytes(count * Integer.BYTES);
    }

    long longs(long count) {
        return bytes(count * Long.BYTES);
    }

    long doubles(long count) {
        return bytes(count * Double.BYTES);
    }

    @Override
    public void close() {
        if (buffer != null) {
            buffer.close();
            buffer = null;
        }
    }
}
