// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Gated;
import dev.darien.train.StepWorkspace.Chunk;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** From the selection of a chunk of rows to the gradients of everything that it depends on. */
interface Backward extends AutoCloseable {

    /** The loss that the options ask for. */
    static Backward of(StepContext context) {
        if (context.options().sparsity() instanceof Gated) {
            return new GatedBackward(context);
        }
        if (context.workspace().pursuit != null) {
            return new PursuitBackward(context, context.workspace().pursuit);
        }
        return switch (context.options().objective()) {
            case Objective.Whole ignored -> new PlainBackward(context);
            case Objective.Nested nested -> new NestedBackward(context, nested);
            case Objective.TwoSelections two -> new TwoSelectionsBackward(context, two);
        };
    }

    /**
     * Reconstructs the rows into {@code chunk.residual()} and {@code chunk.rowErrors()}, and adds to the gradients.
     *
     * @param decodeBias added to reconstructions, null where it cancels
     * @param penalty λ of this step
     * @param first whether this is the first chunk of a step, which sets gradients rather than add to them
     * @return the codes that count as active
     */
    SparseCodes run(Chunk chunk, @Nullable Matrix decodeBias, double penalty, boolean first);

    /** Sets the decoder bias's gradient through the reconstructions and, if {@code centred}, through the encoder. */
    void decoderBiasGradient(boolean centred, Matrix gradient);

    /** Sets the gradient of {@link LearnerState#negatedSkip}, after all chunks. */
    void skipGradient(Matrix gradient);

    /**
     * What the loss is without penalties and auxiliary losses.
     *
     * @param squaredError of the whole reconstruction, mean over rows
     * @param further sum over rows of what was added to {@link StepWorkspace#further}, as a mean over rows
     */
    default double loss(double squaredError, double further) {
        return squaredError;
    }

    /** After a step, with {@code step} counted from 1. */
    default void finishStep(long step) {}

    /** Puts what it has learnt of the run into a checkpoint. */
    default void save(Map<String, Object> numbers) {}

    default void restore(Map<String, Object> numbers) {}

    @Override
    void close();
}
