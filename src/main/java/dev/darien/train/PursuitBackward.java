// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.device.LatentGroups;
import dev.darien.device.LatentTerms;
import dev.darien.device.PursuitSteps;
import dev.darien.memory.Allocator;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Owned;
import dev.darien.memory.SparseCodes;
import dev.darien.train.StepWorkspace.Chunk;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Through the unrolled steps of a matching pursuit, as autograd goes (Costa et al. 2025); which latents are taken is
 * constant. With {@code r' = r - (d·r)·d} for a step and {@code e'} half of the gradient of its result, negated, so that the
 * last e' is x̂ - x:
 *
 * <pre>
 *   a = d·e'      dd += 2·(a·r + (d·r)·e')      e = e' - a·d
 * </pre>
 *
 * From the last step to the first, with one code for each row: a and d·r are what gradients and codes are elsewhere, r the
 * input and e' the residual. What the encoder's and the decoder's rows receive belongs to the one dictionary.
 */
final class PursuitBackward implements Backward {
    private final StepContext context;
    private final Owned owned = new Owned();
    /** r: what is left after the steps that haven't been gone back through. */
    private final Matrix rest;
    /** e. */
    private final Matrix back;

    private final Matrix unusedRows;
    private final Matrix unusedErrors;
    private final List<LatentTerms> steps = new ArrayList<>();
    /** The same latents with values of 0, which reconstruct nothing. */
    private final List<SparseCodes> silent = new ArrayList<>();

    PursuitBackward(StepContext context, PursuitSteps order) {
        this.context = context;
        Allocator memory = context.memory();
        int batch = context.options().batch();
        int latents = context.options().latents();
        int width = context.state().weights.width();
        try {
            rest = owned.add(memory.matrix("what is left", batch, width));
            back = owned.add(memory.matrix("gradient of what is left", batch, width));
            unusedRows = owned.add(memory.matrix("unused rows", batch, width));
            unusedErrors = owned.add(memory.vector("unused errors", batch));
            Matrix offsets = owned.add(memory.matrix("offsets of a step", DType.I64, 1, batch + 1));
            uploadOffsets(context.device(), offsets);
            Matrix zeros = owned.add(memory.vector("no codes", batch));
            Matrix gradients = owned.add(memory.vector("gradients of a step", batch));
            LatentGroups groups = owned.add(LatentGroups.allocate(memory, latents, batch));
            Matrix scale = owned.add(memory.vector("scale of a step", 1));
            // 2/B for the mean of squares, and 2 because the two sides are averaged in the end.
            context.kernels().fill(scale, 4f / batch);
            for (int step = 0; step < order.latents().intRows(); step++) {
                Matrix indices = order.latents().slice(step, 1);
                SparseCodes codes =
                        new SparseCodes(offsets, indices, order.values().slice(step, 1), latents);
                silent.add(new SparseCodes(offsets, indices, zeros, latents));
                steps.add(new LatentTerms(codes, groups, gradients, rest, back, scale));
            }
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /** One entry for each row. */
    private static void uploadOffsets(Device device, Matrix offsets) {
        try (Matrix host = device.staging("offsets of a step", DType.I64, 1, offsets.columns())) {
            for (int row = 0; row < offsets.columns(); row++) {
                host.setLong(0, row, row);
            }
            device.upload(host, offsets);
        }
    }

    @Override
    public SparseCodes run(Chunk chunk, @Nullable Matrix decodeBias, double penalty, boolean first) {
        Kernels kernels = context.kernels();
        Matrix decoder = context.state().weights.decoder();
        LatentTerms terms = chunk.terms();
        kernels.reconstruct(
                terms.codes(),
                decoder,
                decodeBias,
                chunk.target(),
                1,
                chunk.residual(),
                chunk.rowErrors(),
                terms.codeGradients());
        kernels.convert(chunk.residual(), -1, null, rest);
        kernels.convert(chunk.residual(), 1, null, back);
        if (context.workspace().pursued != null) {
            kernels.convert(rest, 1, null, context.workspace().pursued);
        }
        if (context.options().auxiliary() instanceof Auxiliary.Zipf) {
            // Firing rates are counted by these groups.
            kernels.groupByLatent(terms.codes(), terms.groups());
        }
        for (int step = steps.size() - 1; step >= 0; step--) {
            LatentTerms one = steps.get(step);
            kernels.addDecoded(one.codes(), one.codes().values(), 1, decoder, rest);
            kernels.reconstruct(
                    silent.get(step), decoder, null, back, -1, unusedRows, unusedErrors, one.codeGradients());
            kernels.groupByLatent(one.codes(), one.groups());
            context.latentGradients(one, 0);
            kernels.addDecoded(one.codes(), one.codeGradients(), -1, decoder, back);
        }
        return terms.codes();
    }

    @Override
    public void skipGradient(Matrix gradient) {
        throw new IllegalStateException("matching pursuit has no transcoder");
    }

    /** The last of a step's gradients: the two sides of the dictionary become one here too. */
    @Override
    public void decoderBiasGradient(boolean centred, Matrix gradient) {
        Kernels kernels = context.kernels();
        kernels.weightedRowSum(null, back, 2f / context.options().batch(), false, gradient);
        GradientBuffers gradients = context.gradients();
        if (gradients != null) {
            kernels.exponentialAverage(
                    gradients.rows().encoder(), 0.5f, gradients.rows().decoder());
        }
        // The encoder has no bias to learn.
        kernels.fill(context.state().encoderBias.gradient(), 0);
    }

    @Override
    public void close() {
        owned.close();
    }
}
