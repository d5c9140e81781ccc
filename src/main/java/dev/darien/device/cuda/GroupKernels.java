// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.LatentGroups;
import dev.darien.memory.Allocator;
import dev.darien.memory.SparseCodes;

/** Launches of the kernels in group.cu: a stable sort of the entries by latent. */
final class GroupKernels implements AutoCloseable {
    private static final int DIGIT_BITS = 8;
    private static final int DIGITS = 1 << DIGIT_BITS;
    /** GROUP_PART in group.cu. */
    private static final int PART = 4096;

    private final CudaModules modules;
    private final Pointers pointers;
    private final Scratch counts;
    private final Scratch totals;
    private final Scratch keys;
    private final Scratch otherKeys;

    GroupKernels(CudaModules modules, Pointers pointers, Allocator memory) {
        this.modules = modules;
        this.pointers = pointers;
        this.counts = new Scratch(memory, "digits of a sort");
        this.totals = new Scratch(memory, "totals of a sort");
        this.keys = new Scratch(memory, "keys of a sort");
        this.otherKeys = new Scratch(memory, "other keys of a sort");
    }

    void groupByLatent(SparseCodes codes, LatentGroups groups) {
        long capacity = codes.capacity();
        long last = pointers.of(codes.offsets()) + (long) codes.rows() * Long.BYTES;
        int bits = Math.max(1, Integer.SIZE - Integer.numberOfLeadingZeros(codes.latents() - 1));
        int passes = (int) Grid.blocks(bits, DIGIT_BITS);
        long entries = pointers.of(groups.entries());
        long rows = pointers.of(groups.rows());
        long from = pointers.of(codes.indices());
        long fromPayload = Pointers.NONE;
        for (int pass = 0; pass < passes; pass++) {
            // The last pass ends in `entries`; those before take turns with `rows`, which is filled afterwards.
            boolean intoEntries = (passes - 1 - pass) % 2 == 0;
            long into = (intoEntries ? keys : otherKeys).ints(capacity);
            long intoPayload = intoEntries ? entries : rows;
            sort(from, fromPayload, last, capacity, pass * DIGIT_BITS, into, intoPayload);
            from = into;
            fromPayload = intoPayload;
        }
        modules.kernel("group_by_latent_offsets")
                .pointer(from)
                .pointer(last)
                .number(capacity)
                .number(codes.latents())
                .pointer(pointers.of(groups.offsets()))
                .launch(Grid.blocks(codes.latents() + 1L, Grid.THREADS), 1, Grid.THREADS);
        modules.kernel("group_by_latent")
                .pointer(entries)
                .pointer(pointers.of(codes.offsets()))
                .number(codes.rows())
                .number(capacity)
                .pointer(rows)
                .launch(Grid.loopBlocks(capacity), 1, Grid.THREADS);
    }

    /**
     * The numbers of {@code capacity} entries, or as many as there are at {@code last}, in the order of their keys, which lie
     * below {@code limit}; of equal keys those of lower number first. Returns which of the two buffers holds them.
     */
    long sorted(long keysOf, long last, long capacity, int limit, long buffer, long other) {
        int bits = Math.max(1, Integer.SIZE - Integer.numberOfLeadingZeros(limit - 1));
        int passes = (int) Grid.blocks(bits, DIGIT_BITS);
        long from = keysOf;
        long payload = Pointers.NONE;
        for (int pass = 0; pass < passes; pass++) {
            long into = (pass % 2 == 0 ? keys : otherKeys).ints(capacity);
            long intoPayload = pass % 2 == 0 ? buffer : other;
            sort(from, payload, last, capacity, pass * DIGIT_BITS, into, intoPayload);
            from = into;
            payload = intoPayload;
        }
        return payload;
    }

    private void sort(long from, long payload, long last, long capacity, int shift, long into, long intoPayload) {
        long parts = Math.max(1, Grid.blocks(capacity, PART));
        long digitCounts = counts.ints(parts * DIGITS);
        long digitTotals = totals.ints(DIGITS);
        modules.kernel("group_by_latent_count")
                .pointer(from)
                .pointer(last)
                .number(capacity)
                .number(shift)
                .pointer(digitCounts)
                .launch(parts, 1, Grid.THREADS);
        modules.kernel("group_by_latent_starts")
                .pointer(digitCounts)
                .number((int) parts)
                .pointer(digitTotals)
                .launch(DIGITS, 1, Grid.threads(parts));
        modules.kernel("group_by_latent_place")
                .pointer(from)
                .pointer(payload)
                .pointer(last)
                .number(capacity)
                .number(shift)
                .pointer(digitCounts)
                .pointer(digitTotals)
                .pointer(into)
                .pointer(intoPayload)
                .launch(parts, 1, Grid.THREADS);
    }

    @Override
    public void close() {
        otherKeys.close();
        keys.close();
        totals.close();
        counts.close();
    }
}
