// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import java.util.Arrays;

/**
 * Durations of the steps of a run, reading the data included, of which the first fifth is warm-up and left out. Steps are
 * timed in stretches at whose ends the device has nothing left to do: where calls are only enqueued, some steps between
 * seem to take no time, and the next one to wait takes theirs. Each step of a stretch counts with their mean. Never
 * allocates after its start.
 */
final class StepTimes {
    private static final int MOST = 1 << 16;

    private final long[] nanos;
    private final long leaveOut;
    private long seen;
    private long count;
    private long stretchStart;
    private long stretchSteps;

    StepTimes(long steps) {
        leaveOut = steps / 5;
        nanos = new long[Math.clamp(steps - leaveOut, 1, MOST)];
    }

    /** Begins a stretch at {@code now}, in nanoseconds. */
    void start(long now) {
        stretchStart = now;
        stretchSteps = 0;
    }

    /** Counts a step of the stretch. */
    void step() {
        stretchSteps++;
    }

    /** Ends the stretch at {@code now}. */
    void stop(long now) {
        for (long step = 0; step < stretchSteps; step++) {
            if (seen++ >= leaveOut) {
                // Beyond the room there is, the newest replace the oldest.
                nanos[(int) (count++ % nanos.length)] = (now - stretchStart) / stretchSteps;
            }
        }
        stretchSteps = 0;
    }

    /** Median in seconds, 0 without any. */
    double median() {
        int n = (int) Math.min(count, nanos.length);
        if (n == 0) {
            return 0;
        }
        long[] sorted = Arrays.copyOf(nanos, n);
        Arrays.sort(sorted);
        return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2e9;
    }
}
