// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Kernels;
import dev.darien.memory.Matrix;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.Selection;

/** What a step of {@link GradientTopK} has beyond others: gradients, a β that rises, and a threshold for who has none. */
final class GradientStep {
    /** Steps between two looks at the threshold, each of which costs a product. */
    private static final int THRESHOLD_STEPS = 10;

    private final Kernels kernels;
    private final TrainingOptions options;
    private final LearnerState state;
    private final StepWorkspace workspace;
    private final Selection.Attribution attribution;

    GradientStep(StepContext context, Selection.Attribution attribution) {
        this.kernels = context.kernels();
        this.options = context.options();
        this.state = context.state();
        this.workspace = context.workspace();
        this.attribution = attribution;
    }

    /**
     * Takes the gradients of a batch, and the decoder as it is now. The input's scale s has no part: gradients stay those by
     * unscaled activations, so that a β that isn't normalised means the same for any s.
     */
    void begin(Matrix gradients) {
        kernels.convert(gradients, 1, null, attribution.gradients());
        attribution.pack(kernels, state.weights);
    }

    /** The rule of a step: β rises linearly over the sparsity warm-up. */
    static GradientTopK rule(GradientTopK last, long step, long warmup) {
        return step < warmup ? last.withBeta(last.beta() * step / warmup) : last;
    }

    /**
     * The running mean of where a batch-wide selection of as many pre-activations would end: with that threshold and no
     * gradients the SAE's mean L0 is k. Uses the codes of the step, which must be done with.
     */
    void trackThreshold(long step) {
        if (step % THRESHOLD_STEPS != 0) {
            return;
        }
        StepWorkspace.Chunk chunk = workspace.chunks.getFirst();
        kernels.encodeBatchTopK(
                chunk.selection().input(),
                workspace.encoder,
                (long) options.sparsity().k() * options.batch(),
                null,
                chunk.selection().codes(),
                workspace.smallestKept);
        double decay = Math.pow(options.thresholdDecay(), THRESHOLD_STEPS);
        double seen = (double) step / THRESHOLD_STEPS + 1;
        kernels.exponentialAverage(
                workspace.smallestKept, (float) ((1 - decay) / (1 - Math.pow(decay, seen))), state.thresholdAverage);
    }
}
