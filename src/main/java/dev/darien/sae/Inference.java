// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;

/**
 * Encodes and decodes batch after batch in buffers of its own. What {@link #encode} and {@link #decode} return is valid
 * until the next call, and on the device of the {@link Autoencoder} that it belongs to. Close it before that. For one thread at a
 * time.
 */
public interface Inference extends AutoCloseable {
    /** Bounds the codes of one batch, whose number a threshold rule doesn't: 2^23 entries are 64 MB. */
    long MAX_ENTRIES = 1L << 23;

    /** Most rows that one call takes; may be fewer than were asked for. */
    int maxRows();

    /**
     * The codes of {@code x}, F32, F16 or BF16[rows, d].
     *
     * @throws IllegalArgumentException if the width is another, or there are more than {@link #maxRows()} rows
     */
    SparseCodes encode(Matrix x);

    /**
     * As above by a rule that selects by gradients, {@link GradientTopK}; its mean magnitude is that of these rows.
     *
     * @param gradients of a loss by {@code x}, F32, F16 or BF16 and of the same shape
     * @throws IllegalStateException if the rule is another
     */
    default SparseCodes encode(Matrix x, Matrix gradients) {
        throw new IllegalStateException("this rule doesn't select by gradients; encode without them");
    }

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
