// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Goes round over all that a long-lived process does with Darien, for some minutes in one JVM, and looks after each round
 * what is left: {@code ci/soak MINUTES [SEED [DEVICE]]}. Nothing may be, and nothing may grow.
 */
public final class SoakRuns {
    /**
     * By how much resident memory may grow over the second half, whatever its length: the JVM goes on compiling, and the
     * memory allocator on moving its borders.
     */
    static final double MOST_GROWTH = 8e6;

    private SoakRuns() {}

    public static void main(String[] arguments) throws IOException {
        double minutes = Double.parseDouble(arguments[0]);
        long seed = arguments.length > 1 ? Long.parseLong(arguments[1]) : 1;
        String device = arguments.length > 2 ? arguments[2] : "cpu:vector";
        Path folder = Files.createTempDirectory("darien-soak");
        try {
            List<Footprint> footprints = run(folder, device, seed, minutes);
            List<String> failures = failures(footprints);
            failures.forEach(System.out::println);
            System.out.printf(
                    "%s: %d rounds in %.1f minutes, %d failures%n",
                    device, footprints.size(), footprints.getLast().seconds() / 60, failures.size());
            System.exit(failures.isEmpty() ? 0 : 1);
        } finally {
            try (Stream<Path> all = Files.walk(folder)) {
                for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            }
        }
    }

    private static List<Footprint> run(Path folder, String device, long seed, double minutes) throws IOException {
        SoakRound round = new SoakRound(folder, device, seed);
        List<Footprint> footprints = new ArrayList<>();
        System.out.println(Footprint.header());
        long begin = System.nanoTime();
        double seconds = 0;
        while (seconds < 60 * minutes) {
            round.run(footprints.size());
            seconds = (System.nanoTime() - begin) / 1e9;
            footprints.add(Footprint.now(seconds));
            // The first, then one in every twentieth part of the time.
            if (footprints.size() == 1
                    || (int) (seconds / (3 * minutes))
                            > (int) (footprints.get(footprints.size() - 2).seconds() / (3 * minutes))) {
                System.out.println(footprints.getLast().row(footprints.size()));
            }
        }
        return footprints;
    }

    /** One sentence for each thing that was left or has grown. */
    static List<String> failures(List<Footprint> footprints) {
        List<String> failures = new ArrayList<>();
        List<Footprint> half = footprints.subList(footprints.size() / 2, footprints.size());
        double growth = Footprint.growth(half, Footprint::resident);
        System.out.printf(
                "over the second half RSS grew by %.2f MB, the heap by %.2f MB%n",
                growth / 1e6, Footprint.growth(half, Footprint::heap) / 1e6);
        if (growth > MOST_GROWTH) {
            failures.add("RSS grew by %.1f MB over the second half, more than %.1f"
                    .formatted(growth / 1e6, MOST_GROWTH / 1e6));
        }
        if (Footprint.growth(half, Footprint::heap) > MOST_GROWTH) {
            failures.add("the heap grew over the second half");
        }
        for (int round = 0; round < footprints.size(); round++) {
            if (footprints.get(round).held() != 0) {
                failures.add("after round " + (round + 1) + " Darien held "
                        + footprints.get(round).held() + " bytes");
            }
        }
        // Once libraries are loaded and pools have their threads, the largest of each kind has been seen.
        List<Footprint> firstHalf = footprints.subList(0, footprints.size() / 2);
        for (Count count : Count.values()) {
            long before = firstHalf.stream().mapToLong(count::of).max().orElse(Long.MAX_VALUE);
            long after = half.stream().mapToLong(count::of).max().orElse(0);
            if (after > before) {
                failures.add("there were up to " + before + " " + count.what + ", and later " + after);
            }
        }
        return failures;
    }

    private enum Count {
        FILES("open files"),
        MAPPINGS("mappings"),
        THREADS("threads");

        private final String what;

        Count(String what) {
            this.what = what;
        }

        long of(Footprint footprint) {
            return switch (this) {
                case FILES -> footprint.files();
                case MAPPINGS -> footprint.mappings();
                case THREADS -> footprint.threads();
            };
        }
    }
}
