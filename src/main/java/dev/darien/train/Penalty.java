// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

/** What is added to the reconstruction loss to make codes sparse. The coefficient weighs the mean over the batch. */
public sealed interface Penalty {

    /** No penalty: the selection itself bounds the number of active latents. */
    record None() implements Penalty {}

    /**
     * {@code coefficient · Σ f_j}, or {@code coefficient · Σ f_j·‖d_j‖} where decoder rows are free.
     *
     * @param coefficient λ
     * @param decoderNormWeighted the April-2024 form
     */
    record L1(double coefficient, boolean decoderNormWeighted) implements Penalty {}

    /**
     * {@code coefficient · ‖f‖₀}, learnt through the window of {@link dev.darien.sae.JumpRelu}.
     *
     * @param coefficient λ
     */
    record L0(double coefficient) implements Penalty {}

    /** λ at the end of its warm-up, 0 without a penalty. */
    default double strength() {
        return switch (this) {
            case None ignored -> 0;
            case L1 l1 -> l1.coefficient();
            case L0 l0 -> l0.coefficient();
        };
    }
}
