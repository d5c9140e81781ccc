// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.memory.Allocator;
import dev.darien.memory.Reservation;
import org.jspecify.annotations.Nullable;

/**
 * Selects the {@code limit} largest positive values of a sequence that is walked twice: {@link #offer} every value,
 * then ask {@link #admits} for every value in the same order. Among values equal to the smallest one kept, the first in
 * that order are admitted, which is the rule for ties when rows and latents are walked in ascending order.
 */
final class LargestValues implements AutoCloseable {
    private final Allocator allocator;
    private @Nullable Reservation reservation;
    /** A heap: the smallest value kept so far is at 0, the children of i at 2i + 1 and 2i + 2. */
    private float[] heap = new float[0];

    private int limit;
    private int size;
    private int tiesLeft;

    LargestValues(Allocator allocator) {
        this.allocator = allocator;
    }

    /** Starts a selection of at most {@code newLimit} values. */
    void start(int newLimit) {
        if (heap.length < newLimit) {
            close();
            reservation = allocator.reserve("selection", (long) newLimit * Float.BYTES);
            heap = new float[newLimit];
        }
        limit = newLimit;
        size = 0;
        tiesLeft = -1;
    }

    /** Considers a value. Zero, negative values and NaN are never selected. */
    void offer(float value) {
        if (!(value > 0) || limit == 0) {
            return;
        }
        if (size < limit) {
            siftUp(size++, value);
        } else if (value > heap[0]) {
            siftDown(value);
        }
    }

    /** How many values are selected. */
    int size() {
        return size;
    }

    /** The smallest value selected; there must be one. */
    float smallest() {
        return heap[0];
    }

    /** Whether the next value of the second walk is selected. */
    boolean admits(float value) {
        if (!(value > 0) || size == 0) {
            return false;
        }
        if (tiesLeft < 0) {
            tiesLeft = countSmallest();
        }
        if (value == heap[0] && tiesLeft > 0) {
            tiesLeft--;
            return true;
        }
        return value > heap[0];
    }

    private int countSmallest() {
        int count = 0;
        for (int at = 0; at < size; at++) {
            count += heap[at] == heap[0] ? 1 : 0;
        }
        return count;
    }

    private void siftUp(int from, float value) {
        int at = from;
        while (at > 0 && heap[(at - 1) / 2] > value) {
            heap[at] = heap[(at - 1) / 2];
            at = (at - 1) / 2;
        }
        heap[at] = value;
    }

    private void siftDown(float value) {
        int at = 0;
        while (2 * at + 1 < size) {
            int child = 2 * at + 1;
            if (child + 1 < size && heap[child + 1] < heap[child]) {
                child++;
            }
            if (heap[child] >= value) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = value;
    }

    @Override
    public void close() {
        if (reservation != null) {
            reservation.close();
            reservation = null;
            heap = new float[0];
        }
    }
}
