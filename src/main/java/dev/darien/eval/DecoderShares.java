// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.sae.Autoencoder;
import dev.darien.sae.Mapping;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * How much of each latent of a crosscoder lies in each tensor, by its decoder's norms there: {@code s_l·‖d_j^l‖ / Σ_m
 * s_m·‖d_j^m‖}, the relative decoder norm (Lindsey et al. 2024, "Model Diffing"). Norms are those of activations multiplied
 * by the scales of training, since other tensors' activations may be larger.
 */
public final class DecoderShares {
    private static final int BINS = 10;
    /** Shares that say that a latent is of one tensor alone, or of none of it. */
    private static final double MOST = 0.9;

    private static final double LEAST = 0.1;

    private final List<Mapping.Part> parts;
    private final double[][] shares;

    private DecoderShares(List<Mapping.Part> parts, double[][] shares) {
        this.parts = parts;
        this.shares = shares;
    }

    /**
     * The shares of all latents.
     *
     * @throws IllegalArgumentException if {@code sae} is no crosscoder
     */
    public static DecoderShares of(Autoencoder sae) {
        if (!(sae.mapping() instanceof Mapping.Crosscoder crosscoder)) {
            throw new IllegalArgumentException(
                    "only crosscoders have decoders for several tensors, not a " + sae.mapping());
        }
        List<Mapping.Part> parts = crosscoder.parts();
        float[][] decoder = sae.decoderRows(IntStream.range(0, sae.latents()).toArray());
        double[][] shares = new double[parts.size()][decoder.length];
        for (int latent = 0; latent < decoder.length; latent++) {
            double sum = 0;
            for (int part = 0; part < parts.size(); part++) {
                int first = crosscoder.firstColumn(part);
                double squares = 0;
                for (int at = first; at < first + parts.get(part).width(); at++) {
                    squares += (double) decoder[latent][at] * decoder[latent][at];
                }
                shares[part][latent] = parts.get(part).scale() * Math.sqrt(squares);
                sum += shares[part][latent];
            }
            for (double[] share : shares) {
                share[latent] = sum == 0 ? 1.0 / parts.size() : share[latent] / sum;
            }
        }
        return new DecoderShares(parts, shares);
    }

    /** The shares, [tensors][latents]; those of a latent add up to 1. */
    public double[][] shares() {
        double[][] copy = new double[shares.length][];
        for (int part = 0; part < copy.length; part++) {
            copy[part] = shares[part].clone();
        }
        return copy;
    }

    /** For each tensor: the mean share, how many latents are of it alone (above 0.9) or not of it (below 0.1), a histogram. */
    public Map<String, Map<String, Object>> asMap() {
        Map<String, Map<String, Object>> all = new LinkedHashMap<>();
        for (int part = 0; part < shares.length; part++) {
            int[] histogram = new int[BINS];
            double sum = 0;
            int alone = 0;
            int absent = 0;
            for (double share : shares[part]) {
                sum += share;
                alone += share > MOST ? 1 : 0;
                absent += share < LEAST ? 1 : 0;
                histogram[(int) Math.min(BINS - 1, share * BINS)]++;
            }
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("decoder_share", sum / shares[part].length);
            map.put("latents_alone", alone);
            map.put("latents_absent", absent);
            map.put("decoder_share_histogram", IntStream.of(histogram).boxed().toList());
            all.put(parts.get(part).tensor(), map);
        }
        return all;
    }
}
