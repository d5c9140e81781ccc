// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Kernels;
import dev.darien.device.LatentTerms;
import dev.darien.memory.Matrix;
import dev.darien.train.StepWorkspace.AuxiliaryTerms;
import org.jspecify.annotations.Nullable;

/** The loss that has latents which fire too seldom, or not at all, reconstruct what the others leave. */
final class AuxiliaryLoss {
    private final StepContext context;
    private final AuxiliaryTerms terms;
    private final @Nullable LatentUsage usage;

    AuxiliaryLoss(StepContext context, AuxiliaryTerms terms, @Nullable LatentUsage usage) {
        this.context = context;
        this.terms = terms;
        this.usage = options().auxiliary() instanceof Auxiliary.Zipf ? usage : null;
    }

    private TrainingOptions options() {
        return context.options();
    }

    /** Lists the latents that the loss is for in the step that comes. */
    void list(long step) {
        StepWorkspace workspace = context.workspace();
        int horizon = (int) Math.max(0, step - options().deadAfterSteps());
        Matrix lastFired = context.state().lastFired;
        if (usage == null) {
            context.kernels().listDead(lastFired, horizon, workspace.dead, workspace.deadCount);
        } else {
            context.kernels()
                    .listUnderused(
                            lastFired,
                            horizon,
                            usage.rateVector(),
                            usage.limitVector(),
                            workspace.dead,
                            workspace.deadCount);
        }
    }

    /** @param alone whether the main selection hasn't made this one with it */
    void backward(boolean alone) {
        Kernels kernels = context.kernels();
        StepWorkspace workspace = context.workspace();
        LatentTerms latentTerms = terms.terms();
        if (alone) {
            kernels.encodeDead(latentTerms.input(), workspace.encoder, terms.selection());
        }
        // residual is x̂ - x, so the auxiliary target x - x̂ is its negative.
        kernels.reconstruct(
                latentTerms.codes(),
                context.state().weights.decoder(),
                null,
                workspace.residual,
                -1,
                terms.residual(),
                terms.rowErrors(),
                latentTerms.codeGradients());
        kernels.auxiliaryScale(
                workspace.residual,
                terms.rowErrors(),
                // The two sides of a tied dictionary are averaged.
                (float) (options().auxiliary().coefficient()
                        * (options().sparsity().isTied() ? 2 : 1)),
                terms.scale(),
                terms.loss());
        kernels.groupByLatent(latentTerms.codes(), latentTerms.groups());
        kernels.encoderBiasGradient(
                latentTerms, true, context.state().encoderBias.gradient());
        context.latentGradients(latentTerms, 0);
    }
}
