// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.memory.SparseCodes;
import java.util.List;

/**
 * Connectivity of latents (Gadgil et al. 2025, section 4.1): {@code 1 - ‖C‖₀/n²} with {@code C = Σ c·cᵀ} over tokens, the
 * share of pairs of latents that are never active together. Latents that seldom or never fire raise it. Counted exactly,
 * in bits.
 */
public final class Connectivity {
    /** Latents up to which it can be counted: 2^31 pairs are 512 MB. */
    public static final int MOST_LATENTS = 1 << 16;

    private final int latents;
    private final int words;
    private final long[][] together;

    /**
     * Nothing counted yet, among {@code latents} latents: of an ensemble, those of all members.
     *
     * @throws IllegalArgumentException if there are more than {@value #MOST_LATENTS}, or none
     */
    public Connectivity(int latents) {
        if (latents < 1 || latents > MOST_LATENTS) {
            throw new IllegalArgumentException(
                    "connectivity can be counted among 1 to " + MOST_LATENTS + " latents, not " + latents);
        }
        this.latents = latents;
        this.words = Math.ceilDiv(latents, Long.SIZE);
        this.together = new long[latents][];
    }

    /**
     * Counts the tokens of a batch.
     *
     * @param members the codes of each member of an ensemble, of the same tokens, in memory that Java can reach; one for a
     *     single SAE
     */
    public void add(List<SparseCodes> members) {
        int[] active = new int[latents];
        for (int token = 0; token < members.getFirst().rows(); token++) {
            int count = 0;
            int first = 0;
            for (SparseCodes codes : members) {
                for (int entry = codes.start(token); entry < codes.start(token + 1); entry++) {
                    if (codes.value(entry) != 0) {
                        active[count++] = first + codes.latent(entry);
                    }
                }
                first += codes.latents();
            }
            if (count > words) {
                addDense(active, count);
            } else {
                addSparse(active, count);
            }
        }
    }

    private void addSparse(int[] active, int count) {
        for (int a = 0; a < count; a++) {
            long[] row = row(active[a]);
            for (int b = 0; b < count; b++) {
                row[active[b] >>> 6] |= 1L << active[b];
            }
        }
    }

    /** Whole words at a time, where that is less work. */
    private void addDense(int[] active, int count) {
        long[] mask = new long[words];
        for (int b = 0; b < count; b++) {
            mask[active[b] >>> 6] |= 1L << active[b];
        }
        for (int a = 0; a < count; a++) {
            long[] row = row(active[a]);
            for (int word = 0; word < words; word++) {
                row[word] |= mask[word];
            }
        }
    }

    private long[] row(int latent) {
        long[] row = together[latent];
        if (row == null) {
            row = new long[words];
            together[latent] = row;
        }
        return row;
    }

    /** Of what has been counted so far. */
    public double value() {
        long pairs = 0;
        for (long[] row : together) {
            if (row != null) {
                for (long word : row) {
                    pairs += Long.bitCount(word);
                }
            }
        }
        return 1 - (double) pairs / ((double) latents * latents);
    }
}
