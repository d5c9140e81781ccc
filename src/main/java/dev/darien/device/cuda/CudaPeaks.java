// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.cuda.Cuda;
import dev.darien.device.Peaks;
import dev.darien.device.Precision;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Storage;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;

/** What a GPU reaches at best: a large product by cuBLAS at the precision it was opened for, and a large copy. */
final class CudaPeaks {
    private static final int SIZE = 4096;
    private static final int STAND_IN_SIZE = 128;
    private static final int ROUNDS = 10;
    private static final long COPIED_BYTES = 1L << 28;
    private static final long STAND_IN_BYTES = 1L << 20;
    private static final int COLUMNS = 1024;

    private CudaPeaks() {}

    static Peaks measure(CudaContext context, CudaBlas blas, CudaTransfers transfers, Allocator memory) {
        boolean real = !context.gpu().isStandIn();
        int size = real ? SIZE : STAND_IN_SIZE;
        long bytes = real ? COPIED_BYTES : STAND_IN_BYTES;
        boolean bf16 = blas.precision() == Precision.BF16;
        DType operands = bf16 ? DType.BF16 : DType.F32;
        try (Matrix a = memory.matrix("operand", operands, size, size);
                Matrix b = memory.matrix("operand", operands, size, size);
                Matrix out = memory.matrix("product", size, size);
                Matrix from = memory.matrix("copied", DType.F32, bytes / Float.BYTES / COLUMNS, COLUMNS);
                Matrix to = memory.matrix("copy", DType.F32, bytes / Float.BYTES / COLUMNS, COLUMNS)) {
            fill(a, transfers);
            fill(b, transfers);
            CudaBlas.Operand left = new CudaBlas.Operand(a.address(), a.stride(), false);
            CudaBlas.Operand right = new CudaBlas.Operand(b.address(), b.stride(), true);
            CudaBlas.Result result = new CudaBlas.Result(out.address(), out.stride(), size, size);
            double product = fastest(context, () -> blas.multiply(left, right, bf16, result, size, false));
            double copy = fastest(
                    context,
                    () -> context.check(
                            Cuda.cuMemcpyDtoDAsync_v2(to.address(), from.address(), bytes, context.compute()),
                            "cuMemcpyDtoDAsync"));
            return new Peaks(2.0 * size * size * size / product / 1e9, 2.0 * bytes / copy / 1e9);
        }
    }

    /** A GPU multiplies zeros faster than numbers: it draws less power, and its clock stays up. */
    private static void fill(Matrix matrix, CudaTransfers transfers) {
        try (Arena arena = Arena.ofConfined()) {
            long bytes = matrix.rows() * matrix.columns() * matrix.dtype().bytes();
            Matrix host = Matrix.of(
                    arena.allocate(bytes, Storage.ALIGNMENT), matrix.dtype(), matrix.rows(), matrix.columns());
            SplittableRandom random = new SplittableRandom(1);
            for (long row = 0; row < host.rows(); row++) {
                for (int column = 0; column < host.columns(); column++) {
                    host.set(row, column, (float) random.nextDouble(-1, 1));
                }
            }
            transfers.upload(host, matrix);
        }
    }

    /** Seconds of the fastest of some rounds. */
    private static double fastest(CudaContext context, Runnable work) {
        work.run();
        context.synchronize();
        double best = Double.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            long started = System.nanoTime();
            work.run();
            context.synchronize();
            best = Math.min(best, (System.nanoTime() - started) / 1e9);
        }
        return best;
    }
}
