// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import org.jspecify.annotations.Nullable;

/**
 * An encoder in the host's memory that any number of threads may use at the same time, each through a {@link Lane} of its
 * own. It holds its own copy of the weights. What a lane selects has the same bits as what {@link Kernels} of the same
 * device select.
 */
public interface ConcurrentEncoder extends AutoCloseable {
    /** Number of latents, F. */
    int latents();

    /** Width of the input, d. */
    int width();

    /**
     * Space for one thread at a time to encode up to {@code rows} activations; plain heap, so it needs no closing.
     *
     * @throws IllegalStateException if the encoder is closed
     */
    Lane lane(int rows);

    /** Gives the memory back, after the last encoding; idempotent. */
    @Override
    void close();

    /** One thread's space: {@link #set} the rows, select, then copy what each row selected. */
    interface Lane {
        /** Most rows that it takes. */
        int rows();

        /** Row {@code row} of the input is {@code values}, which has the encoder's width and is already centred. */
        void set(int row, float[] values);

        /** The {@code k} largest positive pre-activations of each of {@code rows} rows, as {@link Kernels#encodeTopK}. */
        void topK(int rows, int k);

        /**
         * All pre-activations above their thresholds, as {@link Kernels#encodeThreshold}.
         *
         * @param thresholds one for each latent; null for 0
         */
        void threshold(int rows, float @Nullable [] thresholds);

        /** How many latents row {@code row} selected. */
        int count(int row);

        /** What row {@code row} selected, ascending by latent, into arrays of {@link #count} elements. */
        void copy(int row, int[] latents, float[] values);
    }
}
