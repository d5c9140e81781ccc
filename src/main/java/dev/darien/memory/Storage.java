// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Where an {@link Allocator}'s bytes come from: host memory, pinned memory, a GPU. */
@FunctionalInterface
public interface Storage {
    /** Rows that Darien allocates start at multiples of this many bytes (a cache line). */
    long ALIGNMENT = 64;

    /** Ordinary host memory, zeroed; any thread may use it. */
    Storage HOST = bytes -> {
        Arena arena = Arena.ofShared();
        try {
            return new Block(arena.allocate(bytes, ALIGNMENT), () -> Closing.whenFree(arena));
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    };

    /**
     * A piece of memory and how to give it back.
     *
     * @param segment the bytes; where the host can't reach them, a segment of length 0 at the block's address, whose
     *     scope {@code release} ends, so that use afterwards is an exception
     * @param release gives the block back; called once. Must not fail: a block of a device that is lost counts as given
     *     back, and whatever uses the device next says so
     */
    record Block(MemorySegment segment, Runnable release) {}

    /**
     * Allocates {@code bytes} zeroed bytes.
     *
     * @throws OutOfMemoryError if they can't be had; its message, a clause such as "1.2 GB of 80.0 GB is free on cuda:0",
     *     becomes part of the allocator's
     */
    Block allocate(long bytes);
}
