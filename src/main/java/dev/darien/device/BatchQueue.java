// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Matrix;

/**
 * Brings batches from the host to a device, one after the other, so that the next one is read while the device still
 * works on those before:
 *
 * <pre>{@code
 * source.read(rowNumbers, rows, batches.next());
 * Matrix batch = batches.submit(rows);
 * learners.forEach(learner -> learner.train(batch));
 * }</pre>
 *
 * <p>Who may use which matrix when:
 *
 * <ul>
 *   <li>What {@link #next()} returns is the caller's to write from then until {@link #submit}.
 *   <li>What {@link #submit} returns may be given to this device's kernels, as an input and as often as wanted, until
 *       {@link #next()} is called again or the queue is closed. Only the making of the calls has to be over then: that
 *       the batch stays as it is until the device has come to them is the queue's business.
 *   <li>Both belong to the queue, which alone gives them back.
 * </ul>
 *
 * <p>A CPU has the one matrix, and its kernels read what was written into it. A GPU has two or three slots of pinned
 * memory, copies them on a stream of its own into as many buffers, and marks with an event when the kernels enqueued
 * before {@link #next()} have read one; a host that is faster than its device waits in {@link #next()}.
 *
 * <p>As its device, for one thread at a time.
 */
public interface BatchQueue extends AutoCloseable {

    /**
     * Memory for the next batch, with as many rows as the queue was made for; what it holds is undefined. Waits until the
     * device has no more use for what it held before. The same matrix again if it hasn't been submitted.
     *
     * @throws IllegalStateException if the queue is closed
     * @throws DeviceException if the device has failed at what it was given before
     */
    Matrix next();

    /**
     * Hands the first {@code rows} rows of what {@link #next()} returned over to the device.
     *
     * @return the batch [rows, columns], for kernels; not every device's can be read from Java
     * @throws IllegalStateException if {@link #next()} hasn't been called since the last time, or the queue is closed
     * @throws IndexOutOfBoundsException if there are more rows than the queue was made for
     * @throws DeviceException if the device has failed at what it was given before
     */
    Matrix submit(int rows);

    /**
     * Waits until the device has no more use for any batch, then gives all memory back, even of a device that has
     * failed. Idempotent.
     */
    @Override
    void close();
}
