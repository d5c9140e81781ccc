// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/** Launches of the kernels in sparse.cu and loss.cu: decoding, losses, statistics, and what is tracked of latents. */
final class SparseKernels implements AutoCloseable {
    /** Latents that one block lists. */
    private static final int PART = 4096;

    private final CudaModules modules;
    private final Pointers pointers;
    private final DenseKernels dense;
    private final Scratch partial;
    private final Scratch means;
    private final Scratch rows;

    SparseKernels(CudaModules modules, Pointers pointers, DenseKernels dense, Allocator memory) {
        this.modules = modules;
        this.pointers = pointers;
        this.dense = dense;
        this.partial = new Scratch(memory, "partial sums of entries");
        this.means = new Scratch(memory, "column means");
        this.rows = new Scratch(memory, "sums of rows");
    }

    /** {@code dense} is the address of a flag; where it is set the kernel leaves the work to others. */
    void decode(long dense, SparseCodes codes, Matrix wDec, @Nullable Matrix bias, Matrix out) {
        rowKernel("decode", dense, codes, wDec, bias)
                .pointer(pointers.of(out))
                .number(out.stride())
                .launch(codes.rows(), 1, rowThreads(wDec), rowBytes(wDec));
    }

    void reconstruct(
            long dense,
            SparseCodes codes,
            Matrix wDec,
            @Nullable Matrix bias,
            Matrix target,
            float targetSign,
            Matrix residual,
            Matrix rowErrors,
            Matrix codeGradients) {
        rowKernel("reconstruct", dense, codes, wDec, bias)
                .pointer(pointers.of(target))
                .number(target.stride())
                .number(targetSign)
                .pointer(pointers.of(residual))
                .number(residual.stride())
                .pointer(pointers.of(rowErrors))
                .pointer(pointers.of(codeGradients))
                .launch(codes.rows(), 1, rowThreads(wDec), rowBytes(wDec));
    }

    /** A kernel with a block for each row of codes, which goes through rows of the decoder. */
    private CudaKernel rowKernel(String name, long dense, SparseCodes codes, Matrix wDec, @Nullable Matrix bias) {
        return modules.kernel(name + (Grid.byFour(wDec, pointers.of(wDec)) ? "_v4" : "_v1"))
                .pointer(dense)
                .pointer(pointers.of(codes.offsets()))
                .pointer(pointers.of(codes.indices()))
                .pointer(pointers.of(codes.values()))
                .pointer(pointers.of(wDec))
                .number(wDec.stride())
                .number(wDec.columns())
                .pointer(pointers.ofNullable(bias));
    }

    private int rowThreads(Matrix wDec) {
        return Grid.threads(Grid.byFour(wDec, pointers.of(wDec)) ? wDec.columns() / 4 : wDec.columns());
    }

    private static long rowBytes(Matrix wDec) {
        return (long) wDec.columns() * Float.BYTES;
    }

    void addL1(SparseCodes codes, @Nullable Matrix norms, float coefficient, Matrix codeGradients, Matrix penalty) {
        long blocks = Grid.loopBlocks(codes.capacity());
        entryKernel("add_l1_partial", codes)
                .pointer(pointers.of(codes.indices()))
                .pointer(pointers.of(codes.values()))
                .pointer(pointers.ofNullable(norms))
                .number(coefficient)
                .pointer(pointers.of(codeGradients))
                .pointer(partial.doubles(blocks))
                .launch(blocks, 1, Grid.THREADS);
        modules.kernel("add_l1")
                .pointer(partial.bytes(0))
                .number((int) blocks)
                .number((double) coefficient)
                .pointer(pointers.of(penalty))
                .launch(1, 1, Grid.ONE_BLOCK);
    }

    /** A kernel that loops over as many entries as the codes' last offset says. */
    private CudaKernel entryKernel(String name, SparseCodes codes) {
        return modules.kernel(name).pointer(lastOffset(codes)).number((long) codes.capacity());
    }

    private long lastOffset(SparseCodes codes) {
        return pointers.of(codes.offsets()) + (long) codes.rows() * Long.BYTES;
    }

    void auxiliaryScale(Matrix residual, Matrix auxErrors, float coefficient, Matrix scale, Matrix loss) {
        int count = residual.intRows();
        int columns = residual.columns();
        int segments = dense.partialColumnSums(null, residual, partial);
        modules.kernel("auxiliary_scale_means")
                .pointer(partial.bytes(0))
                .number(segments)
                .number(columns)
                .number((double) count)
                .pointer(means.doubles(columns))
                .launch(Grid.blocks(columns, Grid.THREADS), 1, Grid.THREADS);
        long distances = rows.doubles(2L * count);
        long squares = distances + (long) count * Double.BYTES;
        modules.kernel("auxiliary_scale_rows")
                .pointer(pointers.of(residual))
                .number(residual.stride())
                .number(columns)
                .pointer(means.bytes(0))
                .pointer(distances)
                .pointer(squares)
                .launch(count, 1, Grid.threads(columns));
        modules.kernel("auxiliary_scale")
                .pointer(distances)
                .pointer(squares)
                .pointer(pointers.of(auxErrors))
                .number(count)
                .number((double) coefficient)
                .pointer(pointers.of(scale))
                .pointer(pointers.of(loss))
                .launch(1, 1, Grid.ONE_BLOCK);
    }

    void markFired(SparseCodes codes, int step, Matrix lastFired) {
        entryKernel("mark_fired", codes)
                .pointer(pointers.of(codes.indices()))
                .pointer(pointers.of(codes.values()))
                .number(step)
                .pointer(pointers.of(lastFired))
                .launch(Grid.loopBlocks(codes.capacity()), 1, Grid.THREADS);
    }

    void listDead(Matrix lastFired, int horizon, Matrix latents, Matrix count) {
        int all = lastFired.columns();
        long parts = Math.max(1, Grid.blocks(all, PART));
        modules.kernel("list_dead_count")
                .pointer(pointers.of(lastFired))
                .number(all)
                .number(horizon)
                .number(PART)
                .pointer(partial.ints(parts))
                .launch(parts, 1, Grid.THREADS);
        modules.kernel("list_dead")
                .pointer(pointers.of(lastFired))
                .number(all)
                .number(horizon)
                .number(PART)
                .pointer(partial.bytes(0))
                .pointer(pointers.of(latents))
                .pointer(pointers.of(count))
                .launch(parts, 1, Grid.THREADS);
    }

    void addStatistics(Matrix rowErrors, SparseCodes codes, Matrix statistics) {
        long blocks = Grid.loopBlocks(codes.capacity());
        entryKernel("add_statistics_partial", codes)
                .pointer(pointers.of(codes.values()))
                .pointer(partial.ints(blocks))
                .launch(blocks, 1, Grid.THREADS);
        modules.kernel("add_statistics")
                .pointer(pointers.of(rowErrors))
                .number(rowErrors.columns())
                .pointer(partial.bytes(0))
                .number((int) blocks)
                .pointer(pointers.of(statistics))
                .launch(1, 1, Grid.ONE_BLOCK);
    }

    @Override
    public void close() {
        rows.close();
        means.close();
        partial.close();
    }
}
