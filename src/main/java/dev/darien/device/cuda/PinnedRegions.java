// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.cuda.Cuda;
import dev.darien.device.PinnedMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** The host memory that a GPU can reach: what was allocated pinned, and what its owner has had pinned. */
final class PinnedRegions {
    private static final long PAGE = 4096;
    /** No address of the device. */
    static final long NOWHERE = 0;

    /**
     * @param shared whether its owner has had it pinned, and so knows that kernels read it when their turn comes
     */
    private record Region(long bytes, long devicePointer, boolean shared) {}

    private final CudaContext context;
    private final ConcurrentSkipListMap<Long, Region> regions = new ConcurrentSkipListMap<>();

    PinnedRegions(CudaContext context) {
        this.context = context;
    }

    /** Notes memory that the driver has allocated pinned. */
    void add(long address, long bytes, long devicePointer) {
        regions.put(address, new Region(bytes, devicePointer, false));
    }

    void remove(long address) {
        regions.remove(address);
    }

    /** The device's address of a host address, {@link #NOWHERE} if {@code bytes} from there are not all pinned. */
    long find(long address, long bytes) {
        Map.@Nullable Entry<Long, Region> region = region(address, bytes);
        return region == null ? NOWHERE : region.getValue().devicePointer() + (address - region.getKey());
    }

    /** Whether all of that is memory which its owner has had pinned. */
    boolean isShared(long address, long bytes) {
        Map.@Nullable Entry<Long, Region> region = region(address, bytes);
        return region != null && region.getValue().shared();
    }

    private Map.@Nullable Entry<Long, Region> region(long address, long bytes) {
        Map.@Nullable Entry<Long, Region> below = regions.floorEntry(address);
        return below == null
                        || address + bytes > below.getKey() + below.getValue().bytes()
                ? null
                : below;
    }

    /** Where the device sees pinned host memory; with unified addressing that is where the host does. */
    long devicePointer(long address) {
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment pointer = confined.allocate(ValueLayout.JAVA_LONG);
            context.check(
                    Cuda.cuMemHostGetDevicePointer_v2(pointer, MemorySegment.ofAddress(address), 0),
                    "cuMemHostGetDevicePointer");
            return pointer.get(ValueLayout.JAVA_LONG, 0);
        }
    }

    /** Pins memory that its owner already has: the pages that it lies on, which must not be pinned twice. */
    PinnedMemory pin(MemorySegment memory) {
        if (!memory.isNative()) {
            throw new IllegalArgumentException(
                    "memory of the Java heap can't be pinned, as it may be moved; allocate it in an Arena");
        }
        if (memory.byteSize() == 0) {
            return () -> {};
        }
        if (memory.isReadOnly() && !context.gpu().pinsReadOnly()) {
            throw new IllegalArgumentException(context.name()
                    + " can't pin memory that is mapped read-only; copy it, or let Darien read the file");
        }
        context.current();
        long first = memory.address() / PAGE * PAGE;
        long last = (memory.address() + memory.byteSize() + PAGE - 1) / PAGE * PAGE;
        int flags = Cuda.CU_MEMHOSTREGISTER_DEVICEMAP() | Cuda.CU_MEMHOSTREGISTER_PORTABLE();
        int readOnly = memory.isReadOnly() ? Cuda.CU_MEMHOSTREGISTER_READ_ONLY() : 0;
        MemorySegment pages = MemorySegment.ofAddress(first);
        int result = Cuda.cuMemHostRegister_v2(pages, last - first, flags | readOnly);
        if (result == Cuda.CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED()) {
            throw new IllegalArgumentException(
                    "some of this memory's pages are pinned already; pin the whole of an arena's memory once");
        }
        if (result != CudaStatus.SUCCESS) {
            throw context.failure(result, "cuMemHostRegister", (last - first) + " bytes");
        }
        try {
            regions.put(first, new Region(last - first, devicePointer(first), true));
        } catch (RuntimeException | Error e) {
            Cuda.cuMemHostUnregister(pages);
            throw e;
        }
        AtomicBoolean closed = new AtomicBoolean();
        return () -> {
            if (closed.compareAndSet(false, true)) {
                context.turn().whenFree(() -> unpin(first, pages));
            }
        };
    }

    private void unpin(long first, MemorySegment pages) {
        context.quiesce();
        remove(first);
        if (context.tryCurrent()) {
            Cuda.cuMemHostUnregister(pages);
        }
    }
}
