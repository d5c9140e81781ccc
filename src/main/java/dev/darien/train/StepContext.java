// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.device.LatentTerms;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/** What the parts of a step work on. */
record StepContext(
        Device device,
        Allocator memory,
        TrainingOptions options,
        LearnerState state,
        StepWorkspace workspace,
        @Nullable GradientBuffers gradients) {

    Kernels kernels() {
        return device.kernels();
    }

    /** Adds to the stored gradients of the weights, where they are stored. */
    void latentGradients(LatentTerms terms, float normPenalty) {
        if (gradients != null) {
            @Nullable Matrix penalised = normPenalty == 0 ? null : state.weights.decoder();
            kernels().latentGradients(terms, normPenalty, penalised, gradients.rows(), gradients.touched());
        }
    }

    /** Through the encoder, which sees x - b_dec: sum first, multiply once. */
    void throughTheEncoder(Matrix preActivationGradient, Matrix gradient) {
        kernels().weightedRowSum(preActivationGradient, state.weights.encoder(), -1, true, gradient);
    }
}
