// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.data.ActivationSource;
import dev.darien.device.Device;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Inference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** What there is to see of single latents: how they fire on data, where most strongly, and which are like them. */
public final class LatentSummaries {
    private static final int BATCH = 1024;

    private final int tops;
    private final long[] fires;
    private final double[] sums;
    private final float[] largest;
    /** The strongest tokens of each latent, strongest first; of equal ones the earlier. */
    private final long[][] topRows;

    private final float[][] topValues;

    private LatentSummaries(int latents, int tops) {
        this.tops = tops;
        fires = new long[latents];
        sums = new double[latents];
        largest = new float[latents];
        topRows = new long[latents][0];
        topValues = new float[latents][0];
    }

    /**
     * A latent.
     *
     * @param latent its number
     * @param fires on how many tokens it is active
     * @param mean of its values where it is active; 0 if it never is
     * @param largest of its values
     * @param strongest tokens, strongest first
     * @param nearest other latents by the cosine of their decoder rows, nearest first
     */
    public record Summary(
            int latent, long fires, double mean, double largest, List<Token> strongest, List<Neighbour> nearest) {
        public Summary {
            strongest = List.copyOf(strongest);
            nearest = List.copyOf(nearest);
        }
    }

    /** A token (a row of the data) and a latent's value there. */
    public record Token(long row, float value) {}

    /** Another latent. */
    public record Neighbour(int latent, double cosine) {}

    /**
     * The {@code count} latents whose values sum to most, of those that are active at all; without data the first ones.
     *
     * @param source data to watch them on, of a transcoder with or without the target beside it; null for none
     * @param tokens how many of its strongest tokens each latent keeps
     * @param neighbours how many other latents each one lists
     */
    public static List<Summary> of(
            Autoencoder sae, @Nullable ActivationSource source, int count, int tokens, int neighbours) {
        LatentSummaries all = new LatentSummaries(sae.latents(), tokens);
        if (source != null) {
            all.watch(sae, source);
        }
        int[] chosen = IntStream.range(0, sae.latents())
                .filter(latent -> source == null || all.fires[latent] > 0)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer latent) -> -all.sums[latent])
                        .thenComparingInt(latent -> latent))
                .limit(count)
                .mapToInt(Integer::intValue)
                .toArray();
        return all.summaries(chosen, nearest(sae, chosen, Math.min(neighbours, sae.latents() - 1)));
    }

    private void watch(Autoencoder sae, ActivationSource source) {
        try (Inference inference = sae.inference((int) Math.min(BATCH, source.rows()));
                Matrix batch = sae.device().staging("batch", source.dtype(), inference.maxRows(), source.width())) {
            for (long first = 0; first < source.rows(); first += inference.maxRows()) {
                int count = (int) Math.min(inference.maxRows(), source.rows() - first);
                source.read(first, count, batch);
                try (SparseCodes codes = inference.toHost(
                        inference.encode(batch.prefix(sae.width()).slice(0, count)))) {
                    for (int token = 0; token < count; token++) {
                        for (int entry = codes.start(token); entry < codes.start(token + 1); entry++) {
                            add(codes.latent(entry), first + token, codes.value(entry));
                        }
                    }
                }
            }
        }
    }

    private void add(int latent, long row, float value) {
        if (value == 0) {
            return;
        }
        fires[latent]++;
        // Some rules keep the sign, and a latent says as much by a negative value.
        float magnitude = Math.abs(value);
        sums[latent] += magnitude;
        largest[latent] = Math.max(largest[latent], magnitude);
        float[] values = topValues[latent];
        int at = values.length;
        while (at > 0 && Math.abs(values[at - 1]) < magnitude) {
            at--;
        }
        if (at == tops) {
            return;
        }
        int length = Math.min(tops, values.length + 1);
        topValues[latent] = Arrays.copyOf(values, length);
        long[] rows = topRows[latent];
        topRows[latent] = Arrays.copyOf(rows, length);
        System.arraycopy(values, at, topValues[latent], at + 1, length - at - 1);
        System.arraycopy(rows, at, topRows[latent], at + 1, length - at - 1);
        topValues[latent][at] = value;
        topRows[latent][at] = row;
    }

    private List<Summary> summaries(int[] chosen, List<List<Neighbour>> nearest) {
        List<Summary> summaries = new ArrayList<>();
        for (int at = 0; at < chosen.length; at++) {
            int latent = chosen[at];
            List<Token> strongest = new ArrayList<>();
            for (int token = 0; token < topRows[latent].length; token++) {
                strongest.add(new Token(topRows[latent][token], topValues[latent][token]));
            }
            summaries.add(new Summary(
                    latent,
                    fires[latent],
                    fires[latent] == 0 ? 0 : sums[latent] / fires[latent],
                    largest[latent],
                    strongest,
                    nearest.get(at)));
        }
        return summaries;
    }

    private static List<List<Neighbour>> nearest(Autoencoder sae, int[] chosen, int count) {
        List<List<Neighbour>> nearest = new ArrayList<>();
        if (chosen.length == 0 || count == 0) {
            return Collections.nCopies(chosen.length, List.of());
        }
        Device device = sae.device();
        try (Directions some = Directions.of(device, sae.decoderRows(chosen));
                Directions all = Directions.decoders(sae.members())) {
            Cosines.forEachRow(some, all, (row, cosines) -> nearest.add(nearest(cosines, chosen[row], count)));
        }
        return nearest;
    }

    private static List<Neighbour> nearest(float[] cosines, int latent, int count) {
        List<Neighbour> nearest = new ArrayList<>();
        for (int other = 0; other < cosines.length; other++) {
            if (other != latent && (nearest.size() < count || cosines[other] > nearest.getLast().cosine)) {
                int at = nearest.size();
                while (at > 0 && nearest.get(at - 1).cosine < cosines[other]) {
                    at--;
                }
                nearest.add(at, new Neighbour(other, cosines[other]));
                if (nearest.size() > count) {
                    nearest.removeLast();
                }
            }
        }
        return nearest;
    }
}
