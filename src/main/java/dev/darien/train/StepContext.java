// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.device.LatentTerms;
import dev.darien.device.Product;
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
        @Nullable DecoderNorms norms = workspace.decoderNorms;
        if (gradients != null && norms != null && norms.inParts()) {
            norms.addGradients(
                    kernels(), terms, normPenalty, state.weights.decoder(), gradients.rows(), gradients.touched());
        } else if (gradients != null) {
            @Nullable Matrix penalised = normPenalty == 0 ? null : state.weights.decoder();
            kernels().latentGradients(terms, normPenalty, penalised, gradients.rows(), gradients.touched());
        }
    }

    /** Of -W_skip, from the gradient of what is decoded but for 2/B: its activations are added to the target. */
    void skipGradient(Matrix residual, Matrix gradient) {
        kernels().multiply(Product.TN, residual, workspace.input, gradient, false);
        kernels().scale(gradient, -2f / options.batch());
    }

    /** Through the encoder, which sees x - b_dec: sum first, multiply once. */
    void throughTheEncoder(Matrix preActivationGradient, Matrix gradient) {
        kernels().weightedRowSum(preActivationGradient, state.weights.encoder(), -1, true, gradient);
    }
}
