// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.ConcurrentEncoder;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Lanes that aren't in use. Without locks and without allocating, so that it costs little beside encoding a vector; not
 * thread-local, because virtual threads come by the million.
 */
final class LanePool {
    /** A power of two; lanes beyond it are left to the garbage collector. */
    private static final int SLOTS = 64;

    private final AtomicReferenceArray<@Nullable Lane> free = new AtomicReferenceArray<>(SLOTS);
    private final ConcurrentEncoder encoder;
    private final int rows;

    LanePool(ConcurrentEncoder encoder, int rows) {
        this.encoder = encoder;
        this.rows = rows;
    }

    /** A lane and a row to prepare its input in. */
    @SuppressWarnings("ArrayRecordComponent") // scratch space, shared on purpose
    record Lane(ConcurrentEncoder.Lane space, float[] row) {
        int rows() {
            return space.rows();
        }
    }

    Lane take() {
        int start = start();
        for (int at = 0; at < SLOTS; at++) {
            int slot = (start + at) & (SLOTS - 1);
            if (free.getPlain(slot) != null) {
                @Nullable Lane lane = free.getAndSet(slot, null);
                if (lane != null) {
                    return lane;
                }
            }
        }
        return new Lane(encoder.lane(rows), new float[encoder.width()]);
    }

    void giveBack(Lane lane) {
        int start = start();
        for (int at = 0; at < SLOTS; at++) {
            if (free.compareAndSet((start + at) & (SLOTS - 1), null, lane)) {
                return;
            }
        }
    }

    /** Threads start at different slots, so that they seldom meet. */
    private static int start() {
        return (int) Thread.currentThread().threadId() & (SLOTS - 1);
    }
}
