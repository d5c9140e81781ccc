// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Once warm, a step allocates next to nothing: no native memory, and on the heap some views and lambdas. */
class AllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int MEASURED = 20;
    /** Until then the compiler may still be at work, and code that isn't compiled allocates vectors on the heap. */
    private static final int MOST_WARMUPS = 150;

    private static final long MOST_BYTES = 10_000;

    @ParameterizedTest
    @CsvSource({
        "topk, 64, 16, 256, 0",
        "topk, 300, 40, 1500, 1",
        "batchtopk, 300, 40, 1500, 0",
        "batchtopk, 64, 33, 500, 1",
        "jumprelu, 100, 40, 1500, 0",
        "jumprelu, 64, 16, 256, 1",
        "relu, 64, 16, 256, 0",
    })
    void aStepAllocatesNextToNothing(String architecture, int batch, int width, int latents, double clip) {
        TrainingOptions options = TestOptions.recipe(architecture)
                .latents(latents)
                .batch(batch)
                .tokens(1_000_000L * batch)
                .clip(clip)
                .build(width);
        options = TestOptions.with(options, "deadAfterTokens", 20L * batch);
        try (Device device = Devices.open("cpu:vector", new DeviceOptions(2));
                Matrix bias = device.staging("bias", DType.F32, 1, width);
                Matrix rows = device.staging("rows", DType.F32, batch, width);
                Learner learner = new Learner(device, options, width, 1, bias)) {
            new ArraySource(ArraySource.sparseSums(batch, width, 3 * width, 1, 21)).read(0, batch, rows);
            // The least of several readings: the compiler takes its time.
            long[] least = {Long.MAX_VALUE, Long.MAX_VALUE};
            for (int round = 0; round < MOST_WARMUPS && (least[0] > MOST_BYTES || least[1] > MOST_BYTES); round++) {
                long[] before = allocated();
                train(learner, rows, MEASURED);
                long[] after = allocated();
                for (int which = 0; which < least.length; which++) {
                    least[which] = Math.min(least[which], (after[which] - before[which]) / MEASURED);
                }
            }
            assertThat(least[0])
                    .as("heap bytes that a step allocates on the training thread")
                    .isLessThan(MOST_BYTES);
            assertThat(least[1])
                    .as("heap bytes that a step allocates on the workers")
                    .isLessThan(MOST_BYTES);
            // Long enough for latents to die, whose selection needs room too.
            train(learner, rows, 3 * MEASURED);
            long allocations = device.memory().totalAllocations();
            long peak = device.memory().peakBytes();
            train(learner, rows, MEASURED);
            assertThat(device.memory().totalAllocations()).isEqualTo(allocations);
            assertThat(device.memory().peakBytes()).isEqualTo(peak);
        }
    }

    private static void train(Learner learner, Matrix rows, int steps) {
        for (int step = 0; step < steps; step++) {
            learner.train(rows);
        }
    }

    /** By this thread, and by all workers together. */
    private static long[] allocated() {
        long workers = 0;
        for (long worker : workers()) {
            workers += THREADS.getThreadAllocatedBytes(worker);
        }
        return new long[] {THREADS.getCurrentThreadAllocatedBytes(), workers};
    }

    private static List<Long> workers() {
        List<Long> ids = new ArrayList<>();
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("darien-")) {
                ids.add(thread.threadId());
            }
        }
        assertThat(ids).as("worker threads").isNotEmpty();
        return ids;
    }
}
