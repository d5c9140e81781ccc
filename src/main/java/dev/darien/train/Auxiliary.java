// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

/** The loss that revives dead latents. */
public sealed interface Auxiliary {

    /** Dead latents stay dead. */
    record None() implements Auxiliary {}

    /**
     * Dead latents reconstruct the residual (Gao et al. 2024, appendix A.2), normalised by the residual's variance.
     *
     * @param coefficient weight, 1/32 in the paper
     * @param k most dead latents for each row; 0 for half of the width
     */
    record AuxK(double coefficient, int k) implements Auxiliary {
        public AuxK {
            if (!(coefficient > 0) || k < 0) {
                throw new IllegalArgumentException(
                        "auxk needs a positive coefficient and a k of at least 0, not " + coefficient + " and " + k);
            }
        }

        /** k for activations of {@code width}. */
        public int kFor(int width) {
            return k > 0 ? k : Math.max(1, width / 2);
        }
    }
}
