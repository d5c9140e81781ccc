// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.DeadSelection;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/** Launches of the kernels in batch_top_k.cu: the largest values of a whole batch, which is never held. */
final class BatchTopKKernels implements AutoCloseable {
    private static final int STATE_BYTES = 64;
    /** BATCH_BINS in batch_top_k.cu. */
    private static final int BINS = 2048;
    /** Latents of a row, or entries of the list, that one block takes. */
    private static final int PART = 4096;
    /** Where each digit of a key begins, and its bits. */
    private static final int[][] DIGITS = {{21, 11}, {10, 11}, {0, 10}};

    private final CudaModules modules;
    private final Pointers pointers;
    private final PreActivations preActivations;
    private final EncodeKernels rowWise;
    private final Scratch state;
    private final Scratch histogram;
    private final Scratch counts;
    private final Scratch starts;
    private final EntryList list;
    private final EntryList kept;

    BatchTopKKernels(
            CudaModules modules,
            Pointers pointers,
            PreActivations preActivations,
            EncodeKernels rowWise,
            Allocator memory) {
        this.modules = modules;
        this.pointers = pointers;
        this.preActivations = preActivations;
        this.rowWise = rowWise;
        this.state = new Scratch(memory, "state of a selection");
        this.histogram = new Scratch(memory, "histogram of a selection");
        this.counts = new Scratch(memory, "counts of a selection");
        this.starts = new Scratch(memory, "places of a selection");
        this.list = new EntryList(memory, "candidates");
        this.kept = new EntryList(memory, "kept candidates");
    }

    /** The list of a selection: key, row and latent of each entry. */
    private static final class EntryList implements AutoCloseable {
        private final Scratch keys;
        private final Scratch rows;
        private final Scratch latents;

        EntryList(Allocator memory, String what) {
            this.keys = new Scratch(memory, "keys of " + what);
            this.rows = new Scratch(memory, "rows of " + what);
            this.latents = new Scratch(memory, "latents of " + what);
        }

        void reserve(long entries) {
            keys.ints(entries);
            rows.ints(entries);
            latents.ints(entries);
        }

        long keys() {
            return keys.bytes(0);
        }

        CudaKernel pass(CudaKernel kernel) {
            return kernel.pointer(keys()).pointer(rows.bytes(0)).pointer(latents.bytes(0));
        }

        @Override
        public void close() {
            latents.close();
            rows.close();
            keys.close();
        }
    }

    void select(
            Matrix x,
            CudaEncoder encoder,
            long wanted,
            @Nullable DeadSelection dead,
            SparseCodes codes,
            Matrix smallestKept) {
        if (rowWise.clearedEmpty(x, dead, codes)) {
            return;
        }
        int latents = encoder.latents();
        long budget = Math.min(wanted, x.rows() * latents);
        int tileRows = PreActivations.tileRows(x.intRows(), latents, true);
        long room = budget + (long) tileRows * latents;
        list.reserve(room);
        kept.reserve(budget);
        begin();
        for (int first = 0; first < x.rows(); first += tileRows) {
            int rows = Math.min(tileRows, x.intRows() - first);
            PreActivations.Tile tile = preActivations.of(x, encoder, first, rows);
            if (budget > 0) {
                append(tile, encoder, budget);
                cut(budget, room);
            }
            if (dead != null) {
                rowWise.selectRows(tile, encoder, dead.k(), dead, dead.codes());
            }
        }
        finish(x.intRows(), budget, codes, smallestKept);
    }

    private void begin() {
        modules.kernel("fill_32")
                .pointer(histogram.ints(BINS))
                .number((long) BINS)
                .number(BINS)
                .number(0)
                .launch(1, 1, Grid.THREADS);
        modules.kernel("encode_batch_top_k_begin")
                .pointer(state.bytes(STATE_BYTES))
                .launch(1, 1, Grid.WARP);
    }

    private void append(PreActivations.Tile tile, CudaEncoder encoder, long budget) {
        int parts = (int) Grid.blocks(encoder.latents(), PART);
        int threads = Grid.threads(encoder.latents());
        long all = (long) tile.rows() * parts;
        tileKernel("encode_batch_top_k_count", tile, encoder)
                .pointer(counts.ints(all))
                .launch(tile.rows(), parts, threads);
        modules.kernel("encode_batch_top_k_starts")
                .pointer(counts.bytes(0))
                .number(Math.toIntExact(all))
                .number(budget)
                .pointer(state.bytes(0))
                .pointer(starts.longs(all))
                .launch(1, 1, Grid.ONE_BLOCK);
        list.pass(tileKernel("encode_batch_top_k_append", tile, encoder)
                        .pointer(starts.bytes(0))
                        .number(tile.first()))
                .launch(tile.rows(), parts, threads);
    }

    private CudaKernel tileKernel(String name, PreActivations.Tile tile, CudaEncoder encoder) {
        return modules.kernel(name)
                .pointer(tile.address())
                .number(tile.stride())
                .pointer(pointers.of(encoder.bias()))
                .number(encoder.latents())
                .pointer(state.bytes(0))
                .number(PART);
    }

    /** Cuts the list to the budget; the kernels do nothing where it isn't longer, which only the device knows. */
    private void cut(long budget, long room) {
        for (int[] digit : DIGITS) {
            modules.kernel("encode_batch_top_k_histogram")
                    .pointer(list.keys())
                    .pointer(state.bytes(0))
                    .number(digit[0])
                    .number(digit[1])
                    .pointer(histogram.bytes(0))
                    .launch(Grid.loopBlocks(room), 1, Grid.THREADS);
            modules.kernel("encode_batch_top_k_digit")
                    .pointer(histogram.bytes(0))
                    .number(digit[1])
                    .pointer(state.bytes(0))
                    .launch(1, 1, BINS / 2);
        }
        int parts = (int) Grid.blocks(room, PART);
        long larger = counts.ints(2L * parts);
        long equal = larger + (long) parts * Integer.BYTES;
        modules.kernel("encode_batch_top_k_cut_count")
                .pointer(list.keys())
                .pointer(state.bytes(0))
                .number(PART)
                .pointer(larger)
                .pointer(equal)
                .launch(parts, 1, Grid.THREADS);
        modules.kernel("encode_batch_top_k_cut_starts")
                .pointer(state.bytes(0))
                .number(parts)
                .pointer(larger)
                .pointer(equal)
                .launch(1, 1, Grid.ONE_BLOCK);
        kept.pass(list.pass(modules.kernel("encode_batch_top_k_cut_place"))
                        .pointer(state.bytes(0))
                        .number(PART)
                        .pointer(larger)
                        .pointer(equal))
                .launch(parts, 1, Grid.THREADS);
        list.pass(kept.pass(modules.kernel("encode_batch_top_k_cut_copy"))
                        .pointer(state.bytes(0))
                        .number(budget))
                .launch(Grid.loopBlocks(budget), 1, Grid.THREADS);
        modules.kernel("encode_batch_top_k_cut_end")
                .pointer(state.bytes(0))
                .number(budget)
                .launch(1, 1, 1);
    }

    private void finish(int rows, long budget, SparseCodes codes, Matrix smallestKept) {
        list.pass(modules.kernel("encode_batch_top_k_codes"))
                .pointer(state.bytes(0))
                .number(rows)
                .pointer(pointers.of(codes.offsets()))
                .pointer(pointers.of(codes.indices()))
                .pointer(pointers.of(codes.values()))
                .launch(Grid.loopBlocks(Math.max(budget, rows + 1L)), 1, Grid.THREADS);
        modules.kernel("encode_batch_top_k_end")
                .pointer(state.bytes(0))
                .pointer(pointers.of(smallestKept))
                .launch(1, 1, 1);
    }

    @Override
    public void close() {
        kept.close();
        list.close();
        starts.close();
        counts.close();
        histogram.close();
        state.close();
    }
}
