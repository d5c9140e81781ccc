// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Stability of a way to train (Gadgil et al. 2025, section 4.1, relaxed as they coded it): how alike the dictionaries of
 * independent runs are. For run e it is the mean over its directions of the largest cosine, floored at 0, with any
 * direction of <em>any</em> other run, so it grows with the number of runs.
 *
 * @param runs for each run
 * @param meanOverRuns the same with the mean over the other runs instead of the largest: their MMCS
 * @param chance what {@code runs} would be if the other runs had random directions
 */
public record Stability(List<Double> runs, List<Double> meanOverRuns, double chance) {
    public Stability {
        runs = List.copyOf(runs);
        meanOverRuns = List.copyOf(meanOverRuns);
    }

    /**
     * The stability of some runs, each the stacked decoders of a run, on one device.
     *
     * @throws IllegalArgumentException if there are fewer than two, or they differ in width
     */
    public static Stability of(List<Directions> runs) {
        int count = runs.size();
        if (count < 2) {
            throw new IllegalArgumentException("stability compares at least 2 runs, not " + count);
        }
        List<float[]> largest = new ArrayList<>();
        double[] sums = new double[count];
        for (Directions run : runs) {
            largest.add(new float[run.rows()]);
        }
        for (int a = 0; a < count; a++) {
            for (int b = a + 1; b < count; b++) {
                Cosines.Largest pair = Cosines.largest(runs.get(a), runs.get(b));
                sums[a] += raise(largest.get(a), pair.byA());
                sums[b] += raise(largest.get(b), pair.byB());
            }
        }
        List<Double> relaxed = new ArrayList<>();
        List<Double> means = new ArrayList<>();
        double chance = 0;
        for (int run = 0; run < count; run++) {
            relaxed.add(Cosines.mean(largest.get(run)));
            means.add(sums[run] / (count - 1));
            int others = 0;
            for (int other = 0; other < count; other++) {
                others += other == run ? 0 : runs.get(other).rows();
            }
            chance += Recovery.chanceCosine(others, runs.getFirst().width()) / count;
        }
        return new Stability(relaxed, means, chance);
    }

    /** Raises {@code largest} to {@code cosines} where those are larger; returns the mean of {@code cosines}, floored at 0. */
    private static double raise(float[] largest, float[] cosines) {
        double sum = 0;
        for (int at = 0; at < cosines.length; at++) {
            largest[at] = Math.max(largest[at], cosines[at]);
            sum += Math.max(0, cosines[at]);
        }
        return sum / cosines.length;
    }

    /**
     * Stability with every direction of a run matched with one of its own in the other (Gadgil et al. 2025, the exact form):
     * the mean over pairs of runs of the mean cosine of the matching, {@code trace(Dᵀ·P·D')/n}. The matching with the
     * largest sum of cosines is that with the smallest squared distances, as all directions have norm 1.
     *
     * @param pairs every pair of runs; NaN if one wasn't matched
     */
    public static double exact(List<Similarity> pairs) {
        return pairs.stream().mapToDouble(Similarity::matchedCosine).average().orElse(Double.NaN);
    }

    /** The mean over the runs. */
    public double mean() {
        return average(runs);
    }

    private static double average(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN);
    }

    /** {@code stability} (the mean), {@code runs, mean_over_runs, chance}, in this order. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("stability", mean());
        map.put("runs", runs);
        map.put("mean_over_runs", average(meanOverRuns));
        map.put("chance", chance);
        return map;
    }
}
