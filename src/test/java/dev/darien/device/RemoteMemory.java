// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Matrix;
import dev.darien.memory.Storage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Memory that Java sees only as segments of length 0, and the way to what really is there. */
final class RemoteMemory implements Storage {
    private final Runnable beforeRelease;
    private final TreeMap<Long, MemorySegment> blocks = new TreeMap<>();
    private final TreeMap<Long, MemorySegment> pinned = new TreeMap<>();

    /** @param beforeRelease waits for what still uses a block */
    RemoteMemory(Runnable beforeRelease) {
        this.beforeRelease = beforeRelease;
    }

    @Override
    public Block allocate(long bytes) {
        Arena arena = Arena.ofShared();
        MemorySegment block = arena.allocate(bytes, ALIGNMENT);
        blocks.put(block.address(), block);
        return new Block(block.asSlice(0, 0), () -> {
            beforeRelease.run();
            blocks.remove(block.address());
            arena.close();
        });
    }

    void pin(MemorySegment memory) {
        if (overlaps(memory.address(), memory.byteSize())) {
            throw new IllegalArgumentException("memory that is pinned can't be pinned again");
        }
        pinned.put(memory.address(), memory);
    }

    void unpin(MemorySegment memory) {
        pinned.remove(memory.address());
    }

    private boolean overlaps(long address, long bytes) {
        Map.Entry<Long, MemorySegment> before = pinned.lowerEntry(address + bytes);
        return before != null && before.getKey() + before.getValue().byteSize() > address;
    }

    /** Whether kernels may work on {@code matrix} in place. */
    @Nullable
    String obstacle(Matrix matrix) {
        return find(matrix) != null ? null : "is not in the memory of the remote device";
    }

    /** What {@code matrix} stands for, as a host matrix. */
    Matrix real(Matrix matrix) {
        // A matrix that was closed has no address.
        matrix.address();
        Matrix real = find(matrix);
        if (real == null) {
            throw new AssertionError(matrix + " is not in the memory of the remote device");
        }
        return real;
    }

    private @Nullable Matrix find(Matrix matrix) {
        if (matrix.rows() == 0 || matrix.columns() == 0) {
            return matrix;
        }
        if (matrix.isHost()) {
            return within(pinned, matrix) != null ? matrix : null;
        }
        MemorySegment block = within(blocks, matrix);
        if (block == null) {
            return null;
        }
        return Matrix.of(
                block.asSlice(matrix.address() - block.address(), extent(matrix)),
                matrix.dtype(),
                matrix.rows(),
                matrix.columns(),
                matrix.stride());
    }

    private static @Nullable MemorySegment within(TreeMap<Long, MemorySegment> segments, Matrix matrix) {
        Map.Entry<Long, MemorySegment> found = segments.floorEntry(matrix.address());
        return found != null && found.getKey() + found.getValue().byteSize() >= matrix.address() + extent(matrix)
                ? found.getValue()
                : null;
    }

    private static long extent(Matrix matrix) {
        return matrix.rowOffset(matrix.rows() - 1)
                + (long) matrix.columns() * matrix.dtype().bytes();
    }
}
