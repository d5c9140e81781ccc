// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/**
 * The pre-activations of a batch, a tile of rows at a time: x·W_encᵀ [rows, F] without the bias, which the selection
 * adds as it reads. A tile is the only thing of its size, whatever the batch is.
 */
final class PreActivations implements AutoCloseable {
    /** Elements of a tile: 128 MB. Larger tiles read the weights less often; the product needs some hundred rows. */
    private static final long TILE_ELEMENTS = 1L << 25;
    /** Where the batch-wide selection needs three more arrays of a tile's size. */
    private static final long LISTED_TILE_ELEMENTS = 1L << 24;

    private static final int ALIGNED_ROWS = 128;
    private static final int ALIGNED_COLUMNS = 32;

    private final CudaBlas blas;
    private final DenseKernels dense;
    private final Scratch tile;
    private final Scratch rounded;

    PreActivations(CudaBlas blas, DenseKernels dense, Allocator memory) {
        this.blas = blas;
        this.dense = dense;
        this.tile = new Scratch(memory, "pre-activations of a tile");
        this.rounded = new Scratch(memory, "rounded input of a tile");
    }

    /**
     * Some rows of a batch.
     *
     * @param address of the first pre-activation
     * @param stride elements from row to row
     * @param first the first row's number in the batch
     * @param rows how many
     */
    record Tile(long address, long stride, int first, int rows) {}

    /** How many rows a tile has, for a batch of {@code rows}. */
    static int tileRows(int rows, int latents, boolean listed) {
        long fit = (listed ? LISTED_TILE_ELEMENTS : TILE_ELEMENTS) / latents;
        long aligned = fit >= ALIGNED_ROWS ? fit / ALIGNED_ROWS * ALIGNED_ROWS : Math.max(1, fit);
        return (int) Math.min(rows, aligned);
    }

    /** Enqueues the product of {@code count} rows from {@code first}; the tile holds until the next call. */
    Tile of(Matrix x, CudaEncoder encoder, int first, int count) {
        long stride = Grid.blocks(encoder.latents(), ALIGNED_COLUMNS) * ALIGNED_COLUMNS;
        long address = tile.bytes(count * stride * Float.BYTES);
        Matrix rows = x.slice(first, count);
        @Nullable Matrix roundedWeights = encoder.rounded();
        boolean bf16 = roundedWeights != null;
        Matrix weights = roundedWeights != null ? roundedWeights : encoder.weights();
        blas.multiply(
                bf16 ? dense.rounded(rows, rounded, false) : dense.operand(rows, false),
                dense.operand(weights, true),
                bf16,
                new CudaBlas.Result(address, stride, count, encoder.latents()),
                encoder.width(),
                false);
        return new Tile(address, stride, first, count);
    }

    @Override
    public void close() {
        rounded.close();
        tile.close();
    }
}
