// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import java.util.Arrays;

/** Durations of the steps of a run, of which the first fifth is warm-up and left out. Never allocates after its start. */
final class StepTimes {
    private static final int MOST = 1 << 16;

    private final long[] nanos;
    private final long leaveOut;
    private long seen;
    private long count;

    StepTimes(long steps) {
        leaveOut = steps / 5;
        nanos = new long[Math.clamp(steps - leaveOut, 1, MOST)];
    }

    void add(long duration) {
        if (seen++ < leaveOut) {
            return;
        }
        // Beyond the room there is, the newest replace the oldest.
        nanos[(int) (count++ % nanos.length)] = duration;
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
