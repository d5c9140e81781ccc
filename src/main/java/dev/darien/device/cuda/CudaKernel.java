// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A kernel and the block of arguments that its launches reuse. Arguments are given in order and checked against the
 * sizes that the PTX declares, so that a call that doesn't match its kernel fails here, on every machine:
 *
 * <pre>{@code kernel.pointer(x).number(rows).number(0.5f).launch(rows, 1, 256);}</pre>
 *
 * A structure passed by value is given field by field.
 */
final class CudaKernel {
    private static final int DEFAULT_SHARED = 48 * 1024;

    private final CudaContext context;
    private final String name;
    private final MemorySegment function;
    private final long[] ends;
    private final MemorySegment values;
    private final MemorySegment pointers;
    private long at;
    private int parameter;
    private int sharedLimit = DEFAULT_SHARED;

    CudaKernel(CudaContext context, Arena arena, String name, MemorySegment function, int[] sizes) {
        this.context = context;
        this.name = name;
        this.function = function;
        this.ends = new long[sizes.length];
        // Each begins at a multiple of 8, more than any asks for.
        long total = 0;
        long[] starts = new long[sizes.length];
        for (int i = 0; i < sizes.length; i++) {
            starts[i] = total;
            ends[i] = total + sizes[i];
            total = (ends[i] + 7) / 8 * 8;
        }
        this.values = arena.allocate(Math.max(8, total), 16);
        this.pointers = arena.allocate(ValueLayout.ADDRESS, Math.max(1, sizes.length));
        for (int i = 0; i < sizes.length; i++) {
            pointers.setAtIndex(ValueLayout.ADDRESS, i, values.asSlice(starts[i]));
        }
    }

    String name() {
        return name;
    }

    /** An address in the device's memory; 0 for none. */
    CudaKernel pointer(long address) {
        return number(address);
    }

    CudaKernel number(long value) {
        values.set(ValueLayout.JAVA_LONG, next(Long.BYTES), value);
        return this;
    }

    CudaKernel number(int value) {
        values.set(ValueLayout.JAVA_INT, next(Integer.BYTES), value);
        return this;
    }

    CudaKernel number(float value) {
        values.set(ValueLayout.JAVA_FLOAT, next(Float.BYTES), value);
        return this;
    }

    CudaKernel number(double value) {
        values.set(ValueLayout.JAVA_DOUBLE, next(Double.BYTES), value);
        return this;
    }

    CudaKernel flag(boolean value) {
        return number(value ? 1 : 0);
    }

    private long next(int bytes) {
        if (parameter == ends.length || at % bytes != 0 || at + bytes > ends[parameter]) {
            throw mismatch("argument of " + bytes + " bytes too many, or of the wrong size, at parameter " + parameter);
        }
        long here = at;
        at += bytes;
        if (at == ends[parameter]) {
            parameter++;
            at = (at + 7) / 8 * 8;
        }
        return here;
    }

    private IllegalStateException mismatch(String what) {
        at = 0;
        parameter = 0;
        return new IllegalStateException("the kernel " + name + " was given an " + what);
    }

    /** Enqueues the kernel on the compute stream, with a grid of gridX × gridY blocks; nothing for an empty grid. */
    void launch(long gridX, long gridY, int threads) {
        launch(gridX, gridY, threads, 0);
    }

    /** As above, with {@code shared} bytes of dynamic shared memory for each block. */
    void launch(long gridX, long gridY, int threads, long shared) {
        if (parameter != ends.length) {
            throw mismatch("argument too few: " + parameter + " of " + ends.length);
        }
        at = 0;
        parameter = 0;
        if (gridX == 0 || gridY == 0) {
            return;
        }
        context.current();
        if (shared > sharedLimit) {
            raiseSharedLimit(shared);
        }
        int result = Cuda.cuLaunchKernel(
                function,
                Math.toIntExact(gridX),
                Math.toIntExact(gridY),
                1,
                threads,
                1,
                1,
                (int) shared,
                context.compute(),
                pointers,
                MemorySegment.NULL);
        if (result != CudaStatus.SUCCESS) {
            throw context.failure(
                    result,
                    "cuLaunchKernel of " + name,
                    "grid " + gridX + " x " + gridY + ", " + threads + " threads, " + shared + " bytes shared");
        }
    }

    private void raiseSharedLimit(long shared) {
        if (shared > context.gpu().sharedMemory()) {
            throw new IllegalArgumentException(
                    "rows of " + shared / Float.BYTES + " numbers are too wide for " + context.name()
                            + ", whose blocks can hold " + context.gpu().sharedMemory() / Float.BYTES);
        }
        int result =
                Cuda.cuFuncSetAttribute(function, Cuda.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES(), (int) shared);
        if (result != CudaStatus.SUCCESS) {
            throw context.failure(result, "cuFuncSetAttribute of " + name, shared + " bytes shared");
        }
        sharedLimit = (int) shared;
    }
}
