// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;

/**
 * Launches of the selection by latent in methods.cu: a list for each latent, filled tile by tile of rows, then sorted by
 * row. Nothing comes back to the host.
 */
final class FeatureChoiceKernels implements AutoCloseable {
    private final CudaModules modules;
    private final Pointers pointers;
    private final PreActivations preActivations;
    private final EncodeKernels rowWise;
    private final GroupKernels group;
    private final Scratch starts;
    private final Scratch sizes;
    private final Scratch counts;
    private final Scratch total;
    private final Scratch values;
    private final Scratch rows;
    private final Scratch latents;
    private final Scratch rowStarts;
    private final Scratch sorted;
    private final Scratch sortedToo;

    FeatureChoiceKernels(
            CudaModules modules,
            Pointers pointers,
            PreActivations preActivations,
            EncodeKernels rowWise,
            GroupKernels group,
            Allocator memory) {
        this.modules = modules;
        this.pointers = pointers;
        this.preActivations = preActivations;
        this.rowWise = rowWise;
        this.group = group;
        this.starts = new Scratch(memory, "lists of latents");
        this.sizes = new Scratch(memory, "sizes of lists");
        this.counts = new Scratch(memory, "entries of rows");
        this.total = new Scratch(memory, "entries of lists");
        this.values = new Scratch(memory, "values of lists");
        this.rows = new Scratch(memory, "rows of lists");
        this.latents = new Scratch(memory, "latents of lists");
        this.rowStarts = new Scratch(memory, "starts of rows");
        this.sorted = new Scratch(memory, "sorted entries");
        this.sortedToo = new Scratch(memory, "sorted entries, other half");
    }

    void select(
            Matrix x,
            CudaEncoder encoder,
            Matrix budgets,
            boolean keepNonPositive,
            SparseCodes codes,
            Matrix smallestKept) {
        if (rowWise.clearedEmpty(x, null, codes)) {
            return;
        }
        int all = encoder.latents();
        int batch = x.intRows();
        long capacity = codes.capacity();
        modules.kernel("encode_feature_choice_starts")
                .pointer(pointers.of(budgets))
                .number(all)
                .number(batch)
                .number(capacity)
                .pointer(starts.ints(all + 1L))
                .pointer(sizes.ints(all))
                .pointer(counts.ints(batch + 1L))
                .pointer(total.longs(1))
                .launch(1, 1, Grid.ONE_BLOCK);
        long listValues = values.ints(capacity);
        long listRows = rows.ints(capacity);
        int tileRows = PreActivations.tileRows(batch, all, false);
        for (int first = 0; first < batch; first += tileRows) {
            PreActivations.Tile tile = preActivations.of(x, encoder, first, Math.min(tileRows, batch - first));
            modules.kernel("encode_feature_choice_offer")
                    .pointer(tile.address())
                    .number(tile.stride())
                    .pointer(pointers.of(encoder.bias()))
                    .number(all)
                    .number(tile.first())
                    .number(tile.rows())
                    .flag(keepNonPositive)
                    .pointer(starts.bytes(0))
                    .pointer(sizes.bytes(0))
                    .pointer(listValues)
                    .pointer(listRows)
                    .launch(Grid.blocks(all, Grid.WARP), 1, Grid.WARP);
        }
        modules.kernel("encode_feature_choice_count")
                .pointer(listValues)
                .pointer(listRows)
                .pointer(starts.bytes(0))
                .pointer(sizes.bytes(0))
                .number(all)
                .number(batch)
                .pointer(latents.ints(capacity))
                .pointer(counts.bytes(0))
                .pointer(pointers.of(smallestKept))
                .launch(Grid.blocks(all, Grid.WARP), 1, Grid.WARP);
        modules.kernel("encode_offsets")
                .pointer(counts.bytes(0))
                .number(batch)
                .number(1)
                .flag(true)
                .pointer(rowStarts.longs(batch))
                .pointer(pointers.of(codes.offsets()))
                .launch(1, 1, Grid.ONE_BLOCK);
        long order = group.sorted(
                listRows, total.bytes(0), capacity, batch + 1, sorted.ints(capacity), sortedToo.ints(capacity));
        modules.kernel("encode_feature_choice")
                .pointer(order)
                .pointer(pointers.of(codes.offsets()) + (long) batch * Long.BYTES)
                .number(capacity)
                .pointer(latents.bytes(0))
                .pointer(listValues)
                .pointer(pointers.of(codes.indices()))
                .pointer(pointers.of(codes.values()))
                .launch(Grid.loopBlocks(capacity), 1, Grid.THREADS);
    }

    @Override
    public void close() {
        for (Scratch scratch :
                new Scratch[] {sortedToo, sorted, rowStarts, latents, rows, values, total, counts, sizes, starts}) {
            scratch.close();
        }
    }
}
