// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import com.sun.management.ThreadMXBean;
import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.management.ManagementFactory;

/**
 * A program that says what a warm step allocates. A line for each argument {@code architecture,batch,width,latents,clip}:
 * the argument, heap bytes on the training thread and on all workers, native allocations, and growth of the peak.
 */
final class AllocationProbe {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int MEASURED = 20;
    /** Until then the compiler may still be at work, and code that isn't compiled yet puts vectors on the heap. */
    private static final int MOST_ROUNDS = 600;

    private static final long ENOUGH = 8_000;

    private AllocationProbe() {}

    public static void main(String[] cases) {
        for (String one : cases) {
            String[] parts = one.split(",", -1);
            System.out.println(one + " "
                    + measure(
                            parts[0],
                            Integer.parseInt(parts[1]),
                            Integer.parseInt(parts[2]),
                            Integer.parseInt(parts[3]),
                            Double.parseDouble(parts[4])));
        }
    }

    private static String measure(String architecture, int batch, int width, int latents, double clip) {
        TrainingOptions options = TestOptions.recipe(architecture)
                .latents(latents)
                .batch(batch)
                .tokens(1_000_000L * batch)
                .clip(clip)
                .build(width);
        options = TestOptions.with(options, "deadAfterTokens", 20L * batch);
        // Gradients stand behind the activations.
        int columns = architecture.equals("gradient-topk") ? 2 * width : width;
        try (Device device = Devices.open("cpu:vector", new DeviceOptions(2));
                Matrix bias = device.staging("bias", DType.F32, 1, width);
                Matrix rows = device.staging("rows", DType.F32, batch, columns);
                Learner learner = new Learner(device, options, width, 1, bias)) {
            new ArraySource(ArraySource.sparseSums(batch, columns, 3 * columns, 1, 21)).read(0, batch, rows);
            // The least of several readings: the compiler takes its time.
            long training = Long.MAX_VALUE;
            long workers = Long.MAX_VALUE;
            for (int round = 0; round < MOST_ROUNDS && (training > ENOUGH || workers > ENOUGH); round++) {
                long trainingBefore = THREADS.getCurrentThreadAllocatedBytes();
                long workersBefore = workersAllocated();
                train(learner, rows, MEASURED);
                training = Math.min(training, (THREADS.getCurrentThreadAllocatedBytes() - trainingBefore) / MEASURED);
                workers = Math.min(workers, (workersAllocated() - workersBefore) / MEASURED);
            }
            // Long enough for latents to die, whose selection needs room too.
            train(learner, rows, 3 * MEASURED);
            long allocations = device.memory().totalAllocations();
            long peak = device.memory().peakBytes();
            train(learner, rows, MEASURED);
            return training + " " + workers + " " + (device.memory().totalAllocations() - allocations) + " "
                    + (device.memory().peakBytes() - peak);
        }
    }

    private static void train(Learner learner, Matrix rows, int steps) {
        for (int step = 0; step < steps; step++) {
            learner.train(rows);
        }
    }

    private static long workersAllocated() {
        long total = 0;
        int found = 0;
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().startsWith("darien-worker")) {
                total += THREADS.getThreadAllocatedBytes(thread.threadId());
                found++;
            }
        }
        if (found != 1) {
            throw new AssertionError(found + " workers were found instead of 1");
        }
        return total;
    }
}
