// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Kernels;
import dev.darien.device.LatentTerms;
import dev.darien.memory.Allocator;
import dev.darien.memory.Closing;
import dev.darien.memory.Matrix;
import dev.darien.memory.Owned;
import dev.darien.memory.SparseCodes;
import dev.darien.train.StepWorkspace.Chunk;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The mean of the errors of nested dictionaries (Bussmann et al. 2025, section 3). A latent of group i takes part in the
 * reconstructions of the groups from i on, so its gradient is that of the sum of their residuals over G: going from the last
 * group to the first, with the running mean of the n residuals so far, that sum is n times the mean.
 */
final class NestedBackward implements Backward {
    private final StepContext context;
    private final int[] ends;
    /** How many errors the loss is the mean of: those of the groups, perhaps that of the decoder bias alone. */
    private final int levels;

    private final Owned owned = new Owned();
    private final Matrix levelResidual;
    private final Matrix average;
    private final Matrix levelErrors;
    private final Matrix levelGradients;
    private final Matrix averageGradients;
    private final SparseCodes prefix;
    private final SparseCodes silent;
    private final List<LatentTerms> groups = new ArrayList<>();

    NestedBackward(StepContext context, Objective.Nested nested) {
        this.context = context;
        levels = nested.levels();
        ends = new int[nested.groups().size()];
        int end = 0;
        for (int group = 0; group < ends.length; group++) {
            end += nested.groups().get(group);
            ends[group] = end;
        }
        LatentTerms terms = context.workspace().chunks.getFirst().terms();
        SparseCodes codes = terms.codes();
        Allocator memory = context.memory();
        int rows = codes.rows();
        int width = terms.residual().columns();
        try {
            levelResidual = owned.add(memory.matrix("residual of a group", rows, width));
            average = owned.add(memory.matrix("mean residual of groups", rows, width));
            levelErrors = owned.add(memory.vector("errors of a group", rows));
            levelGradients = owned.add(memory.vector("gradients of a group", codes.capacity()));
            averageGradients = owned.add(memory.vector("mean gradients of groups", codes.capacity()));
            prefix = with(codes, owned.add(memory.vector("codes of a prefix", codes.capacity())));
            silent = with(codes, owned.add(memory.vector("no codes", codes.capacity())));
            SparseCodes group = with(codes, owned.add(memory.vector("codes of a group", codes.capacity())));
            for (int level = 0; level < ends.length; level++) {
                Matrix scale = owned.add(memory.vector("scale of a group", 1));
                double share = (double) (ends.length - level) / levels;
                context.kernels()
                        .fill(scale, (float) (2 * share / context.options().batch()));
                groups.add(new LatentTerms(group, terms.groups(), averageGradients, terms.input(), average, scale));
            }
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    private static SparseCodes with(SparseCodes codes, Matrix values) {
        return new SparseCodes(codes.offsets(), codes.indices(), values, codes.latents());
    }

    @Override
    public SparseCodes run(Chunk chunk, @Nullable Matrix decodeBias, double penalty, boolean first) {
        Kernels kernels = context.kernels();
        LearnerState state = context.state();
        Matrix decoder = state.weights.decoder();
        SparseCodes codes = chunk.terms().codes();
        kernels.groupByLatent(codes, chunk.terms().groups());
        int last = ends.length - 1;
        for (int level = last; level >= 0; level--) {
            if (level == last) {
                kernels.reconstruct(
                        codes,
                        decoder,
                        decodeBias,
                        chunk.target(),
                        1,
                        chunk.residual(),
                        chunk.rowErrors(),
                        averageGradients);
                kernels.convert(chunk.residual(), 1, null, average);
            } else {
                kernels.keepLatents(codes, 0, ends[level], prefix.values());
                kernels.reconstruct(
                        prefix, decoder, decodeBias, chunk.target(), 1, levelResidual, levelErrors, levelGradients);
                kernels.addStatistics(levelErrors, prefix, context.workspace().further);
                float share = 1f / (ends.length - level);
                kernels.exponentialAverage(levelResidual, share, average);
                kernels.exponentialAverage(levelGradients, share, averageGradients);
            }
            LatentTerms terms = groups.get(level);
            kernels.keepLatents(
                    codes,
                    level == 0 ? 0 : ends[level - 1],
                    ends[level],
                    terms.codes().values());
            kernels.encoderBiasGradient(terms, !first || level < last, state.encoderBias.gradient());
            context.latentGradients(terms, 0);
        }
        if (levels > ends.length) {
            addBiasLevel(chunk, decodeBias);
        }
        return codes;
    }

    /** No latent takes part in it: it changes the decoder bias's gradient and the loss alone. */
    private void addBiasLevel(Chunk chunk, @Nullable Matrix decodeBias) {
        Kernels kernels = context.kernels();
        kernels.reconstruct(
                silent,
                context.state().weights.decoder(),
                decodeBias,
                chunk.target(),
                1,
                levelResidual,
                levelErrors,
                levelGradients);
        kernels.addStatistics(levelErrors, silent, context.workspace().further);
        kernels.exponentialAverage(levelResidual, 1f / levels, average);
    }

    @Override
    public void skipGradient(Matrix gradient) {
        context.skipGradient(average, gradient);
    }

    @Override
    public void decoderBiasGradient(boolean centred, Matrix gradient) {
        context.kernels().weightedRowSum(null, average, 2f / context.options().batch(), false, gradient);
        if (centred) {
            context.throughTheEncoder(context.state().encoderBias.gradient(), gradient);
        }
    }

    @Override
    public double loss(double squaredError, double further) {
        return (squaredError + further) / levels;
    }

    @Override
    public void close() {
        owned.close();
    }
}
