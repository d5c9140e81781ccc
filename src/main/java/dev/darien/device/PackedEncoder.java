// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

/**
 * Encoder weights in the layout that a device multiplies fastest, filled by {@link Kernels#pack} after each change of
 * the weights. Also holds the scratch space of the encode kernels, so that encoding allocates nothing.
 */
public interface PackedEncoder extends AutoCloseable {
    /** Number of latents, F. */
    int latents();

    /** Width of the input, d. */
    int width();

    /** Gives the memory back, even of a device that has failed; idempotent. */
    @Override
    void close();
}
