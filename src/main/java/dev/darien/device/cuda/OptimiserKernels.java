// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.AdamStep;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/** Launches of the kernels in optimiser.cu. */
final class OptimiserKernels implements AutoCloseable {
    private final CudaModules modules;
    private final Pointers pointers;
    private final Scratch norms;

    OptimiserKernels(CudaModules modules, Pointers pointers, Allocator memory) {
        this.modules = modules;
        this.pointers = pointers;
        this.norms = new Scratch(memory, "squared norms of rows");
    }

    void squaredNorm(
            Matrix x, @Nullable Matrix touched, @Nullable Matrix orthogonalTo, boolean accumulate, Matrix sum) {
        modules.kernel("squared_norm_rows")
                .pointer(pointers.of(x))
                .number(x.stride())
                .number(x.columns())
                .pointer(pointers.ofNullable(touched))
                .pointer(pointers.ofNullable(orthogonalTo))
                .number(orthogonalTo == null ? 0L : orthogonalTo.stride())
                .pointer(norms.doubles(x.rows()))
                .launch(x.rows(), 1, Grid.threads(x.columns()));
        modules.kernel("squared_norm")
                .pointer(norms.bytes(0))
                .number(x.intRows())
                .flag(accumulate)
                .pointer(pointers.of(sum))
                .launch(1, 1, Grid.ONE_BLOCK);
    }

    void clipScale(Matrix squaredNorm, float maximum, Matrix scale) {
        modules.kernel("clip_scale")
                .pointer(pointers.of(squaredNorm))
                .number((double) maximum)
                .pointer(pointers.of(scale))
                .launch(1, 1, 1);
    }

    void adam(
            AdamStep step,
            Matrix weights,
            Matrix gradient,
            Matrix firstMoment,
            Matrix secondMoment,
            @Nullable Matrix touched,
            @Nullable Matrix gradientScale,
            boolean unitRows) {
        int columns = weights.columns();
        CudaKernel kernel = pass(modules.kernel(unitRows ? "adam_unit_rows" : "adam_elements"), step);
        for (Matrix matrix : new Matrix[] {weights, gradient, firstMoment, secondMoment}) {
            kernel.pointer(pointers.of(matrix)).number(matrix.stride());
        }
        kernel.number(columns).pointer(pointers.ofNullable(touched)).pointer(pointers.ofNullable(gradientScale));
        if (unitRows) {
            kernel.launch(weights.rows(), 1, Grid.threads(columns), (long) columns * Float.BYTES);
        } else {
            kernel.launch(weights.rows(), Grid.columnBlocks(columns), Grid.threads(columns));
        }
    }

    /** The structure AdamStep of rows.cuh. */
    static CudaKernel pass(CudaKernel kernel, AdamStep step) {
        return kernel.number(step.learningRate())
                .number(step.beta1())
                .number(step.beta2())
                .number(step.epsilon())
                .number(step.correction1())
                .number(step.correction2());
    }

    @Override
    public void close() {
        norms.close();
    }
}
