// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How alike two dictionaries are.
 *
 * @param mmcsAToB mean over A's directions of the largest cosine with any of B's (mean max cosine similarity)
 * @param mmcsBToA the other way round
 * @param chance what {@code mmcsAToB} would be for a B of random directions
 * @param matches the one-to-one matching with the largest sum of cosines (Hungarian method), by falling cosine; null if it
 *     wasn't wanted
 */
public record Similarity(
        double mmcsAToB,
        double mmcsBToA,
        double chance,
        @Nullable List<Match> matches) {

    public Similarity {
        matches = matches == null ? null : List.copyOf(matches);
    }

    /** A pair of a matching: direction {@code a} of A and {@code b} of B, and their cosine. */
    public record Match(int a, int b, double cosine) {}

    /**
     * Compares two dictionaries on one device.
     *
     * @param matching whether to match one to one, which takes rows² · columns steps and a matrix of all cosines
     * @throws IllegalArgumentException if they are of different widths
     */
    public static Similarity of(Directions a, Directions b, boolean matching) {
        Cosines.Largest largest = Cosines.largest(a, b);
        return new Similarity(
                Cosines.mean(largest.byA()),
                Cosines.mean(largest.byB()),
                Recovery.chanceCosine(b.rows(), b.width()),
                matching ? match(a, b) : null);
    }

    private static List<Match> match(Directions a, Directions b) {
        boolean swapped = a.rows() > b.rows();
        Directions few = swapped ? b : a;
        Directions many = swapped ? a : b;
        float[][] cosines = new float[few.rows()][];
        Cosines.forEachRow(few, many, (row, values) -> cosines[row] = values.clone());
        int[] columns = Assignment.largest(cosines);
        List<Match> matches = new ArrayList<>();
        for (int row = 0; row < columns.length; row++) {
            double cosine = cosines[row][columns[row]];
            matches.add(swapped ? new Match(columns[row], row, cosine) : new Match(row, columns[row], cosine));
        }
        matches.sort((one, other) -> Double.compare(other.cosine, one.cosine));
        return matches;
    }

    /** The mean of both directions' MMCS. */
    public double mmcs() {
        return (mmcsAToB + mmcsBToA) / 2;
    }

    /**
     * The mean cosine of the matching; with as many directions on both sides, {@code trace(Dᵀ·P·D')/n}. NaN without a
     * matching.
     */
    public double matchedCosine() {
        if (matches == null) {
            return Double.NaN;
        }
        return matches.stream().mapToDouble(Match::cosine).average().orElse(Double.NaN);
    }

    /**
     * {@code mmcs, mmcs_a_to_b, mmcs_b_to_a, chance_cosine}, with a matching also {@code matched, matched_cosine,
     * matched_above_0_9}, in this order.
     */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("mmcs", mmcs());
        map.put("mmcs_a_to_b", mmcsAToB);
        map.put("mmcs_b_to_a", mmcsBToA);
        map.put("chance_cosine", chance);
        if (matches != null) {
            map.put("matched", matches.size());
            map.put("matched_cosine", matchedCosine());
            map.put(
                    "matched_above_0_9",
                    matches.stream()
                            .filter(match -> match.cosine > Recovery.FOUND)
                            .count());
        }
        return map;
    }
}
