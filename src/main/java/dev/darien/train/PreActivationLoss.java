// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Kernels;
import dev.darien.device.LatentTerms;
import dev.darien.device.Product;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Owned;
import java.util.Objects;

/**
 * What pulls dead latents of JumpReLU back: {@code coefficient · Σ relu(θ_j - π_j)} over dead latents j, not weighted by decoder norms
 * (Anthropic's update of January 2025, as SAELens has it). A dead latent lies below its threshold in nearly every row, so
 * its gradient is that of all rows, less that of the rows in which it is active: one outer product and the entries that there
 * are, instead of a pre-activation for each row.
 */
final class PreActivationLoss implements AutoCloseable {
    /** Steps between two looks at which latents are dead. */
    private static final int REFRESH = 10;

    private final StepContext context;
    private final GradientBuffers gradients;
    private final Owned owned = new Owned();
    /** F32[1, F]: 1 for dead latents, else 0; part of a checkpoint. */
    private final Matrix dead;

    private final Matrix entryGradients;
    private final Matrix nothing;
    private final Matrix activeRows;
    private final Matrix inputSum;
    private final Matrix noSum;
    private final Matrix unused;
    private final Matrix hostFired;
    private final Matrix hostDead;
    private final double coefficient;
    private long step;

    PreActivationLoss(StepContext context) {
        this.context = context;
        gradients = Objects.requireNonNull(context.gradients());
        dead = Objects.requireNonNull(context.state().deadMask);
        coefficient = context.options().preActivationLoss();
        LatentTerms terms = context.workspace().chunks.getFirst().terms();
        int latents = context.options().latents();
        int width = terms.input().columns();
        int outputWidth = terms.residual().columns();
        try {
            entryGradients = owned.add(context.memory()
                    .vector("gradients of dead latents", terms.codes().capacity()));
            nothing = owned.add(
                    context.memory().matrix("no residual", terms.codes().rows(), outputWidth));
            activeRows = owned.add(context.memory().vector("active rows of dead latents", latents));
            inputSum = owned.add(context.memory().vector("sum of inputs", width));
            noSum = owned.add(context.memory().vector("no sum", outputWidth));
            unused = owned.add(context.memory().matrix("unused penalty", DType.F64, 1, 1));
            hostFired = owned.add(context.device().staging("last fired", DType.I32, 1, latents));
            hostDead = owned.add(context.device().staging("dead latents", DType.F32, 1, latents));
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    /** Before the first chunk of a step: sets every row of the stored gradients, that of a dead latent to the gradient of all rows. */
    void start() {
        Kernels kernels = context.kernels();
        if (step % REFRESH == 0) {
            context.device().download(context.state().lastFired, hostFired);
            long horizon = Math.max(0, step - context.options().deadAfterSteps());
            for (int latent = 0; latent < hostDead.columns(); latent++) {
                hostDead.set(0, latent, hostFired.getLong(0, latent) < horizon ? 1 : 0);
            }
            context.device().upload(hostDead, dead);
        }
        float perRow = (float) (coefficient / context.options().batch());
        kernels.weightedRowSum(null, context.workspace().input, -perRow, false, inputSum);
        kernels.multiply(Product.TN, dead, inputSum, gradients.rows().encoder(), false);
        kernels.multiply(Product.TN, dead, noSum, gradients.rows().decoder(), false);
        kernels.fill(gradients.touched(), 1);
    }

    /** Takes back, for the rows of a chunk in which a dead latent is active, what {@link #start} gives for all rows. */
    void chunk(LatentTerms terms, boolean first) {
        Kernels kernels = context.kernels();
        kernels.fill(entryGradients, 0);
        // Scaled by 2/B later.
        kernels.addL1(terms.codes(), dead, (float) (coefficient / 2), entryGradients, unused);
        LatentTerms active = new LatentTerms(
                terms.codes(),
                terms.groups(),
                entryGradients,
                terms.input(),
                nothing.slice(0, terms.codes().rows()),
                terms.scale());
        kernels.encoderBiasGradient(active, !first, activeRows);
        context.latentGradients(active, 0);
    }

    /** After the last chunk: the biases and thresholds. */
    void finish() {
        Kernels kernels = context.kernels();
        LearnerState state = context.state();
        Matrix bias = state.encoderBias.gradient();
        Matrix threshold = Objects.requireNonNull(state.thresholds).gradient();
        kernels.weightedRowSum(null, dead, (float) -coefficient, true, bias);
        kernels.weightedRowSum(null, activeRows, 1, true, bias);
        kernels.weightedRowSum(null, dead, (float) coefficient, true, threshold);
        kernels.weightedRowSum(null, activeRows, -1, true, threshold);
    }

    void finishStep(long done) {
        step = done;
    }

    @Override
    public void close() {
        owned.close();
    }
}
