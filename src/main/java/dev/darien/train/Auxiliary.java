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
            check("auxk", coefficient, k);
        }
    }

    /**
     * As {@link AuxK}, for dead latents and for those that fire less often than a share of what a Zipf law fitted to all
     * gives their rank. The idea is Ayonrinde's (2024, aux_zipf_loss); the paper's formula isn't known, and this one is
     * Darien's own. With no latent below its share it is AuxK.
     *
     * @param coefficient weight
     * @param k most such latents for each row; 0 for half of the width
     * @param share of the law's rate below which a latent counts
     */
    record Zipf(double coefficient, int k, double share) implements Auxiliary {
        public Zipf {
            check("zipf", coefficient, k);
            if (!(share >= 0 && share <= 1)) {
                throw new IllegalArgumentException("zipf needs a share between 0 and 1, not " + share);
            }
        }
    }

    private static void check(String name, double coefficient, int k) {
        if (!(coefficient > 0) || k < 0) {
            throw new IllegalArgumentException(
                    name + " needs a positive coefficient and a k of at least 0, not " + coefficient + " and " + k);
        }
    }

    /** Its weight; 0 where there is none. */
    default double coefficient() {
        return switch (this) {
            case None ignored -> 0;
            case AuxK auxK -> auxK.coefficient;
            case Zipf zipf -> zipf.coefficient;
        };
    }

    /** Most latents for each row, of activations of {@code width}; 0 without a loss. */
    default int kFor(int width) {
        int k =
                switch (this) {
                    case None ignored -> -1;
                    case AuxK auxK -> auxK.k;
                    case Zipf zipf -> zipf.k;
                };
        return k < 0 ? 0 : k > 0 ? k : Math.max(1, width / 2);
    }
}
