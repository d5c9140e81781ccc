// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.cublas.Cublas;
import dev.darien.device.Precision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * cuBLAS on the compute stream. Its matrices are column-major: a row-major product {@code out = A·B} is its {@code
 * outᵀ = Bᵀ·Aᵀ} on the same bytes. One stream and its own workspace make it give the same bits each time.
 */
final class CudaBlas implements AutoCloseable {
    private static final int SUCCESS = 0;

    private final CudaContext context;
    private final Precision precision;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment handle;
    private final MemorySegment one = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1f);
    private final MemorySegment zero = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 0f);
    private boolean closed;

    CudaBlas(CudaContext context, Precision precision) {
        this.context = context;
        this.precision = precision;
        context.current();
        MemorySegment pointer = arena.allocate(ValueLayout.ADDRESS);
        try {
            check(Cublas.cublasCreate_v2(pointer), "cublasCreate");
            handle = pointer.get(ValueLayout.ADDRESS, 0);
            check(Cublas.cublasSetStream_v2(handle, context.compute()), "cublasSetStream");
            int mode = precision == Precision.TF32 ? Cublas.CUBLAS_TF32_TENSOR_OP_MATH() : Cublas.CUBLAS_DEFAULT_MATH();
            check(Cublas.cublasSetMathMode(handle, mode), "cublasSetMathMode");
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /** {@code 13.1.0}, of the library that is loaded. */
    String version() {
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment number = confined.allocate(ValueLayout.JAVA_INT);
            check(Cublas.cublasGetVersion_v2(handle, number), "cublasGetVersion");
            int version = number.get(ValueLayout.JAVA_INT, 0);
            // 130100 since 12, 11111 before.
            int scale = version >= 100_000 ? 10_000 : 1_000;
            return version / scale + "." + version % scale / 100 + "." + version % 100;
        }
    }

    Precision precision() {
        return precision;
    }

    /** A row-major matrix as cuBLAS sees it: address, elements from row to row, and whether it stands for its transpose. */
    record Operand(long address, long stride, boolean transposed) {}

    /** Where a row-major product [rows, columns] goes. */
    record Result(long address, long stride, int rows, int columns) {}

    /**
     * {@code out = A·B}, or {@code out += A·B}.
     *
     * @param bf16 whether both operands are of bfloat16, else of F32; the result is F32, and summed in it
     * @param inner columns of A, rows of B
     */
    void multiply(Operand a, Operand b, boolean bf16, Result out, int inner, boolean accumulate) {
        context.current();
        int type = bf16 ? Cublas.CUDA_R_16BF() : Cublas.CUDA_R_32F();
        int status = Cublas.cublasGemmEx(
                handle,
                operation(b),
                operation(a),
                out.columns(),
                out.rows(),
                inner,
                one,
                MemorySegment.ofAddress(b.address()),
                type,
                leading(b),
                MemorySegment.ofAddress(a.address()),
                type,
                leading(a),
                accumulate ? one : zero,
                MemorySegment.ofAddress(out.address()),
                Cublas.CUDA_R_32F(),
                Math.toIntExact(out.stride()),
                precision == Precision.TF32 ? Cublas.CUBLAS_COMPUTE_32F_FAST_TF32() : Cublas.CUBLAS_COMPUTE_32F(),
                Cublas.CUBLAS_GEMM_DEFAULT());
        if (status != SUCCESS) {
            String shapes = "[%d, %d] x [%d, %d]".formatted(out.rows(), inner, inner, out.columns());
            throw context.failed("cublasGemmEx", name(status), shapes);
        }
    }

    private static int operation(Operand operand) {
        return operand.transposed() ? Cublas.CUBLAS_OP_T() : Cublas.CUBLAS_OP_N();
    }

    private static int leading(Operand operand) {
        return Math.toIntExact(operand.stride());
    }

    private void check(int status, String call) {
        if (status != SUCCESS) {
            throw context.failed(call, name(status), "");
        }
    }

    private static String name(int status) {
        MemorySegment text = Cublas.cublasGetStatusName(status);
        return text.address() == 0 ? "status " + status : text.getString(0);
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (context.tryCurrent()) {
            Cublas.cublasDestroy_v2(handle);
        }
        arena.close();
    }
}
