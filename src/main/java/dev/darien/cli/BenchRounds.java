// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import java.util.Arrays;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/** One figure measured in several rounds, more being better. */
record BenchRounds(double median, double best, double spread) {

    /** The figures of {@code rounds} rounds. */
    static BenchRounds of(int rounds, IntToDoubleFunction figure) {
        double[] sorted =
                IntStream.range(0, rounds).mapToDouble(figure).sorted().toArray();
        double median = (sorted[(rounds - 1) / 2] + sorted[rounds / 2]) / 2;
        return new BenchRounds(median, sorted[rounds - 1], (sorted[rounds - 1] - sorted[0]) / median);
    }

    /** The same of numbers that are there already. */
    static BenchRounds of(double... figures) {
        double[] copy = Arrays.copyOf(figures, figures.length);
        return of(copy.length, round -> copy[round]);
    }

    /** Adds {@code name}, the median, and {@code name_best} and {@code name_spread}, (highest - lowest) / median. */
    void addTo(Map<String, Object> map, String name) {
        map.put(name, median);
        map.put(name + "_best", best);
        map.put(name + "_spread", spread);
    }
}
