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

    /**
     * {@code coefficient · Σ f_j^p} with p falling from 1 to {@code end} (Karvonen et al. 2024, P-annealing), for unit
     * decoder rows.
     *
     * @param coefficient λ while p is 1; later it is rescaled so that the penalty's size stays
     * @param end the last p
     * @param start share of the run during which p stays 1
     */
    record Power(double coefficient, double end, double start) implements Penalty {
        public Power {
            if (!(end > 0 && end <= 1) || !(start >= 0 && start < 1)) {
                throw new IllegalArgumentException(
                        "p is annealed to between 0 and 1, from a share of the run below 1 on, not to " + end + " from "
                                + start);
            }
        }
    }

    /**
     * {@code coefficient · Σ tanh(slope · f_j)} for JumpReLU with unit decoder rows, whose thresholds feel it through their
     * window (Anthropic's update of January 2025, as SAELens has it).
     *
     * @param coefficient λ
     * @param slope 4 in both
     */
    record Tanh(double coefficient, double slope) implements Penalty {
        public Tanh {
            if (!(slope > 0)) {
                throw new IllegalArgumentException("the slope of the tanh penalty must be above 0, not " + slope);
            }
        }
    }

    /** λ at the end of its warm-up, 0 without a penalty. */
    default double strength() {
        return switch (this) {
            case None ignored -> 0;
            case L1 l1 -> l1.coefficient();
            case L0 l0 -> l0.coefficient();
            case Power power -> power.coefficient();
            case Tanh tanh -> tanh.coefficient();
        };
    }
}
