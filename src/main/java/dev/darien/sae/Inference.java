// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;

/**
 * Encodes and decodes batch after batch in buffers of its own. What {@link #encode} and {@link #decode} return is valid
 * until the next call, and on the device of the {@link Autoencoder} that it belongs to. Close it before that.
 */
public interface Inference extends AutoCloseable {
    /** Most rows that one call takes; may be fewer than were asked for. */
    int maxRows();

    /**
     * The codes of {@code x}, F32, F16 or BF16[rows, d].
     *
     * @throws IllegalArgumentException if the width is another, or there are more than {@link #maxRows()} rows
     */
    SparseCodes encode(Matrix x);

    /**
     * The reconstructions of {@code codes}, F32[rows, d']. With a {@link RowNormalization} or a skip connection, {@code
     * codes} must be those that {@link #encode} returned last.
     *
     * @throws IllegalArgumentException if there aren't as many rows then
     */
    Matrix decode(SparseCodes codes);

    /** A copy of {@code codes} in memory that Java can read; the caller closes it. */
    SparseCodes toHost(SparseCodes codes);

    @Override
    void close();
}
