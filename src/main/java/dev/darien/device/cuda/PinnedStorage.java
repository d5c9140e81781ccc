// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.cuda.Cuda;
import dev.darien.memory.Allocator;
import dev.darien.memory.Storage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Page-locked host memory that is mapped into the GPU's address space: Java fills a segment, and a kernel or the copy
 * engine reads the same bytes. Giving a block back waits for the device, which may still be reading.
 */
final class PinnedStorage implements Storage {
    private final CudaContext context;
    private final PinnedRegions regions;

    PinnedStorage(CudaContext context, PinnedRegions regions) {
        this.context = context;
        this.regions = regions;
    }

    /** Restricted: only here does a bare address become a segment, with the life time of an arena. */
    @Override
    @SuppressWarnings("restricted")
    public Block allocate(long bytes) {
        context.current();
        long address;
        long devicePointer;
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment pointer = confined.allocate(ValueLayout.ADDRESS);
            int flags = Cuda.CU_MEMHOSTALLOC_DEVICEMAP() | Cuda.CU_MEMHOSTALLOC_PORTABLE();
            int result = Cuda.cuMemHostAlloc(pointer, bytes, flags);
            if (result == Cuda.CUDA_ERROR_OUT_OF_MEMORY()) {
                throw new OutOfMemoryError("of memory that the host can lock in place for " + context.name());
            }
            if (result != CudaStatus.SUCCESS) {
                throw context.failure(result, "cuMemHostAlloc", Allocator.humanBytes(bytes));
            }
            address = pointer.get(ValueLayout.ADDRESS, 0).address();
            try {
                devicePointer = regions.devicePointer(address);
            } catch (RuntimeException | Error e) {
                Cuda.cuMemFreeHost(MemorySegment.ofAddress(address));
                throw e;
            }
        }
        Arena arena = Arena.ofShared();
        MemorySegment segment = MemorySegment.ofAddress(address).reinterpret(bytes, arena, null);
        segment.fill((byte) 0);
        regions.add(address, bytes, devicePointer);
        return new Block(segment, () -> {
            context.quiesce();
            regions.remove(address);
            arena.close();
            if (context.tryCurrent()) {
                Cuda.cuMemFreeHost(MemorySegment.ofAddress(address));
            }
        });
    }
}
