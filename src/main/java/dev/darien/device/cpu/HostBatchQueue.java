// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.BatchQueue;
import dev.darien.memory.Matrix;
import java.util.Objects;

/** One matrix, which is written and read in turn: a call has finished when it returns, so nobody reads it in between. */
final class HostBatchQueue implements BatchQueue {
    private final Matrix batch;
    private boolean taken;

    /** @param batch which this queue closes */
    HostBatchQueue(Matrix batch) {
        this.batch = batch;
    }

    @Override
    public Matrix next() {
        requireOpen();
        taken = true;
        return batch;
    }

    @Override
    public Matrix submit(int rows) {
        requireOpen();
        if (!taken) {
            throw new IllegalStateException("a batch must be taken with next() before it can be submitted");
        }
        Objects.checkFromIndexSize(0, rows, batch.intRows());
        taken = false;
        return rows == batch.rows() ? batch : batch.slice(0, rows);
    }

    private void requireOpen() {
        batch.requireAlive();
    }

    @Override
    public void close() {
        batch.close();
    }
}
