// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

/**
 * One step of Adam (Kingma and Ba 2015, algorithm 1):
 * {@code m = β1·m + (1-β1)·g; v = β2·v + (1-β2)·g²; w -= lr · (m/correction1) / (√(v/correction2) + ε)}.
 *
 * @param learningRate lr
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param epsilon ε
 * @param correction1 1 - β1^t
 * @param correction2 1 - β2^t
 */
public record AdamStep(
        float learningRate, float beta1, float beta2, float epsilon, float correction1, float correction2) {

    /** Step number {@code t}, counted from 1. */
    public static AdamStep at(long t, double learningRate, double beta1, double beta2, double epsilon) {
        return new AdamStep(
                (float) learningRate,
                (float) beta1,
                (float) beta2,
                (float) epsilon,
                (float) (1 - Math.pow(beta1, (double) t)),
                (float) (1 - Math.pow(beta2, (double) t)));
    }
}
