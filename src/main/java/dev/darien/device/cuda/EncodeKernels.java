// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.DeadSelection;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/** Launches of the kernels in encode.cu: row by row, the k largest or all above a threshold. */
final class EncodeKernels implements AutoCloseable {
    /** TOP_K_THREADS in encode.cu. */
    private static final int SELECT_THREADS = 256;
    /** Latents of a row that one block of a threshold kernel takes. */
    private static final int PART = 4096;

    private final CudaModules modules;
    private final Pointers pointers;
    private final PreActivations preActivations;
    private final Scratch values;
    private final Scratch indices;
    private final Scratch counts;
    private final Scratch starts;

    EncodeKernels(CudaModules modules, Pointers pointers, PreActivations preActivations, Allocator memory) {
        this.modules = modules;
        this.pointers = pointers;
        this.preActivations = preActivations;
        this.values = new Scratch(memory, "selected values");
        this.indices = new Scratch(memory, "selected latents");
        this.counts = new Scratch(memory, "counts of entries");
        this.starts = new Scratch(memory, "first entries");
    }

    void topK(Matrix x, CudaEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        largest("encode_top_k_select", x, encoder, k, dead, codes);
    }

    void absTopK(Matrix x, CudaEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        largest("encode_abs_top_k_select", x, encoder, k, dead, codes);
    }

    private void largest(
            String kernel, Matrix x, CudaEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        if (clearedEmpty(x, dead, codes)) {
            return;
        }
        int tileRows = PreActivations.tileRows(x.intRows(), encoder.latents(), false);
        for (int first = 0; first < x.rows(); first += tileRows) {
            int rows = Math.min(tileRows, x.intRows() - first);
            PreActivations.Tile tile = preActivations.of(x, encoder, first, rows);
            selectRows(kernel, tile, encoder, k, null, codes);
            if (dead != null) {
                selectRows(kernel, tile, encoder, dead.k(), dead, dead.codes());
            }
        }
    }

    void groupMax(Matrix x, CudaEncoder encoder, int groups, @Nullable DeadSelection dead, SparseCodes codes) {
        if (clearedEmpty(x, dead, codes)) {
            return;
        }
        int tileRows = PreActivations.tileRows(x.intRows(), encoder.latents(), false);
        for (int first = 0; first < x.rows(); first += tileRows) {
            int rows = Math.min(tileRows, x.intRows() - first);
            PreActivations.Tile tile = preActivations.of(x, encoder, first, rows);
            long chosenValues = values.bytes((long) rows * groups * Float.BYTES);
            long chosenLatents = indices.ints((long) rows * groups);
            long rowCounts = counts.ints(rows);
            modules.kernel("encode_group_max")
                    .pointer(tile.address())
                    .number(tile.stride())
                    .pointer(pointers.of(encoder.bias()))
                    .number(encoder.latents())
                    .number(groups)
                    .pointer(chosenValues)
                    .pointer(chosenLatents)
                    .pointer(rowCounts)
                    .launch(rows, 1, Grid.threads(groups));
            place(tile, groups, chosenValues, chosenLatents, rowCounts, codes);
            if (dead != null) {
                selectRows(tile, encoder, dead.k(), dead, dead.codes());
            }
        }
    }

    void dead(Matrix x, CudaEncoder encoder, DeadSelection dead) {
        if (clearedEmpty(x, null, dead.codes())) {
            return;
        }
        int tileRows = PreActivations.tileRows(x.intRows(), encoder.latents(), false);
        for (int first = 0; first < x.rows(); first += tileRows) {
            int rows = Math.min(tileRows, x.intRows() - first);
            selectRows(preActivations.of(x, encoder, first, rows), encoder, dead.k(), dead, dead.codes());
        }
    }

    /** Codes of no rows have one offset, 0, and that is all there is to do. */
    boolean clearedEmpty(Matrix x, @Nullable DeadSelection dead, SparseCodes codes) {
        if (x.rows() != 0) {
            return false;
        }
        clearOffsets(codes);
        if (dead != null) {
            clearOffsets(dead.codes());
        }
        return true;
    }

    void clearOffsets(SparseCodes codes) {
        modules.kernel("fill_64")
                .pointer(pointers.of(codes.offsets()))
                .number(codes.offsets().stride())
                .number(codes.offsets().columns())
                .number(0L)
                .launch(1, Grid.columnBlocks(codes.offsets().columns()), Grid.THREADS);
    }

    /** The k largest of each row of a tile, among all latents or the dead ones, go to the codes' next rows. */
    void selectRows(
            PreActivations.Tile tile,
            CudaEncoder encoder,
            int wanted,
            @Nullable DeadSelection dead,
            SparseCodes codes) {
        selectRows("encode_top_k_select", tile, encoder, wanted, dead, codes);
    }

    private void selectRows(
            String kernel,
            PreActivations.Tile tile,
            CudaEncoder encoder,
            int wanted,
            @Nullable DeadSelection dead,
            SparseCodes codes) {
        int latents = encoder.latents();
        int k = Math.min(wanted, latents);
        int rows = tile.rows();
        long chosenValues = values.bytes((long) rows * k * Float.BYTES);
        long chosenLatents = indices.ints((long) rows * k);
        long rowCounts = counts.ints(rows);
        modules.kernel(kernel)
                .pointer(tile.address())
                .number(tile.stride())
                .pointer(pointers.of(encoder.bias()))
                .number(latents)
                .pointer(dead == null ? Pointers.NONE : pointers.of(dead.latents()))
                .pointer(dead == null ? Pointers.NONE : pointers.of(dead.count()))
                .number(k)
                .pointer(chosenValues)
                .pointer(chosenLatents)
                .pointer(rowCounts)
                .launch(rows, 1, SELECT_THREADS);
        place(tile, k, chosenValues, chosenLatents, rowCounts, codes);
    }

    /** Addresses of what is chosen for each row: {@code k} values and latents at most, and how many. */
    record Chosen(long values, long latents, long counts) {}

    /** Room for {@code k} entries of each row, until the next call of this object. */
    Chosen chosen(int rows, int k) {
        return new Chosen(
                values.bytes((long) rows * k * Float.BYTES), indices.ints((long) rows * k), counts.ints(rows));
    }

    /** What was chosen for {@code rows} rows from {@code first} on goes to the codes. */
    void place(int first, int rows, int k, Chosen chosen, SparseCodes codes) {
        PreActivations.Tile tile = new PreActivations.Tile(Pointers.NONE, 0, first, rows);
        place(tile, k, chosen.values(), chosen.latents(), chosen.counts(), codes);
    }

    /** As {@link #selectRows} among all latents, by the score that the products of the gradients give them. */
    void selectScored(
            PreActivations.Tile tile,
            CudaEncoder encoder,
            PreActivations.Tile products,
            Matrix strength,
            int wanted,
            SparseCodes codes) {
        int k = Math.min(wanted, encoder.latents());
        int rows = tile.rows();
        long chosenValues = values.bytes((long) rows * k * Float.BYTES);
        long chosenLatents = indices.ints((long) rows * k);
        long rowCounts = counts.ints(rows);
        modules.kernel("encode_gradient_top_k_select")
                .pointer(tile.address())
                .number(tile.stride())
                .pointer(pointers.of(encoder.bias()))
                .pointer(products.address())
                .number(products.stride())
                .pointer(pointers.of(strength))
                .number(encoder.latents())
                .number(k)
                .pointer(chosenValues)
                .pointer(chosenLatents)
                .pointer(rowCounts)
                .launch(rows, 1, SELECT_THREADS);
        place(tile, k, chosenValues, chosenLatents, rowCounts, codes);
    }

    /** At most {@code k} entries that were chosen for each row of a tile go to the codes. */
    private void place(
            PreActivations.Tile tile, int k, long chosenValues, long chosenLatents, long rowCounts, SparseCodes codes) {
        long rowStarts = offsets(tile, 1, codes);
        modules.kernel("encode_top_k_place")
                .pointer(chosenValues)
                .pointer(chosenLatents)
                .pointer(rowCounts)
                .pointer(rowStarts)
                .number(k)
                .pointer(pointers.of(codes.indices()))
                .pointer(pointers.of(codes.values()))
                .launch(tile.rows(), 1, Grid.threads(k));
    }

    /** Turns {@link #counts} of a tile into the offsets of its rows; returns where each part begins. */
    private long offsets(PreActivations.Tile tile, int parts, SparseCodes codes) {
        long partStarts = starts.longs((long) tile.rows() * parts);
        modules.kernel("encode_offsets")
                .pointer(counts.bytes(0))
                .number(tile.rows())
                .number(parts)
                .flag(tile.first() == 0)
                .pointer(partStarts)
                .pointer(pointers.of(codes.offsets()) + (long) tile.first() * Long.BYTES)
                .launch(1, 1, Grid.ONE_BLOCK);
        return partStarts;
    }

    /** Entries beyond the codes' capacity are not written, but the offsets count them. */
    void threshold(Matrix x, CudaEncoder encoder, @Nullable Matrix thresholds, float bandwidth, SparseCodes codes) {
        if (clearedEmpty(x, null, codes)) {
            return;
        }
        int latents = encoder.latents();
        int parts = (int) Grid.blocks(latents, PART);
        int threads = Grid.threads(latents);
        int tileRows = PreActivations.tileRows(x.intRows(), latents, false);
        for (int first = 0; first < x.rows(); first += tileRows) {
            int rows = Math.min(tileRows, x.intRows() - first);
            PreActivations.Tile tile = preActivations.of(x, encoder, first, rows);
            thresholdKernel("encode_threshold_count", tile, encoder, thresholds, bandwidth)
                    .pointer(counts.ints((long) rows * parts))
                    .launch(rows, parts, threads);
            long partStarts = offsets(tile, parts, codes);
            thresholdKernel("encode_threshold_place", tile, encoder, thresholds, bandwidth)
                    .pointer(partStarts)
                    .number(codes.capacity())
                    .pointer(pointers.of(codes.indices()))
                    .pointer(pointers.of(codes.values()))
                    .launch(rows, parts, threads);
        }
    }

    private CudaKernel thresholdKernel(
            String name, PreActivations.Tile tile, CudaEncoder encoder, @Nullable Matrix thresholds, float bandwidth) {
        return modules.kernel(name)
                .pointer(tile.address())
                .number(tile.stride())
                .pointer(pointers.of(encoder.bias()))
                .number(encoder.latents())
                .pointer(pointers.ofNullable(thresholds))
                .number(bandwidth)
                .number(PART);
    }

    @Override
    public void close() {
        starts.close();
        counts.close();
        indices.close();
        values.close();
    }
}
