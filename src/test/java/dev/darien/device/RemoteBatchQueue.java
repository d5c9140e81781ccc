// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;

/**
 * Two slots on the host and two buffers on the device. What nobody may read any more is overwritten, so that whoever does
 * computes nonsense.
 */
final class RemoteBatchQueue implements BatchQueue {
    private static final int SLOTS = 2;
    private static final float POISON = -1e30f;

    private final RemoteDevice device;
    private final Matrix[] slots = new Matrix[SLOTS];
    private final Matrix[] buffers = new Matrix[SLOTS];
    private final boolean[] waiting = new boolean[SLOTS];
    private int slot;
    private boolean taken;
    private boolean submitted;

    RemoteBatchQueue(RemoteDevice device, String label, DType dtype, int rows, int columns) {
        this.device = device;
        for (int at = 0; at < SLOTS; at++) {
            slots[at] = device.staging(label, dtype, rows, columns);
            buffers[at] = device.memory().matrix(label, dtype, rows, columns);
        }
    }

    @Override
    public Matrix next() {
        slots[slot].address();
        if (taken) {
            return slots[slot];
        }
        if (submitted) {
            Matrix before = device.onDevice(buffers[slot]);
            device.enqueue(() -> poison(before));
            slot = (slot + 1) % SLOTS;
        }
        if (waiting[slot]) {
            device.waitForAll();
        }
        poison(slots[slot]);
        taken = true;
        return slots[slot];
    }

    private static void poison(Matrix matrix) {
        for (long row = 0; row < matrix.rows(); row++) {
            for (int column = 0; column < matrix.columns(); column++) {
                matrix.set(row, column, POISON);
            }
        }
    }

    @Override
    public Matrix submit(int rows) {
        slots[slot].address();
        if (!taken) {
            throw new IllegalStateException("a batch must be taken before it can be submitted");
        }
        int copied = slot;
        Matrix source = slots[copied].slice(0, rows);
        Matrix batch = buffers[copied].slice(0, rows);
        Matrix target = device.onDevice(batch);
        device.enqueue(() -> {
            target.copyFrom(source);
            waiting[copied] = false;
        });
        waiting[copied] = true;
        taken = false;
        submitted = true;
        return batch;
    }

    @Override
    public void close() {
        for (int at = 0; at < SLOTS; at++) {
            buffers[at].close();
            slots[at].close();
        }
        device.waitForAll();
    }
}
