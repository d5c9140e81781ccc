// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

/**
 * How to open a device.
 *
 * @param threads CPU threads to compute with, 0 for one per available core; results don't depend on it
 * @param precision what the inputs of matrix products are rounded to; a CPU has FP32 only
 */
public record DeviceOptions(int threads, Precision precision) {
    /** One thread per available core, and FP32. */
    public static final DeviceOptions DEFAULT = new DeviceOptions(0);

    public DeviceOptions {
        if (threads < 0 || threads > 1024) {
            throw new IllegalArgumentException(
                    "threads must be between 1 and 1024 (0 for one per core), not " + threads);
        }
    }

    /** That many threads, and FP32. */
    public DeviceOptions(int threads) {
        this(threads, Precision.FP32);
    }

    /** The number of threads to start. */
    public int resolvedThreads() {
        return threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
    }
}
