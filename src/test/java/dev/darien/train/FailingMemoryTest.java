// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.data.ActivationSource;
import dev.darien.device.Device;
import dev.darien.device.Product;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Storage;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Whichever allocation fails, what was allocated before it is given back. */
class FailingMemoryTest {
    private static final String[] ARCHITECTURES = TestOptions.ARCHITECTURES;

    @ParameterizedTest
    @FieldSource("ARCHITECTURES")
    void aTrainerThatCannotBeMadeLeavesNothingBehind(String architecture) {
        TrainingOptions options = TestOptions.recipe(architecture)
                .latents(40)
                .batch(8)
                .tokens(80)
                .biasInit(BiasInit.GEOMETRIC_MEDIAN)
                .build(6);
        ActivationSource source = TestOptions.source(ArraySource.sparseSums(50, 6, 12, 1, 1), List.of(options));
        boolean failed = true;
        int allowed = 0;
        for (; failed; allowed++) {
            try (Device cpu = Device.open("cpu:vector");
                    Allocator memory = Allocator.over("limited", new Limited(allowed))) {
                failed = false;
                long kept = keptByKernels(cpu);
                try (Trainer trainer = new Trainer(over(cpu, memory), source, List.of(options, options))) {
                    assertThat(trainer.train().finished()).isTrue();
                    trainer.sae(1).close();
                } catch (OutOfMemoryError e) {
                    failed = true;
                }
                assertThat(memory.allocatedBytes())
                        .as("bytes left after allocation %d failed", allowed)
                        .isZero();
                assertThat(cpu.memory().allocatedBytes())
                        .as("bytes of encoders left after allocation %d failed", allowed)
                        .isEqualTo(kept);
            }
        }
        assertThat(allowed).as("allocations of a trainer").isGreaterThan(60);
    }

    /** Bytes that the device keeps for products, once there was one that is larger than any of the trainer's. */
    private static long keptByKernels(Device device) {
        try (Matrix operand = device.memory().matrix("both operands", 64, 64);
                Matrix result = device.memory().matrix("result", 64, 64)) {
            device.kernels().multiply(Product.NT, operand, operand, result, false);
        }
        return device.memory().allocatedBytes();
    }

    /** Host memory for so many allocations. */
    private static final class Limited implements Storage {
        private int left;

        Limited(int allowed) {
            left = allowed;
        }

        @Override
        public Block allocate(long bytes) {
            if (left-- == 0) {
                throw new OutOfMemoryError("no more");
            }
            return Storage.HOST.allocate(bytes);
        }
    }

    /** The device with other memory. */
    private static Device over(Device cpu, Allocator memory) {
        return (Device) Proxy.newProxyInstance(
                Device.class.getClassLoader(),
                new Class<?>[] {Device.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "memory" -> memory;
                    case "staging" ->
                        memory.matrix(
                                (String) arguments[0], (DType) arguments[1], (long) arguments[2], (int) arguments[3]);
                    default -> {
                        try {
                            yield method.invoke(cpu, arguments);
                        } catch (InvocationTargetException e) {
                            throw e.getCause();
                        }
                    }
                });
    }
}
