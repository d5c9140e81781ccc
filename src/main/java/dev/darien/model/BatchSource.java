// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.ActivationSource;
import org.jspecify.annotations.Nullable;

/** Batches of sequences for the rest of a model, from the first to the last, as often as wanted. */
interface BatchSource extends AutoCloseable {
    /** The rest of the model. */
    SuffixModel suffix();

    /** All activations that count, in the order of the batches. It is closed with this. */
    ActivationSource activations();

    /** Begins again with the first batch. */
    void rewind();

    /** The next batch, which the caller closes; null at the end. */
    @Nullable
    HookedBatch next();

    @Override
    void close();
}
