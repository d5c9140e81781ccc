// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.cuda.Cuda;
import dev.darien.memory.Allocator;
import dev.darien.memory.Storage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Memory of the GPU, allocated, zeroed and freed in the order of the compute stream: kernels that were enqueued before a
 * block is freed may still use it. Java sees a segment of length 0 at the block's address.
 */
final class DeviceStorage implements Storage {
    private final CudaContext context;

    DeviceStorage(CudaContext context) {
        this.context = context;
    }

    /** Restricted: only here does a bare address become a segment, with the life time of an arena. */
    @Override
    @SuppressWarnings("restricted")
    public Block allocate(long bytes) {
        context.current();
        long address;
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment pointer = confined.allocate(ValueLayout.JAVA_LONG);
            boolean pool = context.gpu().hasMemoryPools();
            int result =
                    pool ? Cuda.cuMemAllocAsync(pointer, bytes, context.compute()) : Cuda.cuMemAlloc_v2(pointer, bytes);
            if (result == Cuda.CUDA_ERROR_OUT_OF_MEMORY()) {
                throw new OutOfMemoryError(available());
            }
            if (result != CudaStatus.SUCCESS) {
                throw context.failure(result, pool ? "cuMemAllocAsync" : "cuMemAlloc", Allocator.humanBytes(bytes));
            }
            address = pointer.get(ValueLayout.JAVA_LONG, 0);
        }
        Arena arena = Arena.ofShared();
        try {
            context.check(Cuda.cuMemsetD8Async(address, (byte) 0, bytes, context.compute()), "cuMemsetD8Async");
            return new Block(MemorySegment.ofAddress(address).reinterpret(arena, null), () -> {
                arena.close();
                free(address);
            });
        } catch (RuntimeException | Error e) {
            arena.close();
            free(address);
            throw e;
        }
    }

    private String available() {
        long[] memory = context.memory();
        return Allocator.humanBytes(memory[0]) + " of " + Allocator.humanBytes(memory[1]) + " is free on "
                + context.name();
    }

    private void free(long address) {
        // A lost or closed device has given back everything already.
        if (!context.tryCurrent()) {
            return;
        }
        if (context.gpu().hasMemoryPools()) {
            Cuda.cuMemFreeAsync(address, context.compute());
        } else {
            context.quiesce();
            Cuda.cuMemFree_v2(address);
        }
    }
}
