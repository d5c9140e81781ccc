// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * What the driver says of a GPU, without a context on it.
 *
 * @param ordinal its number among this process's GPUs
 * @param handle the driver's handle
 * @param model {@code NVIDIA H100 80GB HBM3}
 * @param major compute capability, before the point
 * @param minor after it
 * @param multiprocessors how many
 * @param sharedMemory most shared memory that a block can ask for, in bytes
 * @param totalMemory bytes of device memory
 * @param hasMemoryPools whether memory can be allocated in the order of a stream
 * @param pinsReadOnly whether read-only host memory can be pinned
 */
record Gpu(
        int ordinal,
        int handle,
        String model,
        int major,
        int minor,
        int multiprocessors,
        int sharedMemory,
        long totalMemory,
        boolean hasMemoryPools,
        boolean pinsReadOnly) {
    /** By which the host stand-in of the tests is known. */
    private static final String STAND_IN = "Host stand-in";

    /** Reads what is to be known; null with a driver that answers with an error. */
    static @Nullable Gpu read(int ordinal) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(ValueLayout.JAVA_INT);
            if (Cuda.cuDeviceGet(number, ordinal) != CudaStatus.SUCCESS) {
                return null;
            }
            int handle = number.get(ValueLayout.JAVA_INT, 0);
            MemorySegment text = arena.allocate(256);
            MemorySegment bytes = arena.allocate(ValueLayout.JAVA_LONG);
            if (Cuda.cuDeviceGetName(text, 256, handle) != CudaStatus.SUCCESS
                    || Cuda.cuDeviceTotalMem_v2(bytes, handle) != CudaStatus.SUCCESS) {
                return null;
            }
            return new Gpu(
                    ordinal,
                    handle,
                    text.getString(0),
                    attribute(number, Cuda.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR(), handle),
                    attribute(number, Cuda.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR(), handle),
                    attribute(number, Cuda.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT(), handle),
                    attribute(number, Cuda.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN(), handle),
                    bytes.get(ValueLayout.JAVA_LONG, 0),
                    attribute(number, Cuda.CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED(), handle) != 0,
                    attribute(number, Cuda.CU_DEVICE_ATTRIBUTE_READ_ONLY_HOST_REGISTER_SUPPORTED(), handle) != 0);
        }
    }

    /** 0 for an attribute that the driver doesn't know. */
    private static int attribute(MemorySegment number, int attribute, int handle) {
        return Cuda.cuDeviceGetAttribute(number, attribute, handle) == CudaStatus.SUCCESS
                ? number.get(ValueLayout.JAVA_INT, 0)
                : 0;
    }

    /** {@code cuda:0}. */
    String name() {
        return "cuda:" + ordinal;
    }

    boolean isStandIn() {
        return model.startsWith(STAND_IN);
    }

    /** {@code 9.0}. */
    String capability() {
        return major + "." + minor;
    }

    /** What decides the bits of the kernels' results. */
    String kernelsName() {
        return isStandIn() ? "cuda-standin" : "cuda-sm_" + major + minor;
    }
}
