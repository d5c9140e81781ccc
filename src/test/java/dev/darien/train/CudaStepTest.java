// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.darien.device.BatchQueue;
import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a step on a GPU holds and allocates. */
@Tag("cuda")
class CudaStepTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final long MOST_HEAP_BYTES = 10_000;
    private static final int ROUNDS = 40;

    @ParameterizedTest
    @CsvSource({"topk, 32, 16, 64, 0", "topk, 64, 40, 300, 1", "batchtopk, 64, 24, 200, 1", "jumprelu, 64, 16, 200, 0"})
    void aWarmStepAllocatesNextToNothing(String architecture, int batch, int width, int latents, double clip) {
        TrainingOptions options = TestOptions.recipe(architecture)
                .latents(latents)
                .batch(batch)
                .tokens(1_000_000L * batch)
                .clip(clip)
                .build(width);
        options = TestOptions.with(options, "deadAfterTokens", 5L * batch);
        try (Device device = Device.open("cuda:0");
                Matrix bias = device.staging("bias", DType.F32, 1, width);
                BatchQueue batches = device.batchQueue("rows", DType.F32, batch, width);
                Learner learner = new Learner(device, options, width, 1, bias)) {
            ArraySource data = new ArraySource(ArraySource.sparseSums(batch, width, 3 * width, 1, 21));
            // Latents die meanwhile, whose selection needs room too.
            step(learner, data, batches, batch, 20);
            long allocations = device.memory().totalAllocations();
            long peak = device.memory().peakBytes();
            long heap = Long.MAX_VALUE;
            for (int round = 0; round < ROUNDS && heap > MOST_HEAP_BYTES; round++) {
                long before = THREADS.getCurrentThreadAllocatedBytes();
                step(learner, data, batches, batch, 10);
                heap = Math.min(heap, (THREADS.getCurrentThreadAllocatedBytes() - before) / 10);
            }
            assertThat(heap).as("bytes of heap a step").isLessThan(MOST_HEAP_BYTES);
            assertThat(device.memory().totalAllocations() - allocations)
                    .as("native allocations")
                    .isZero();
            assertThat(device.memory().peakBytes() - peak)
                    .as("growth of the peak")
                    .isZero();
        }
    }

    private static void step(Learner learner, ArraySource data, BatchQueue batches, int rows, int steps) {
        for (int step = 0; step < steps; step++) {
            data.read(0, rows, batches.next());
            learner.train(batches.submit(rows));
        }
    }

    /** Weights and moments, 16 bytes for each parameter, one tile of pre-activations, and a fifth for all else. */
    @Test
    void memoryIsThatOfTheParametersAndATile() {
        int batch = 256;
        int width = 64;
        int latents = 32_768;
        TrainingOptions options = TestOptions.recipe("topk")
                .latents(latents)
                .k(16)
                .batch(batch)
                .tokens(1_000_000L)
                .build(width);
        try (Device device = Device.open("cuda:0");
                Matrix bias = device.staging("bias", DType.F32, 1, width);
                BatchQueue batches = device.batchQueue("rows", DType.F16, batch, width);
                Learner learner = new Learner(device, options, width, 1, bias)) {
            batches.next();
            learner.train(batches.submit(batch));
            device.synchronize();
            long parameters = 2L * latents * width + latents + width;
            long tile = 4L * batch * latents;
            assertThat(device.memory().peakBytes()).isLessThan((long) (1.2 * (16 * parameters + tile)));
        }
    }
}
