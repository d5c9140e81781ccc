// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Darien's kernels on a GPU, by name. The shipped PTX is compiled by the driver; a driver that doesn't know its version
 * is given what NVRTC makes of the shipped sources, if NVRTC is there.
 */
final class CudaModules implements AutoCloseable {
    private static final int LOG_BYTES = 8192;

    private final CudaContext context;
    private final Arena arena = Arena.ofShared();
    private final List<MemorySegment> modules = new ArrayList<>();
    private final Map<String, CudaKernel> kernels = new HashMap<>();
    private boolean compiled;

    CudaModules(CudaContext context) {
        this.context = context;
        try {
            Ptx.FILES.forEach(this::load);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private void load(String file) {
        String ptx = compiled ? RuntimeCompiler.compile(file, context.gpu()) : Ptx.resource(file + ".ptx");
        context.current();
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment pointer = confined.allocate(ValueLayout.ADDRESS);
            MemorySegment log = confined.allocate(LOG_BYTES);
            int result = load(ptx, pointer, log, confined);
            boolean tooNew =
                    result == Cuda.CUDA_ERROR_UNSUPPORTED_PTX_VERSION() || result == Cuda.CUDA_ERROR_INVALID_PTX();
            if (tooNew && !compiled) {
                compiled = true;
                load(file);
                return;
            }
            if (result != CudaStatus.SUCCESS) {
                String said = log.getString(0).strip();
                throw context.failure(result, "cuModuleLoadDataEx of " + file, said);
            }
            MemorySegment module = pointer.get(ValueLayout.ADDRESS, 0);
            modules.add(module);
            Ptx.entries(ptx).forEach((name, sizes) -> kernels.put(name, kernel(module, name, sizes)));
        }
    }

    private static int load(String ptx, MemorySegment pointer, MemorySegment log, Arena confined) {
        MemorySegment options = confined.allocateFrom(
                ValueLayout.JAVA_INT, Cuda.CU_JIT_ERROR_LOG_BUFFER(), Cuda.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES());
        MemorySegment values = confined.allocate(ValueLayout.ADDRESS, 2);
        values.setAtIndex(ValueLayout.ADDRESS, 0, log);
        values.setAtIndex(ValueLayout.ADDRESS, 1, MemorySegment.ofAddress(LOG_BYTES));
        return Cuda.cuModuleLoadDataEx(pointer, confined.allocateFrom(ptx), 2, options, values);
    }

    private CudaKernel kernel(MemorySegment module, String name, int[] sizes) {
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment pointer = confined.allocate(ValueLayout.ADDRESS);
            context.check(
                    Cuda.cuModuleGetFunction(pointer, module, confined.allocateFrom(name)),
                    "cuModuleGetFunction of " + name);
            return new CudaKernel(context, arena, name, pointer.get(ValueLayout.ADDRESS, 0), sizes);
        }
    }

    /** Whether the kernels were compiled here, because the driver is older than the shipped PTX. */
    boolean compiledHere() {
        return compiled;
    }

    CudaKernel kernel(String name) {
        CudaKernel kernel = kernels.get(name);
        if (kernel == null) {
            throw new IllegalArgumentException("there is no kernel " + name);
        }
        return kernel;
    }

    /** The device must have nothing left to do. */
    @Override
    public void close() {
        if (context.tryCurrent()) {
            modules.forEach(Cuda::cuModuleUnload);
        }
        modules.clear();
        kernels.clear();
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
