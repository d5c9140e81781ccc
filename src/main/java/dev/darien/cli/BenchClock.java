// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.device.Device;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** What a benchmark measures with. */
enum BenchClock {
    /** The clock on the wall. */
    WALL,
    /**
     * The processor time of this process: what others do on the machine counts less. Right for one thread on a CPU; more
     * of them spin while they wait.
     */
    PROCESSOR;

    static BenchClock of(Device device, int threads) {
        boolean alone = device.name().equals("cpu:scalar") || (device.name().startsWith("cpu") && threads == 1);
        return alone && processor() != null ? PROCESSOR : WALL;
    }

    private static @Nullable Duration processor() {
        return ProcessHandle.current().info().totalCpuDuration().orElse(null);
    }

    /** Seconds that {@code work} takes, which includes what it has enqueued. */
    double seconds(Device device, Runnable work) {
        device.synchronize();
        double started = now();
        work.run();
        device.synchronize();
        return now() - started;
    }

    private double now() {
        Duration spent = this == PROCESSOR ? processor() : null;
        return spent == null ? System.nanoTime() / 1e9 : spent.toNanos() / 1e9;
    }
}
