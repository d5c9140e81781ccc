// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.memory.Matrix;

/** What is done to activations on the device before the SAEs of a {@link Trainer} see them. */
@FunctionalInterface
public interface BatchTransform {
    /** Leaves them as they are. */
    BatchTransform NONE = batch -> batch;

    /**
     * The rows that are trained on.
     *
     * @param batch as read, F32, F16 or BF16[rows, d], on the device or in the host's memory; at most as many rows as a
     *     batch
     * @return as many rows, on the device, or {@code batch} itself; valid until the next call
     */
    Matrix apply(Matrix batch);
}
