// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/**
 * Goes round over all that a long-lived process does with Darien, for some minutes in one JVM, and looks after each round
 * what is left: {@code ci/soak MINUTES [SEED [DEVICE]]}. Nothing may be, and nothing may grow.
 */
public final class SoakRuns {
    /**
     * By how much resident memory may grow over the second half, whatever its length: one compilation by C2 takes some 10 MB
     * and gives them back minutes later.
     */
    static final double MOST_GROWTH = 16e6;

    private SoakRuns() {}

    public static void main(String[] arguments) throws IOException {
        double minutes = Double.parseDouble(arguments[0]);
        long seed = arguments.length > 1 ? Long.parseLong(arguments[1]) : 1;
        String device = arguments.length > 2 ? arguments[2] : "cpu:vector";
        Path folder = Files.createTempDirectory("darien-soak");
        List<Footprint> footprints = new ArrayList<>();
        try {
            run(new SoakRound(folder, device, seed), minutes, footprints);
        } finally {
            try (Stream<Path> all = Files.walk(folder)) {
                for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            }
        }
        List<Footprint> half = part(footprints, 0.5, 1);
        System.out.printf(
                "over the second half RSS grew by %.2f MB, the heap by %.2f MB%n",
                Footprint.growth(half, Footprint::resident) / 1e6, Footprint.growth(half, Footprint::heap) / 1e6);
        List<String> failures = failures(footprints);
        failures.forEach(System.out::println);
        System.out.printf(
                "%s: %d rounds in %.1f minutes, %d failures%n",
                device, footprints.size(), footprints.getLast().seconds() / 60, failures.size());
        System.exit(failures.isEmpty() ? 0 : 1);
    }

    private static void run(SoakRound round, double minutes, List<Footprint> footprints) throws IOException {
        System.out.println(Footprint.header());
        long begin = System.nanoTime();
        double seconds = 0;
        int shown = 0;
        while (seconds < 60 * minutes) {
            round.run(footprints.size());
            seconds = (System.nanoTime() - begin) / 1e9;
            footprints.add(Footprint.now(seconds));
            // The first, then one in every twentieth part of the time.
            if (seconds >= 3 * minutes * shown) {
                System.out.println(footprints.getLast().row(footprints.size()));
                shown = (int) (seconds / (3 * minutes)) + 1;
            }
        }
    }

    /** One sentence for each thing that was left after a round, or has grown. */
    static List<String> failures(List<Footprint> footprints) {
        List<String> failures = new ArrayList<>();
        for (int round = 0; round < footprints.size(); round++) {
            Footprint one = footprints.get(round);
            if (one.owners() != 0) {
                failures.add("after round %d Darien had %d owners of %d bytes"
                        .formatted(round + 1, one.owners(), one.held()));
            }
        }
        List<Footprint> half = part(footprints, 0.5, 1);
        bound(failures, "RSS", half, Footprint::resident);
        bound(failures, "the heap", half, Footprint::heap);
        // The least of each quarter: pools and compilers have a thread more now and then, but what leaks stays.
        List<Footprint> before = part(footprints, 0.25, 0.5);
        List<Footprint> after = part(footprints, 0.75, 1);
        count(failures, "open files", before, after, Footprint::files);
        count(failures, "mappings", before, after, Footprint::mappings);
        count(failures, "threads", before, after, Footprint::threads);
        return failures;
    }

    /** Those of a part of the time. */
    private static List<Footprint> part(List<Footprint> footprints, double from, double to) {
        double all = footprints.getLast().seconds();
        return footprints.stream()
                .filter(one -> one.seconds() >= from * all && one.seconds() <= to * all)
                .toList();
    }

    private static void bound(
            List<String> failures, String what, List<Footprint> half, ToLongFunction<Footprint> measure) {
        double growth = Footprint.growth(half, measure);
        if (growth > MOST_GROWTH) {
            failures.add("%s grew by %.1f MB over the second half, more than %.1f"
                    .formatted(what, growth / 1e6, MOST_GROWTH / 1e6));
        }
    }

    private static void count(
            List<String> failures,
            String what,
            List<Footprint> before,
            List<Footprint> after,
            ToLongFunction<Footprint> measure) {
        long least = before.stream().mapToLong(measure).min().orElse(Long.MAX_VALUE);
        long later = after.stream().mapToLong(measure).min().orElse(0);
        if (later > least) {
            failures.add("there were at least %d %s in the second quarter, and %d in the last"
                    .formatted(least, what, later));
        }
    }
}
