// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

/**
 * How to open a device.
 *
 * @param threads CPU threads to compute with, 0 for one per available core; results don't depend on it
 */
public record DeviceOptions(int threads) {
    /** One thread per available core. */
    public static final DeviceOptions DEFAULT = new DeviceOptions(0);

    public DeviceOptions {
        if (threads < 0 || threads > 1024) {
            throw new IllegalArgumentException(
                    "threads must be between 1 and 1024 (0 for one per core), not " + threads);
        }
    }

    /** The number of threads to start. */
    public int resolvedThreads() {
        return threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
    }
}
