// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.DeadSelection;
import dev.darien.device.PackedEncoder;
import dev.darien.device.PursuitSteps;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link Sparsity} selects from, and where to.
 *
 * @param input F32[rows, d], centred if the SAE subtracts its decoder bias
 * @param encoder the packed encoder
 * @param thresholds F32[1, F] where the rule has thresholds
 * @param smallestKept F32[1, 1], receives the smallest value that a batch-wide rule kept
 * @param training whether entries that only matter for gradients are wanted
 * @param dead a second selection among dead latents, or null
 * @param budgets of a selection by latent, or null
 * @param steps receives the order of a matching pursuit, or null
 * @param codes receives the selection
 */
public record Selection(
        Matrix input,
        PackedEncoder encoder,
        @Nullable Matrix thresholds,
        @Nullable Matrix smallestKept,
        boolean training,
        @Nullable DeadSelection dead,
        @Nullable Budgets budgets,
        @Nullable PursuitSteps steps,
        SparseCodes codes) {

    /**
     * Of a selection by latent.
     *
     * @param tokens I32[1, F], most rows for each latent
     * @param smallestKept F32[1, F], receives the smallest value that each latent kept
     */
    public record Budgets(Matrix tokens, Matrix smallestKept) {}
}
