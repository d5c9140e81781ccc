// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.LatentTerms;
import dev.darien.device.PenaltyCurve;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/** Launches of the kernels in methods.cu. */
final class MethodKernels implements AutoCloseable {
    /** Latents that one block lists. */
    private static final int PART = 4096;

    private final CudaModules modules;
    private final Pointers pointers;
    private final Scratch partial;

    MethodKernels(CudaModules modules, Pointers pointers, Allocator memory) {
        this.modules = modules;
        this.pointers = pointers;
        this.partial = new Scratch(memory, "sums of a method");
    }

    void gatedMagnitudes(SparseCodes gates, Matrix gateBias, Matrix logScale, Matrix magnitudeBias, Matrix magnitudes) {
        entryKernel("gated_magnitudes", gates)
                .pointer(pointers.of(gates.indices()))
                .pointer(pointers.of(gates.values()))
                .pointer(pointers.of(gateBias))
                .pointer(pointers.of(logScale))
                .pointer(pointers.of(magnitudeBias))
                .pointer(pointers.of(magnitudes))
                .launch(Grid.loopBlocks(gates.capacity()), 1, Grid.THREADS);
    }

    void gatedGradient(
            LatentTerms terms,
            Matrix logScale,
            Matrix magnitudeBias,
            boolean accumulate,
            Matrix scaleGradient,
            Matrix biasGradient) {
        int latents = terms.codes().latents();
        modules.kernel("gated_gradient")
                .pointer(pointers.of(terms.codes().values()))
                .pointer(pointers.of(terms.groups().offsets()))
                .pointer(pointers.of(terms.groups().entries()))
                .pointer(pointers.of(terms.codeGradients()))
                .pointer(pointers.of(terms.scale()))
                .number(latents)
                .pointer(pointers.of(logScale))
                .pointer(pointers.of(magnitudeBias))
                .flag(accumulate)
                .pointer(pointers.of(scaleGradient))
                .pointer(pointers.of(biasGradient))
                .launch(Grid.warpBlocks(latents), 1, Grid.THREADS);
    }

    void keepLatents(SparseCodes codes, int first, int last, Matrix values) {
        entryKernel("keep_latents", codes)
                .pointer(pointers.of(codes.indices()))
                .pointer(pointers.of(codes.values()))
                .number(first)
                .number(last)
                .pointer(pointers.of(values))
                .launch(Grid.loopBlocks(codes.capacity()), 1, Grid.THREADS);
    }

    void addPenalty(
            SparseCodes codes,
            @Nullable Matrix norms,
            PenaltyCurve curve,
            float coefficient,
            Matrix codeGradients,
            Matrix penalty) {
        long blocks = Grid.loopBlocks(codes.capacity());
        entryKernel("add_penalty_partial", codes)
                .pointer(pointers.of(codes.indices()))
                .pointer(pointers.of(codes.values()))
                .pointer(pointers.ofNullable(norms))
                .number(curve.kind() == PenaltyCurve.Kind.POWER ? 0 : 1)
                .number((double) curve.parameter())
                .number((double) PenaltyCurve.POWER_OFFSET)
                .number((double) coefficient)
                .pointer(pointers.of(codeGradients))
                .pointer(partial.doubles(blocks))
                .launch(blocks, 1, Grid.THREADS);
        // The sum of an L1 penalty's parts; those of any other are summed alike.
        modules.kernel("add_l1")
                .pointer(partial.bytes(0))
                .number((int) blocks)
                .number((double) coefficient)
                .pointer(pointers.of(penalty))
                .launch(1, 1, Grid.ONE_BLOCK);
    }

    void listUnderused(Matrix lastFired, int horizon, Matrix rates, Matrix limits, Matrix latents, Matrix count) {
        int all = lastFired.columns();
        long parts = Math.max(1, Grid.blocks(all, PART));
        underusedKernel("list_underused_count", lastFired, horizon, rates, limits)
                .pointer(partial.ints(parts))
                .launch(parts, 1, Grid.THREADS);
        underusedKernel("list_underused", lastFired, horizon, rates, limits)
                .pointer(partial.bytes(0))
                .pointer(pointers.of(latents))
                .pointer(pointers.of(count))
                .launch(parts, 1, Grid.THREADS);
    }

    private CudaKernel underusedKernel(String name, Matrix lastFired, int horizon, Matrix rates, Matrix limits) {
        return modules.kernel(name)
                .pointer(pointers.of(lastFired))
                .number(lastFired.columns())
                .number(horizon)
                .pointer(pointers.of(rates))
                .pointer(pointers.of(limits))
                .number(PART);
    }

    /** A kernel that loops over as many entries as the codes' last offset says. */
    private CudaKernel entryKernel(String name, SparseCodes codes) {
        long last = pointers.of(codes.offsets()) + (long) codes.rows() * Long.BYTES;
        return modules.kernel(name).pointer(last).number((long) codes.capacity());
    }

    @Override
    public void close() {
        partial.close();
    }
}
