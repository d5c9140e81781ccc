// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.AdamStep;
import dev.darien.device.LatentRows;
import dev.darien.device.LatentTerms;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/**
 * Launches of the kernels in latent.cu: the backward pass by latent. A latent with more than a segment of entries is
 * shared by several blocks, as a plan made on the device says.
 */
final class LatentKernels implements AutoCloseable {
    /** Latents that one block plans. */
    private static final int PART = 4096;
    /** Entries that one block adds up, at least. */
    private static final int SEGMENT = 512;
    /** Segments that latents are shared in, at most: the room for their sums. */
    private static final int MOST_SEGMENTS = 1024;

    private final CudaModules modules;
    private final Pointers pointers;
    private final Scratch counts;
    private final Scratch starts;
    private final Scratch partial;

    LatentKernels(CudaModules modules, Pointers pointers, Allocator memory) {
        this.modules = modules;
        this.pointers = pointers;
        this.counts = new Scratch(memory, "segments of parts");
        this.starts = new Scratch(memory, "segments of latents");
        this.partial = new Scratch(memory, "sums of segments");
    }

    void encoderBiasGradient(LatentTerms terms, boolean accumulate, Matrix gradient) {
        pass(modules.kernel("encoder_bias_gradient"), terms)
                .number(terms.codes().latents())
                .flag(accumulate)
                .pointer(pointers.of(gradient))
                .launch(Grid.warpBlocks(terms.codes().latents()), 1, Grid.THREADS);
    }

    void thresholdGradient(
            LatentTerms terms,
            Matrix thresholds,
            float bandwidth,
            float l0Coefficient,
            boolean accumulate,
            Matrix gradient) {
        pass(modules.kernel("threshold_gradient"), terms)
                .number(terms.codes().latents())
                .pointer(pointers.of(thresholds))
                .number(bandwidth)
                .number(l0Coefficient)
                .flag(accumulate)
                .pointer(pointers.of(gradient))
                .launch(Grid.warpBlocks(terms.codes().latents()), 1, Grid.THREADS);
    }

    /** {@code dense} is the address of a flag; where it is set the kernels leave the work to others. */
    void latentGradients(
            long dense,
            LatentTerms terms,
            float normPenalty,
            @Nullable Matrix wDec,
            LatentRows gradients,
            Matrix touched) {
        Matrix penalised = normPenalty == 0 ? null : wDec;
        boolean four = byFour(terms, null)
                && byFour(gradients)
                && (penalised == null || Grid.byFour(penalised, pointers.of(penalised)));
        plan(dense, terms, null, four);
        Matrix encoder = gradients.encoder();
        Matrix decoder = gradients.decoder();
        pass(modules.kernel("latent_gradients" + suffix(four)).pointer(dense), terms)
                .number(encoder.columns())
                .number(decoder.columns())
                .pointer(starts.bytes(0))
                .pointer(partial.bytes(0))
                .number(normPenalty)
                .pointer(pointers.ofNullable(penalised))
                .number(penalised == null ? 0 : penalised.stride())
                .pointer(pointers.of(encoder))
                .number(encoder.stride())
                .pointer(pointers.of(decoder))
                .number(decoder.stride())
                .pointer(pointers.of(touched))
                .launch(terms.codes().latents(), 1, threads(terms, four), shared(terms));
    }

    void latentStep(
            AdamStep step,
            LatentTerms terms,
            @Nullable LatentTerms more,
            float normPenalty,
            LatentRows weights,
            LatentRows firstMoments,
            LatentRows secondMoments,
            boolean unitDecoder) {
        boolean four = byFour(terms, more) && byFour(weights) && byFour(firstMoments) && byFour(secondMoments);
        plan(Pointers.NONE, terms, more, four);
        CudaKernel kernel = passNullable(
                        pass(OptimiserKernels.pass(modules.kernel("latent_step" + suffix(four)), step), terms), more)
                .number(weights.encoder().columns())
                .number(weights.decoder().columns())
                .pointer(starts.bytes(0))
                .pointer(partial.bytes(0))
                .number(normPenalty);
        for (Matrix matrix : new Matrix[] {
            weights.encoder(),
            firstMoments.encoder(),
            secondMoments.encoder(),
            weights.decoder(),
            firstMoments.decoder(),
            secondMoments.decoder()
        }) {
            kernel.pointer(pointers.of(matrix)).number(matrix.stride());
        }
        kernel.flag(unitDecoder).launch(terms.codes().latents(), 1, threads(terms, four), shared(terms));
    }

    /** Decides on the device which latents are shared, and sums up their segments. */
    private void plan(long dense, LatentTerms terms, @Nullable LatentTerms more, boolean four) {
        int latents = terms.codes().latents();
        long capacity =
                terms.codes().capacity() + (more == null ? 0L : more.codes().capacity());
        // A latent with more entries than a segment has fewer than twice entries/segment of them.
        int segment = (int) Math.max(SEGMENT, Grid.blocks(2 * capacity, MOST_SEGMENTS));
        long segments = 2 * capacity / segment;
        long parts = Grid.blocks(latents, PART);
        long first = starts.ints(latents + 1L);
        passNullable(pass(modules.kernel("latent_step_plan_count"), terms), more)
                .number(latents)
                .number(segment)
                .number(PART)
                .pointer(counts.ints(parts))
                .launch(parts, 1, Grid.THREADS);
        passNullable(pass(modules.kernel("latent_step_plan"), terms), more)
                .number(latents)
                .number(segment)
                .number(PART)
                .pointer(counts.bytes(0))
                .pointer(first)
                .launch(parts, 1, Grid.THREADS);
        long mostEntries =
                terms.codes().rows() + (more == null ? 0L : more.codes().rows());
        int encoderColumns = terms.input().columns();
        int decoderColumns = terms.residual().columns();
        if (mostEntries <= segment) {
            // A latent has at most one entry in each row.
            return;
        }
        passNullable(pass(modules.kernel("latent_partial" + suffix(four)).pointer(dense), terms), more)
                .number(latents)
                .number(segment)
                .pointer(first)
                .number(encoderColumns)
                .number(decoderColumns)
                .pointer(partial.bytes(segments * (encoderColumns + decoderColumns) * Float.BYTES))
                .launch(segments, 1, threads(terms, four), shared(terms));
    }

    private static String suffix(boolean four) {
        return four ? "_v4" : "_v1";
    }

    private boolean byFour(LatentTerms terms, @Nullable LatentTerms more) {
        return Grid.byFour(terms.input(), pointers.of(terms.input()))
                && Grid.byFour(terms.residual(), pointers.of(terms.residual()))
                && (more == null || byFour(more, null));
    }

    private boolean byFour(LatentRows rows) {
        return Grid.byFour(rows.encoder(), pointers.of(rows.encoder()))
                && Grid.byFour(rows.decoder(), pointers.of(rows.decoder()));
    }

    private static int widest(LatentTerms terms) {
        return Math.max(terms.input().columns(), terms.residual().columns());
    }

    private static int threads(LatentTerms terms, boolean four) {
        return Grid.threads(four ? widest(terms) / 4 : widest(terms));
    }

    private static long shared(LatentTerms terms) {
        return (long) widest(terms) * Float.BYTES;
    }

    private CudaKernel pass(CudaKernel kernel, LatentTerms terms) {
        return kernel.pointer(pointers.of(terms.codes().values()))
                .pointer(pointers.of(terms.groups().offsets()))
                .pointer(pointers.of(terms.groups().rows()))
                .pointer(pointers.of(terms.groups().entries()))
                .pointer(pointers.of(terms.codeGradients()))
                .pointer(pointers.of(terms.input()))
                .number(terms.input().stride())
                .pointer(pointers.of(terms.residual()))
                .number(terms.residual().stride())
                .pointer(pointers.of(terms.scale()));
    }

    private CudaKernel passNullable(CudaKernel kernel, @Nullable LatentTerms terms) {
        if (terms != null) {
            return pass(kernel, terms);
        }
        for (int field = 0; field < 10; field++) {
            kernel.number(0L);
        }
        return kernel;
    }

    @Override
    public void close() {
        partial.close();
        starts.close();
        counts.close();
    }
}
