// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Kernels;
import dev.darien.device.LatentTerms;
import dev.darien.device.Product;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.train.StepWorkspace.AuxiliaryTerms;
import dev.darien.train.StepWorkspace.Chunk;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** {@code L(k) + weight · L(factor·k)} (Gao et al. 2024, Multi-TopK): two selections from the same pre-activations. */
final class TwoSelectionsBackward implements Backward {
    private final StepContext context;
    private final PlainBackward plain;
    private final Objective.TwoSelections objective;
    private final AuxiliaryTerms second;

    TwoSelectionsBackward(StepContext context, Objective.TwoSelections objective) {
        this.context = context;
        this.objective = objective;
        this.plain = new PlainBackward(context);
        this.second = Objects.requireNonNull(context.workspace().second);
        context.kernels().fill(second.scale(), (float)
                (2 * objective.weight() / context.options().batch()));
    }

    @Override
    public SparseCodes run(Chunk chunk, @Nullable Matrix decodeBias, double penalty, boolean first) {
        SparseCodes codes = plain.run(chunk, decodeBias, penalty, first);
        Kernels kernels = context.kernels();
        LatentTerms terms = second.terms();
        kernels.reconstruct(
                terms.codes(),
                context.state().weights.decoder(),
                decodeBias,
                chunk.target(),
                1,
                second.residual(),
                second.rowErrors(),
                terms.codeGradients());
        kernels.addStatistics(second.rowErrors(), terms.codes(), context.workspace().further);
        kernels.groupByLatent(terms.codes(), terms.groups());
        kernels.encoderBiasGradient(terms, true, context.state().encoderBias.gradient());
        context.latentGradients(terms, 0);
        return codes;
    }

    @Override
    public void decoderBiasGradient(boolean centred, Matrix gradient) {
        plain.decoderBiasGradient(centred, gradient);
        float factor = (float) (2 * objective.weight() / context.options().batch());
        context.kernels().weightedRowSum(null, second.residual(), factor, true, gradient);
    }

    @Override
    public void skipGradient(Matrix gradient) {
        Kernels kernels = context.kernels();
        StepWorkspace workspace = context.workspace();
        kernels.multiply(Product.TN, second.residual(), workspace.input, gradient, false);
        kernels.scale(gradient, (float) objective.weight());
        kernels.multiply(Product.TN, workspace.residual, workspace.input, gradient, true);
        kernels.scale(gradient, -2f / context.options().batch());
    }

    @Override
    public double loss(double squaredError, double further) {
        return squaredError + objective.weight() * further;
    }

    @Override
    public void close() {
        plain.close();
    }
}
