// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.cuda.Cuda;
import dev.darien.device.DeviceException;
import dev.darien.memory.Turn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The primary context of a GPU, shared with whatever else in the process uses it (cuBLAS does), and two streams: one on
 * which everything is computed, in the order of the calls, and one for copies that go on meanwhile.
 *
 * <p>The driver's current context belongs to a thread, and nobody knows which thread the next call is on: {@link
 * #current()} comes before each.
 */
final class CudaContext implements AutoCloseable {
    private final String name;
    private final Gpu gpu;
    private final Turn turn;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment handle;
    private final MemorySegment compute;
    private final MemorySegment copies;
    private volatile boolean lost;
    private boolean closed;

    CudaContext(Gpu gpu) {
        this.name = gpu.name();
        this.gpu = gpu;
        this.turn = new Turn("the device " + name);
        MemorySegment pointer = arena.allocate(ValueLayout.ADDRESS);
        check(Cuda.cuDevicePrimaryCtxRetain(pointer, gpu.handle()), "cuDevicePrimaryCtxRetain");
        handle = pointer.get(ValueLayout.ADDRESS, 0);
        try {
            current();
            compute = stream(pointer);
            copies = stream(pointer);
            keepPool(pointer);
        } catch (RuntimeException | Error e) {
            Cuda.cuDevicePrimaryCtxRelease_v2(gpu.handle());
            arena.close();
            throw e;
        }
    }

    private MemorySegment stream(MemorySegment pointer) {
        check(Cuda.cuStreamCreate(pointer, Cuda.CU_STREAM_NON_BLOCKING()), "cuStreamCreate");
        return pointer.get(ValueLayout.ADDRESS, 0);
    }

    /** Freed memory stays with the driver's pool: by default each synchronisation would give it back to the system. */
    private void keepPool(MemorySegment pointer) {
        if (!gpu.hasMemoryPools()) {
            return;
        }
        check(Cuda.cuDeviceGetDefaultMemPool(pointer, gpu.handle()), "cuDeviceGetDefaultMemPool");
        MemorySegment threshold = arena.allocateFrom(ValueLayout.JAVA_LONG, -1L);
        check(
                Cuda.cuMemPoolSetAttribute(
                        pointer.get(ValueLayout.ADDRESS, 0), Cuda.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD(), threshold),
                "cuMemPoolSetAttribute");
    }

    /** {@code cuda:0}. */
    String name() {
        return name;
    }

    Gpu gpu() {
        return gpu;
    }

    /** Whose turn it is: the driver must not be given what another thread gives back meanwhile. */
    Turn turn() {
        return turn;
    }

    /** The stream of all kernels. */
    MemorySegment compute() {
        return compute;
    }

    /** The stream of copies that overlap with kernels. */
    MemorySegment copies() {
        return copies;
    }

    /**
     * Makes this the calling thread's context.
     *
     * @throws IllegalStateException if the device is closed
     */
    void current() {
        if (closed) {
            throw new IllegalStateException("the device " + name + " is closed");
        }
        check(Cuda.cuCtxSetCurrent(handle), "cuCtxSetCurrent");
    }

    /** As {@link #current()}, where there may be nothing left to do: false if the device is closed or lost. */
    boolean tryCurrent() {
        return !closed && !lost && Cuda.cuCtxSetCurrent(handle) == CudaStatus.SUCCESS;
    }

    /** Fails unless {@code result} is success. */
    void check(int result, String call) {
        if (result != CudaStatus.SUCCESS) {
            throw failure(result, call, "");
        }
    }

    /** What to throw for a result that isn't success. */
    DeviceException failure(int result, String call, String shapes) {
        boolean gone = CudaStatus.lost(result);
        lost |= gone;
        return new DeviceException(name, call, CudaStatus.describe(result), shapes, gone);
    }

    /** What to throw when a library on top of the driver has failed. */
    DeviceException failed(String call, String error, String shapes) {
        return new DeviceException(name, call, error, shapes, lost);
    }

    /** Waits for both streams; what an earlier call failed at shows here. */
    void synchronize() {
        current();
        check(Cuda.cuStreamSynchronize(copies), "cuStreamSynchronize of copies");
        check(Cuda.cuStreamSynchronize(compute), "cuStreamSynchronize");
    }

    /** Waits without failing, before memory is given back; a device that is lost has nothing left to wait for. */
    void quiesce() {
        if (tryCurrent()) {
            noteLoss(Cuda.cuStreamSynchronize(copies));
            noteLoss(Cuda.cuStreamSynchronize(compute));
        }
    }

    private void noteLoss(int result) {
        lost |= CudaStatus.lost(result);
    }

    /** Bytes of device memory that are free, and in all: {free, total}. */
    long[] memory() {
        current();
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment free = confined.allocate(ValueLayout.JAVA_LONG);
            MemorySegment total = confined.allocate(ValueLayout.JAVA_LONG);
            check(Cuda.cuMemGetInfo_v2(free, total), "cuMemGetInfo");
            return new long[] {free.get(ValueLayout.JAVA_LONG, 0), total.get(ValueLayout.JAVA_LONG, 0)};
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        quiesce();
        if (tryCurrent()) {
            Cuda.cuStreamDestroy_v2(copies);
            Cuda.cuStreamDestroy_v2(compute);
        }
        closed = true;
        Cuda.cuDevicePrimaryCtxRelease_v2(gpu.handle());
        arena.close();
    }
}
