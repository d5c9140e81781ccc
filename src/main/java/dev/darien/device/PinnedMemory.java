// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

/** Host memory that the kernels of a device use in place, see {@link Device#pin}. */
@FunctionalInterface
public interface PinnedMemory extends AutoCloseable {
    /** Waits until the device has no more use for the memory, and gives it back to the caller alone. Idempotent. */
    @Override
    void close();
}
