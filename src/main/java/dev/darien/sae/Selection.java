// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.DeadSelection;
import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.device.PackedEncoder;
import dev.darien.device.PursuitSteps;
import dev.darien.memory.Allocator;
import dev.darien.memory.Closing;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.List;
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
 * @param attribution of a selection by gradients, or null
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
        @Nullable Attribution attribution,
        SparseCodes codes) {

    /**
     * Of a selection by latent.
     *
     * @param tokens I32[1, F], most rows for each latent
     * @param smallestKept F32[1, F], receives the smallest value that each latent kept
     */
    public record Budgets(Matrix tokens, Matrix smallestKept) {}

    /**
     * Of a selection by gradients.
     *
     * @param gradients of a loss by the rows as they come, F32[rows, d]
     * @param directions the decoder, packed
     * @param strength F32[1, 1], receives what the magnitudes of attributions are multiplied by
     */
    public record Attribution(Matrix gradients, PackedEncoder directions, Matrix strength) implements AutoCloseable {
        /**
         * Buffers for batches of {@code rows}.
         *
         * @param memory of the device
         */
        public static Attribution allocate(Device device, Allocator memory, int rows, int latents, int width) {
            Matrix gradients = memory.matrix("gradients", rows, width);
            try {
                PackedEncoder directions = device.packedEncoder(latents, width);
                try {
                    return new Attribution(gradients, directions, memory.vector("strength of attributions", 1));
                } catch (RuntimeException | Error e) {
                    Closing.after(e, directions);
                    throw e;
                }
            } catch (RuntimeException | Error e) {
                Closing.after(e, gradients);
                throw e;
            }
        }

        /** Packs the decoder as it is now. */
        public void pack(Kernels kernels, SaeWeights weights) {
            // Biases have no part in directions, but packing takes some.
            kernels.pack(weights.decoder(), weights.encoderBias(), directions);
        }

        /** The same of the {@code count} rows from {@code first}. */
        public Attribution slice(long first, long count) {
            return new Attribution(gradients.slice(first, count), directions, strength);
        }

        @Override
        public void close() {
            Closing.all(List.of(strength, directions, gradients));
        }
    }
}
