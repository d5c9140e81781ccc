// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import java.util.ArrayList;
import java.util.List;

/** Which reconstructions the squared error is taken of. */
public sealed interface Objective {

    /** That of all active latents. */
    record Whole() implements Objective {}

    /**
     * Of nested dictionaries (Bussmann et al. 2025, Matryoshka SAEs, section 3): the mean over the groups of the error of
     * the first groups alone, each error with the same weight.
     *
     * @param groups latents in each group, in order; they add up to F
     * @param biasLevel whether the error of the decoder bias alone counts too, as one more group without latents
     */
    record Nested(List<Integer> groups, boolean biasLevel) implements Objective {
        public Nested {
            groups = List.copyOf(groups);
            if (groups.isEmpty() || groups.stream().anyMatch(size -> size < 1)) {
                throw new IllegalArgumentException("groups of latents must have at least 1 latent each, not " + groups);
            }
        }

        /**
         * Groups of 1, 1, 2, 4 and 8 sixteenths of {@code latents}, as the paper has them; what doesn't divide goes to the
         * last.
         */
        static List<Integer> sixteenths(int latents) {
            if (latents < 16) {
                throw new IllegalArgumentException(
                        "matryoshka's groups are sixteenths of the latents, of which there are only " + latents
                                + "; set --groups or more latents");
            }
            List<Integer> sizes = new ArrayList<>();
            int left = latents;
            for (int share : List.of(1, 1, 2, 4)) {
                int size = (int) ((long) latents * share / 16);
                sizes.add(size);
                left -= size;
            }
            sizes.add(left);
            return sizes;
        }

        /** How many errors the mean is of. */
        int levels() {
            return groups.size() + (biasLevel ? 1 : 0);
        }

        int latents() {
            return groups.stream().mapToInt(Integer::intValue).sum();
        }
    }

    /**
     * Of two selections, {@code L(k) + weight · L(factor · k)} (Gao et al. 2024, Multi-TopK).
     *
     * @param factor how much larger the second selection is
     * @param weight of its error
     */
    record TwoSelections(int factor, double weight) implements Objective {
        public TwoSelections {
            if (factor < 2 || !(weight > 0)) {
                throw new IllegalArgumentException(
                        "a second selection must be at least twice as large and weigh something," + " not " + factor
                                + " times and " + weight);
            }
        }
    }
}
