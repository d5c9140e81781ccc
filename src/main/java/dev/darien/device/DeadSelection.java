// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;

/**
 * A second selection from the same pre-activations: the {@code k} largest positive ones among dead latents, for the
 * auxiliary loss (Gao et al. 2024, section 2.4).
 *
 * @param latents I32[1, F], the dead latents in ascending order, of which the first {@code count} are valid
 * @param count I32[1, 1]
 * @param k most entries for a row
 * @param codes receives the selection; room for rows · k entries
 */
public record DeadSelection(Matrix latents, Matrix count, int k, SparseCodes codes) {
    public DeadSelection {
        latents.require(DType.I32);
        count.require(DType.I32, 1, 1);
        if (k < 1) {
            throw new IllegalArgumentException("k of a selection must be at least 1, not " + k);
        }
    }
}
