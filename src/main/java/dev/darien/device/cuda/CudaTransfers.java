// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.cuda.CUDA_MEMCPY2D_v2;
import dev.darien.bindings.cuda.Cuda;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Copies between host and device that the host waits for, in the order of the compute stream. */
final class CudaTransfers {
    private static final long BLOCK_BYTES = 16 << 20;

    private final CudaContext context;
    private final Pointers pointers;

    CudaTransfers(CudaContext context, Pointers pointers) {
        this.context = context;
        this.pointers = pointers;
    }

    /** Copies a host matrix to {@code device}, which may be another host matrix of pinned memory. */
    void upload(Matrix host, Matrix device) {
        requireSame(host, device);
        if (device.isHost()) {
            context.synchronize();
            device.copyFrom(host);
            return;
        }
        upload(host, pointers.of(device), device.stride());
    }

    /** Copies a host matrix to an address, with {@code stride} elements from row to row. */
    void upload(Matrix host, long device, long stride) {
        copy(host, device, stride, true);
    }

    void download(Matrix device, Matrix host) {
        requireSame(device, host);
        if (device.isHost()) {
            context.synchronize();
            host.copyFrom(device);
            return;
        }
        copy(host, pointers.of(device), device.stride(), false);
    }

    private static void requireSame(Matrix from, Matrix to) {
        if (from.rows() != to.rows() || from.columns() != to.columns() || from.dtype() != to.dtype()) {
            throw new IllegalArgumentException("can't copy " + from.shape() + " into " + to.shape());
        }
    }

    private void copy(Matrix host, long device, long stride, boolean toDevice) {
        if (host.rows() == 0 || host.columns() == 0) {
            return;
        }
        if (!host.isHost()) {
            throw new IllegalArgumentException("a matrix " + host.shape() + " is not in the host's memory");
        }
        boolean together = host.rows() == 1 || (host.stride() == host.columns() && stride == host.columns());
        if (!host.segment().isNative() || (!together && !pointers.reaches(host))) {
            copyThroughNative(host, device, stride, toDevice);
            return;
        }
        copyNative(host, device, stride, toDevice, together);
    }

    private void copyNative(Matrix host, long device, long stride, boolean toDevice, boolean together) {
        context.current();
        long width = (long) host.columns() * host.dtype().bytes();
        // The segment itself, not its address: nobody can close its arena until the call returns, and then memory that
        // isn't pinned has been read or written. Pinned memory is given back when it is another thread's turn.
        MemorySegment address = host.segment();
        int result;
        if (together) {
            long bytes = width * host.rows();
            result = toDevice
                    ? Cuda.cuMemcpyHtoDAsync_v2(device, address, bytes, context.compute())
                    : Cuda.cuMemcpyDtoHAsync_v2(address, device, bytes, context.compute());
        } else {
            result = copyRows(host, address, device, stride, width, toDevice);
        }
        if (result != CudaStatus.SUCCESS) {
            throw context.failure(result, toDevice ? "cuMemcpyHtoDAsync" : "cuMemcpyDtoHAsync", host.shape());
        }
        await();
    }

    /** Waits for the compute stream. */
    void await() {
        context.current();
        context.check(Cuda.cuStreamSynchronize(context.compute()), "cuStreamSynchronize");
    }

    private int copyRows(Matrix host, MemorySegment address, long device, long stride, long width, boolean toDevice) {
        int bytes = host.dtype().bytes();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment copy = CUDA_MEMCPY2D_v2.allocate(arena);
            if (toDevice) {
                CUDA_MEMCPY2D_v2.srcMemoryType(copy, Cuda.CU_MEMORYTYPE_HOST());
                CUDA_MEMCPY2D_v2.srcHost(copy, address);
                CUDA_MEMCPY2D_v2.srcPitch(copy, host.stride() * bytes);
                CUDA_MEMCPY2D_v2.dstMemoryType(copy, Cuda.CU_MEMORYTYPE_DEVICE());
                CUDA_MEMCPY2D_v2.dstDevice(copy, device);
                CUDA_MEMCPY2D_v2.dstPitch(copy, stride * bytes);
            } else {
                CUDA_MEMCPY2D_v2.srcMemoryType(copy, Cuda.CU_MEMORYTYPE_DEVICE());
                CUDA_MEMCPY2D_v2.srcDevice(copy, device);
                CUDA_MEMCPY2D_v2.srcPitch(copy, stride * bytes);
                CUDA_MEMCPY2D_v2.dstMemoryType(copy, Cuda.CU_MEMORYTYPE_HOST());
                CUDA_MEMCPY2D_v2.dstHost(copy, address);
                CUDA_MEMCPY2D_v2.dstPitch(copy, host.stride() * bytes);
            }
            CUDA_MEMCPY2D_v2.WidthInBytes(copy, width);
            CUDA_MEMCPY2D_v2.Height(copy, host.rows());
            return Cuda.cuMemcpy2DAsync_v2(copy, context.compute());
        }
    }

    /** In blocks of rows, by way of memory that lies as the driver needs it and belongs to this thread. */
    private void copyThroughNative(Matrix host, long device, long stride, boolean toDevice) {
        long rowBytes = (long) host.columns() * host.dtype().bytes();
        long most = Math.clamp(BLOCK_BYTES / rowBytes, 1, host.rows());
        try (Arena arena = Arena.ofConfined()) {
            Matrix block = Matrix.of(arena.allocate(most * rowBytes, 64), host.dtype(), most, host.columns());
            for (long first = 0; first < host.rows(); first += most) {
                long count = Math.min(most, host.rows() - first);
                long address = device + first * stride * host.dtype().bytes();
                Matrix between = block.slice(0, count);
                if (toDevice) {
                    between.copyFrom(host.slice(first, count));
                    copyNative(between, address, stride, true, stride == host.columns());
                } else {
                    copyNative(between, address, stride, false, stride == host.columns());
                    host.slice(first, count).copyFrom(between);
                }
            }
        }
    }

    /** The first row whose entries end beyond the codes' capacity, -1 if none does. Waits for the codes. */
    int firstRowBeyond(SparseCodes codes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment last = arena.allocate(ValueLayout.JAVA_LONG);
            int rows = codes.rows();
            Matrix offsets = codes.offsets();
            copy(Matrix.of(last, offsets.dtype(), 1, 1), pointers.of(offsets) + (long) rows * Long.BYTES, 1, false);
            if (last.get(ValueLayout.JAVA_LONG, 0) <= codes.capacity()) {
                return -1;
            }
            Matrix all = Matrix.of(arena.allocate(ValueLayout.JAVA_LONG, rows + 1L), offsets.dtype(), 1, rows + 1);
            download(offsets, all);
            int row = 0;
            while (all.getLong(0, row + 1) <= codes.capacity()) {
                row++;
            }
            return row;
        }
    }
}
