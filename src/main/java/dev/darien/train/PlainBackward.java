// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Kernels;
import dev.darien.device.LatentTerms;
import dev.darien.device.PenaltyCurve;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.JumpRelu;
import dev.darien.train.StepWorkspace.Chunk;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One reconstruction, from the codes as they were selected, with any penalty. */
final class PlainBackward implements Backward {
    private final StepContext context;
    private final @Nullable PowerAnnealing annealing;
    private final @Nullable PreActivationLoss preActivations;

    PlainBackward(StepContext context) {
        this.context = context;
        this.preActivations = context.options().preActivationLoss() > 0 ? new PreActivationLoss(context) : null;
        this.annealing =
                context.options().penalty() instanceof Penalty.Power power ? new PowerAnnealing(context, power) : null;
    }

    @Override
    public SparseCodes run(Chunk chunk, @Nullable Matrix decodeBias, double penalty, boolean first) {
        LatentTerms terms = chunk.terms();
        LearnerState state = context.state();
        Kernels kernels = context.kernels();
        if (preActivations != null && first) {
            preActivations.start();
        }
        kernels.reconstruct(
                terms.codes(),
                state.weights.decoder(),
                decodeBias,
                chunk.target(),
                1,
                chunk.residual(),
                chunk.rowErrors(),
                terms.codeGradients());
        penalise(terms, penalty);
        kernels.groupByLatent(terms.codes(), terms.groups());
        kernels.encoderBiasGradient(terms, !first, state.encoderBias.gradient());
        TrainingOptions options = context.options();
        if (state.thresholds != null && options.sparsity() instanceof JumpRelu jumpRelu) {
            float l0 = options.penalty() instanceof Penalty.L0 ? (float) (penalty / options.batch()) : 0;
            kernels.thresholdGradient(
                    terms, state.thresholds.value(), jumpRelu.bandwidth(), l0, !first, state.thresholds.gradient());
        }
        context.latentGradients(terms, normPenalty(penalty));
        if (preActivations != null) {
            preActivations.chunk(terms, first);
        }
        return terms.codes();
    }

    /** Code gradients are scaled by 2/B later: half of λ here is λ/B there. */
    private void penalise(LatentTerms terms, double penalty) {
        StepWorkspace workspace = context.workspace();
        float half = (float) (penalty / 2);
        switch (context.options().penalty()) {
            case Penalty.L1 ignored ->
                context.kernels()
                        .addL1(
                                terms.codes(),
                                workspace.decoderNorms == null ? null : workspace.decoderNorms.values(),
                                half,
                                terms.codeGradients(),
                                workspace.penalty);
            case Penalty.Tanh tanh ->
                context.kernels()
                        .addPenalty(
                                terms.codes(),
                                null,
                                PenaltyCurve.tanh(tanh.slope()),
                                half,
                                terms.codeGradients(),
                                workspace.penalty);
            case Penalty.Power ignored -> {
                if (annealing != null) {
                    annealing.add(terms, half);
                }
            }
            case Penalty.None ignored -> {
                // Nothing is added to the codes' gradients.
            }
            case Penalty.L0 ignored -> {
                // Thresholds alone feel it.
            }
        }
    }

    /** The part of the penalty's gradient that goes to the decoder's rows. */
    float normPenalty(double penalty) {
        return context.workspace().decoderNorms == null
                ? 0
                : (float) (penalty / context.options().batch());
    }

    @Override
    public void skipGradient(Matrix gradient) {
        context.skipGradient(context.workspace().residual, gradient);
    }

    @Override
    public void decoderBiasGradient(boolean centred, Matrix gradient) {
        if (preActivations != null) {
            preActivations.finish();
        }
        context.kernels()
                .weightedRowSum(
                        null,
                        context.workspace().residual,
                        2f / context.options().batch(),
                        false,
                        gradient);
        if (centred) {
            context.throughTheEncoder(context.state().encoderBias.gradient(), gradient);
        }
    }

    @Override
    public void finishStep(long step) {
        if (preActivations != null) {
            preActivations.finishStep(step);
        }
        if (annealing != null) {
            annealing.finishStep(step);
        }
    }

    @Override
    public void save(Map<String, Object> numbers) {
        if (annealing != null) {
            annealing.save(numbers);
        }
    }

    @Override
    public void restore(Map<String, Object> numbers) {
        if (preActivations != null) {
            preActivations.finishStep(StepStatistics.number(numbers, "step").longValue());
        }
        if (annealing != null) {
            annealing.restore(numbers);
        }
    }

    @Override
    public void close() {
        if (preActivations != null) {
            preActivations.close();
        }
        if (annealing != null) {
            annealing.close();
        }
    }
}
