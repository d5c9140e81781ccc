// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.cuda.Cuda;
import dev.darien.device.Peaks;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;

/** What a GPU reaches at best: a large product by cuBLAS at the precision it was opened for, and a large copy. */
final class CudaPeaks {
    private static final int SIZE = 4096;
    private static final int STAND_IN_SIZE = 128;
    private static final int ROUNDS = 10;
    private static final long COPIED_BYTES = 1L << 28;

    private CudaPeaks() {}

    static Peaks measure(CudaContext context, CudaBlas blas, Allocator memory) {
        boolean real = !context.gpu().isStandIn();
        int size = real ? SIZE : STAND_IN_SIZE;
        long bytes = real ? COPIED_BYTES : 1 << 20;
        int columns = 1024;
        try (Matrix a = memory.matrix("operand", size, size);
                Matrix b = memory.matrix("operand", size, size);
                Matrix out = memory.matrix("product", size, size);
                Matrix from = memory.matrix("copied", DType.F32, bytes / columns / Float.BYTES, columns);
                Matrix to = memory.matrix("copy", DType.F32, bytes / columns / Float.BYTES, columns)) {
            CudaBlas.Operand left = new CudaBlas.Operand(a.address(), a.stride(), false);
            CudaBlas.Operand right = new CudaBlas.Operand(b.address(), b.stride(), true);
            CudaBlas.Result result = new CudaBlas.Result(out.address(), out.stride(), size, size);
            double product = fastest(context, () -> blas.multiply(left, right, false, result, size, false));
            double copy = fastest(
                    context,
                    () -> context.check(
                            Cuda.cuMemcpyDtoDAsync_v2(to.address(), from.address(), bytes, context.compute()),
                            "cuMemcpyDtoDAsync"));
            return new Peaks(2.0 * size * size * size / product / 1e9, 2.0 * bytes / copy / 1e9);
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
