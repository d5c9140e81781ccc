// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.AdamStep;
import dev.darien.device.LatentGroups;
import dev.darien.device.LatentRows;
import dev.darien.device.LatentTerms;
import dev.darien.memory.Matrix;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Gradients of weights, and Adam's steps by them, with vectors and a team: latents in parallel. */
final class VectorLatents {
    private static final int LATENTS_PER_TASK = 64;

    /** Of the gradients that wait for their steps: with those of the other side a part of the second-level cache. */
    private static final int GRADIENT_FLOATS = 1 << 14;

    private final Team team;
    private final WorkerScratch[] scratch;
    private final DenseCodes denseCodes;

    VectorLatents(Team team, WorkerScratch[] scratch, DenseCodes denseCodes) {
        this.team = team;
        this.scratch = scratch;
        this.denseCodes = denseCodes;
    }

    void latentGradients(
            LatentTerms terms, float normPenalty, @Nullable Matrix wDec, LatentRows gradients, Matrix touched) {
        int latents = terms.groups().latents();
        int width = gradients.encoder().columns();
        int outWidth = gradients.decoder().columns();
        if (DenseCodes.worthwhile(terms.codes())) {
            denseCodes.begin(terms.groups(), gradients, touched);
            denseCodes.latentGradients(terms, gradients);
            if (normPenalty != 0 && wDec != null) {
                addNormPenalties(terms, normPenalty, wDec, gradients.decoder());
            }
            return;
        }
        team.run(VectorDense.tasks(latents, LATENTS_PER_TASK), (task, worker) -> {
            WorkerScratch mine = scratch[worker];
            int last = Math.min(latents, (task + 1) * LATENTS_PER_TASK);
            for (int latent = task * LATENTS_PER_TASK; latent < last; latent++) {
                if (terms.groups().start(latent) == terms.groups().start(latent + 1)) {
                    continue;
                }
                clearRows(mine, Math.max(width, outWidth));
                addLatent(terms, latent, normPenalty, wDec, mine, 0);
                boolean accumulate = Cells.getInt(touched, latent) != 0;
                Matrix encoder = gradients.encoder();
                Matrix decoder = gradients.decoder();
                RowMath.store(mine.row, 1, accumulate, encoder.segment(), encoder.rowOffset(latent), width);
                RowMath.store(mine.otherRow, 1, accumulate, decoder.segment(), decoder.rowOffset(latent), outWidth);
                Cells.setInt(touched, latent, 1);
            }
        });
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
        int latents = terms.groups().latents();
        int widest = Math.max(weights.encoder().columns(), weights.decoder().columns());
        int block = Math.clamp(GRADIENT_FLOATS / widest, 1, LATENTS_PER_TASK);
        // First the gradients of some latents, then their steps: rows of the batch, which are gathered, and weights and
        // moments, which stream by, would else keep the prefetchers from seeing either.
        team.run(VectorDense.tasks(latents, LATENTS_PER_TASK), (task, worker) -> {
            WorkerScratch mine = scratch[worker];
            int last = Math.min(latents, (task + 1) * LATENTS_PER_TASK);
            for (int first = task * LATENTS_PER_TASK; first < last; first += block) {
                int count = Math.min(block, last - first);
                clearRows(mine, count * widest);
                for (int at = 0; at < count; at++) {
                    addLatent(terms, first + at, normPenalty, weights.decoder(), mine, at * widest);
                    if (more != null) {
                        addLatent(more, first + at, 0, null, mine, at * widest);
                    }
                }
                stepRows(
                        step,
                        weights.encoder(),
                        firstMoments.encoder(),
                        secondMoments.encoder(),
                        first,
                        count,
                        mine.row,
                        widest,
                        false,
                        mine.lanes);
                stepRows(
                        step,
                        weights.decoder(),
                        firstMoments.decoder(),
                        secondMoments.decoder(),
                        first,
                        count,
                        mine.otherRow,
                        widest,
                        unitDecoder,
                        mine.lanes);
            }
        });
    }

    /** Adam's steps of some rows, whose gradients lie {@code stride} apart. */
    private static void stepRows(
            AdamStep step,
            Matrix weights,
            Matrix firstMoments,
            Matrix secondMoments,
            int first,
            int count,
            float[] gradients,
            int stride,
            boolean unit,
            float[] lanes) {
        for (int at = 0; at < count; at++) {
            AdamRow.update(step, weights, firstMoments, secondMoments, first + at, gradients, at * stride, unit, lanes);
        }
    }

    private static void clearRows(WorkerScratch mine, int columns) {
        mine.rows(columns);
        Arrays.fill(mine.row, 0, columns, 0);
        Arrays.fill(mine.otherRow, 0, columns, 0);
    }

    /** Adds to {@code mine.row} the encoder's and to {@code mine.otherRow} the decoder's gradient of one latent, from {@code out} on. */
    private static void addLatent(
            LatentTerms terms, int latent, float normPenalty, @Nullable Matrix wDec, WorkerScratch mine, int out) {
        LatentGroups groups = terms.groups();
        int start = groups.start(latent);
        int end = groups.start(latent + 1);
        if (start == end) {
            return;
        }
        Matrix input = terms.input();
        Matrix residual = terms.residual();
        float scale = Cells.get(terms.scale(), 0, 0);
        mine.entries(end - start);
        int entries = 0;
        double activity = 0;
        for (int at = start; at < end; at++) {
            int entry = groups.entry(at);
            float value = terms.codes().value(entry);
            if (value != 0) {
                activity += value;
                mine.indices[entries] = groups.row(at);
                mine.values[entries] = scale * value;
                mine.gradients[entries++] = scale * Cells.get(terms.codeGradients(), 0, entry);
            }
        }
        SparseRows.accumulate(
                input.segment(),
                0,
                input.stride(),
                input.columns(),
                mine.indices,
                mine.gradients,
                0,
                entries,
                mine.row,
                out,
                mine.row,
                out);
        SparseRows.accumulate(
                residual.segment(),
                0,
                residual.stride(),
                residual.columns(),
                mine.indices,
                mine.values,
                0,
                entries,
                mine.otherRow,
                out,
                mine.otherRow,
                out);
        if (normPenalty != 0 && activity != 0 && wDec != null) {
            addNormPenalty(wDec, latent, normPenalty * activity, mine, out);
        }
    }

    private void addNormPenalties(LatentTerms terms, float normPenalty, Matrix wDec, Matrix gradient) {
        LatentGroups groups = terms.groups();
        int latents = groups.latents();
        team.run(VectorDense.tasks(latents, LATENTS_PER_TASK), (task, worker) -> {
            WorkerScratch mine = scratch[worker];
            int last = Math.min(latents, (task + 1) * LATENTS_PER_TASK);
            for (int latent = task * LATENTS_PER_TASK; latent < last; latent++) {
                double activity = 0;
                for (int at = groups.start(latent); at < groups.start(latent + 1); at++) {
                    activity += terms.codes().value(groups.entry(at));
                }
                if (activity != 0) {
                    mine.entries(1);
                    clearRows(mine, wDec.columns());
                    addNormPenalty(wDec, latent, normPenalty * activity, mine, 0);
                    long at = gradient.rowOffset(latent);
                    RowMath.store(mine.otherRow, 1, true, gradient.segment(), at, wDec.columns());
                }
            }
        });
    }

    /** The norm has no gradient at 0; 0 is a subgradient. */
    private static void addNormPenalty(Matrix wDec, int latent, double strength, WorkerScratch mine, int out) {
        long at = wDec.rowOffset(latent);
        double norm = Math.sqrt(RowMath.dot(wDec.segment(), at, wDec.segment(), at, wDec.columns(), mine.lanes));
        if (!(norm < ScalarGradients.SHORTEST)) {
            mine.indices[0] = latent;
            mine.values[0] = (float) (strength / norm);
            SparseRows.accumulate(
                    wDec.segment(),
                    0,
                    wDec.stride(),
                    wDec.columns(),
                    mine.indices,
                    mine.values,
                    0,
                    1,
                    mine.otherRow,
                    out,
                    mine.otherRow,
                    out);
        }
    }
}
