// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.DeadSelection;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/** Gradient TopK: a tile of products with the decoder beside each tile of pre-activations. */
final class GradientTopKKernels implements AutoCloseable {
    private final CudaModules modules;
    private final Pointers pointers;
    private final PreActivations preActivations;
    private final PreActivations attributions;
    private final EncodeKernels encode;
    private final Scratch sums;

    /** @param attributions with a tile of its own */
    GradientTopKKernels(
            CudaModules modules,
            Pointers pointers,
            PreActivations preActivations,
            PreActivations attributions,
            EncodeKernels encode,
            Allocator memory) {
        this.modules = modules;
        this.pointers = pointers;
        this.preActivations = preActivations;
        this.attributions = attributions;
        this.encode = encode;
        this.sums = new Scratch(memory, "magnitudes of attributions");
    }

    void strength(Matrix gradients, CudaEncoder directions, float beta, Matrix strength) {
        int all = gradients.intRows();
        int latents = directions.latents();
        long rowSums = sums.doubles(Math.max(1, all));
        int tileRows = PreActivations.tileRows(all, latents, true);
        for (int first = 0; first < all; first += tileRows) {
            int rows = Math.min(tileRows, all - first);
            PreActivations.Tile products = attributions.of(gradients, directions, first, rows);
            modules.kernel("attribution_strength_rows")
                    .pointer(products.address())
                    .number(products.stride())
                    .number(latents)
                    .pointer(rowSums + (long) first * Double.BYTES)
                    .launch(rows, 1, Grid.threads(latents));
        }
        modules.kernel("attribution_strength")
                .pointer(rowSums)
                .number(all)
                .number((double) all * latents)
                .number(beta)
                .pointer(pointers.of(strength))
                .launch(1, 1, Grid.ONE_BLOCK);
    }

    void select(
            Matrix x,
            CudaEncoder encoder,
            Matrix gradients,
            CudaEncoder directions,
            Matrix strength,
            int k,
            @Nullable DeadSelection dead,
            SparseCodes codes) {
        if (encode.clearedEmpty(x, dead, codes)) {
            return;
        }
        int tileRows = PreActivations.tileRows(x.intRows(), encoder.latents(), true);
        for (int first = 0; first < x.rows(); first += tileRows) {
            int rows = Math.min(tileRows, x.intRows() - first);
            PreActivations.Tile tile = preActivations.of(x, encoder, first, rows);
            PreActivations.Tile products = attributions.of(gradients, directions, first, rows);
            encode.selectScored(tile, encoder, products, strength, k, codes);
            if (dead != null) {
                encode.selectRows(tile, encoder, dead.k(), dead, dead.codes());
            }
        }
    }

    @Override
    public void close() {
        sums.close();
    }
}
