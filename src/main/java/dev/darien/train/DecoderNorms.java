// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Kernels;
import dev.darien.device.LatentRows;
import dev.darien.device.LatentTerms;
import dev.darien.memory.Allocator;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Owned;
import dev.darien.sae.Mapping;
import java.util.List;

/**
 * What an L1 penalty weighs latents by, and that penalty's gradient through it: the norms of the decoder's rows, or for a
 * crosscoder the sum over its tensors of the norms of each one's part, {@code Σ_l ‖d_j^l‖} (Lindsey et al. 2024).
 */
final class DecoderNorms implements AutoCloseable {
    private final Owned owned = new Owned();
    /** Empty where rows are taken whole. */
    private final List<Mapping.Part> parts;

    private final Matrix sums;
    /** F32[tensors, F]. */
    private final Matrix ofParts;
    /** I32[tensors, F]: each part of the rows is written by itself; that of the first is the caller's. */
    private final Matrix touched;

    DecoderNorms(Allocator memory, Mapping mapping, int latents) {
        parts = mapping instanceof Mapping.Crosscoder crosscoder ? crosscoder.parts() : List.of();
        try {
            sums = owned.add(memory.vector("decoder norms", latents));
            ofParts = owned.add(memory.matrix("decoder norms of tensors", Math.max(1, parts.size()), latents));
            touched = owned.add(memory.matrix("touched parts", DType.I32, Math.max(1, parts.size()), latents));
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /** F32[1, F]. */
    Matrix values() {
        return sums;
    }

    /** Whether the penalty's gradient takes {@link #addGradients}, which the fused step doesn't do. */
    boolean inParts() {
        return !parts.isEmpty();
    }

    /** Sets the norms to those of {@code decoder}, for the step that begins. */
    void compute(Kernels kernels, Matrix decoder) {
        if (!inParts()) {
            kernels.rowNorms(decoder, sums);
            return;
        }
        int first = 0;
        for (int part = 0; part < parts.size(); part++) {
            kernels.rowNorms(decoder.columnSlice(first, parts.get(part).width()), ofParts.slice(part, 1));
            first += parts.get(part).width();
        }
        kernels.weightedRowSum(null, ofParts, 1, false, sums);
        kernels.fill(touched, 0);
    }

    /** As {@link Kernels#latentGradients}, with the norm of each part in the place of the whole row's. */
    void addGradients(
            Kernels kernels,
            LatentTerms terms,
            float normPenalty,
            Matrix decoder,
            LatentRows gradients,
            Matrix firstTouched) {
        int first = 0;
        for (int part = 0; part < parts.size(); part++) {
            int width = parts.get(part).width();
            kernels.latentGradients(
                    new LatentTerms(
                            terms.codes(),
                            terms.groups(),
                            terms.codeGradients(),
                            terms.input().columnSlice(first, width),
                            terms.residual().columnSlice(first, width),
                            terms.scale()),
                    normPenalty,
                    decoder.columnSlice(first, width),
                    new LatentRows(
                            gradients.encoder().columnSlice(first, width),
                            gradients.decoder().columnSlice(first, width)),
                    part == 0 ? firstTouched : touched.slice(part, 1));
            first += width;
        }
    }

    @Override
    public void close() {
        owned.close();
    }
}
