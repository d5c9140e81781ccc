// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.PackedEncoder;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.util.Random;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The pre-activations of a batch, B×F, are never held. */
class MemoryTest {

    /** Dense pre-activations alone would be 1.07 GB. */
    @Test
    void aStepOf4096RowsAnd65536LatentsNeedsLessThan16BytesPerParameter() {
        int batch = 4096;
        int width = 512;
        int latents = 1 << 16;
        TrainingOptions options = Recipe.of("topk")
                .k(32)
                .latents(latents)
                .batch(batch)
                .tokens(batch)
                .clip(0)
                .build(width);
        long parameters = 2L * width * latents;
        assertThat(peak(options, width, 1)).isGreaterThan(14 * parameters).isLessThan(16 * parameters + 600_000_000);
    }

    /** Of rules whose active latents aren't bounded, in chunks. Dense pre-activations alone would be 268 MB. */
    @ParameterizedTest
    @ValueSource(strings = {"jumprelu", "relu"})
    void thresholdRulesTakeABatchInChunks(String architecture) {
        int batch = 4096;
        int width = 16;
        int latents = 1 << 14;
        TrainingOptions options = TestOptions.recipe(architecture)
                .latents(latents)
                .batch(batch)
                .tokens(batch)
                .clip(0)
                .build(width);
        // Weights, moments, gradients and panels, then the codes of a chunk with all that belongs to them.
        long perParameter = 20L * 2 * width * latents;
        long perEntry = 36 * StepWorkspace.MAX_ENTRIES;
        assertThat(peak(options, width, 2)).isLessThan(perParameter + perEntry + 40_000_000);
    }

    @Test
    void heapPanelsAndTheSpaceOfEveryWorkerAreCounted() {
        int latents = 10_000;
        int width = 64;
        try (Device device = Devices.open("cpu:vector", new DeviceOptions(4))) {
            long before = device.memory().allocatedBytes();
            try (PackedEncoder encoder = device.packedEncoder(latents, width)) {
                assertThat(device.memory().allocatedBytes() - before).isGreaterThanOrEqualTo(4L * latents * width);
                assertThat(encoder.latents()).isEqualTo(latents);
            }
            assertThat(device.memory().allocatedBytes()).isEqualTo(before);
        }
        TrainingOptions options = Recipe.of("topk")
                .latents(latents)
                .batch(2048)
                .tokens(2048)
                .clip(0)
                .build(width);
        long one = held(options, width, 1);
        long four = held(options, width, 4);
        // A tile of pre-activations for each.
        assertThat(four - one).isGreaterThan(3L * 4 * 100 * 1024);
    }

    /** Peak of the bytes accounted for in a learner's life of one step. */
    private static long peak(TrainingOptions options, int width, int threads) {
        return bytes(options, width, threads, Allocator::peakBytes);
    }

    /** Bytes accounted for after one step. */
    private static long held(TrainingOptions options, int width, int threads) {
        return bytes(options, width, threads, Allocator::allocatedBytes);
    }

    private static long bytes(TrainingOptions options, int width, int threads, ToLongFunction<Allocator> what) {
        try (Device device = Devices.open("cpu:vector", new DeviceOptions(threads));
                Matrix bias = device.staging("bias", DType.F32, 1, width);
                Matrix rows = device.staging("rows", DType.F32, options.batch(), width);
                Learner learner = new Learner(device, options, width, 1, bias)) {
            Random random = new Random(31);
            for (int row = 0; row < options.batch(); row++) {
                for (int column = 0; column < width; column++) {
                    rows.set(row, column, random.nextFloat() - 0.5f);
                }
            }
            learner.train(rows);
            assertThat(learner.metrics(1, 0, 0).l0()).isPositive();
            return what.applyAsLong(device.memory());
        }
    }
}
