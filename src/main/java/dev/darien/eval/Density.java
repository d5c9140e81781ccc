// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How often latents fire: the density of a latent is the share of tokens on which it is active.
 *
 * @param counts latents by log10 of their density, in bins of width {@value #BIN_WIDTH} from {@value #LOWEST} to 0; a
 *     bin holds its lower edge, the last one its upper edge too, the first one everything below
 * @param zero number of latents that never fire; they are in no bin
 * @param above1Percent share of latents with a density above 1 %
 * @param above10Percent share of latents with a density above 10 %
 * @param denseMass share of all firings that belongs to latents with a density above 10 %; 0 if nothing fires
 */
public record Density(List<Integer> counts, int zero, double above1Percent, double above10Percent, double denseMass) {
    /** Log10 of the density at the lower edge of the first bin. */
    public static final double LOWEST = -7;

    /** Width of a bin; a power of two, so that the edges are exact. */
    public static final double BIN_WIDTH = 0.25;

    private static final int BINS = (int) (-LOWEST / BIN_WIDTH);

    public Density {
        counts = List.copyOf(counts);
    }

    /**
     * The densities of latents that fired {@code fires[j]} times on {@code tokens} tokens.
     *
     * @throws IllegalArgumentException if there are no tokens, or a latent fired more often than there are tokens
     */
    public static Density of(long[] fires, long tokens) {
        if (tokens < 1) {
            throw new IllegalArgumentException("densities need at least 1 token, not " + tokens);
        }
        int[] counts = new int[BINS];
        int zero = 0;
        int above1 = 0;
        int above10 = 0;
        long total = 0;
        long dense = 0;
        for (long count : fires) {
            if (count < 0 || count > tokens) {
                throw new IllegalArgumentException("a latent can't fire " + count + " times on " + tokens + " tokens");
            }
            total += count;
            if (count == 0) {
                zero++;
                continue;
            }
            double density = (double) count / tokens;
            counts[bin(density)]++;
            if (density > 0.01) {
                above1++;
            }
            if (density > 0.1) {
                above10++;
                dense += count;
            }
        }
        List<Integer> boxed = new ArrayList<>(BINS);
        for (int count : counts) {
            boxed.add(count);
        }
        double latents = Math.max(1, fires.length);
        return new Density(boxed, zero, above1 / latents, above10 / latents, total == 0 ? 0 : (double) dense / total);
    }

    private static int bin(double density) {
        return Math.clamp((long) Math.floor((Math.log10(density) - LOWEST) / BIN_WIDTH), 0, BINS - 1);
    }

    /** The edges of the bins as log10 of the density, one more than there are bins. */
    public static List<Double> edges() {
        List<Double> edges = new ArrayList<>(BINS + 1);
        for (int at = 0; at <= BINS; at++) {
            edges.add(LOWEST + at * BIN_WIDTH);
        }
        return edges;
    }

    /** {@code bins} (the edges), {@code counts, zero, above_1_percent, above_10_percent, dense_mass}, in this order. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("bins", edges());
        map.put("counts", counts);
        map.put("zero", zero);
        map.put("above_1_percent", above1Percent);
        map.put("above_10_percent", above10Percent);
        map.put("dense_mass", denseMass);
        return map;
    }
}
