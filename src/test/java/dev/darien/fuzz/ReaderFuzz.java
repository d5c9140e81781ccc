// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import dev.darien.memory.Owned;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Gives damaged files to every reader: {@code ci/fuzz --reader NAME|all --inputs N --seconds S --seed X}. Input i of a
 * reader depends on nothing but seed, reader and i, so that {@code --from I --inputs 1} gives it again. Ends with status 1
 * if anything was found; each finding is minimised and left under {@code --out}.
 */
public final class ReaderFuzz {
    private static final int CHECK_OPEN_EVERY = 100;
    private static final long MOST_WAIT_MILLIS = 60_000;

    private final Map<String, String> options = new HashMap<>();
    private final Map<String, String> found = new TreeMap<>();
    private final AtomicReference<String> current = new AtomicReference<>("");
    private long done;

    private ReaderFuzz(String[] arguments) {
        options.putAll(Map.of(
                "reader", "all", "inputs", "1000", "seconds", "86400", "seed", "1", "from", "0", "out", "target/fuzz"));
        for (int i = 0; i < arguments.length; i += 2) {
            if (!arguments[i].startsWith("--")
                    || !options.containsKey(arguments[i].substring(2))
                    || i + 1 == arguments.length) {
                throw new IllegalArgumentException(
                        "ci/fuzz takes " + new TreeSet<>(options.keySet()) + ", not " + arguments[i]);
            }
            options.put(arguments[i].substring(2), arguments[i + 1]);
        }
    }

    public static void main(String[] arguments) throws Exception {
        System.exit(new ReaderFuzz(arguments).run());
    }

    private long number(String option) {
        return Long.parseLong(options.get(option));
    }

    private int run() throws Exception {
        Path work = Files.createTempDirectory("darien-fuzz");
        List<FuzzReader> readers = FuzzReaders.all(work.resolve("seeds"), new Owned());
        Set<String> wanted = Set.of(options.get("reader").split(","));
        List<FuzzReader> chosen = readers.stream()
                .filter(reader -> wanted.contains("all") || wanted.contains(reader.name()))
                .toList();
        if (chosen.isEmpty()) {
            System.err.println("ci/fuzz: --reader is one of " + FuzzReaders.names(readers) + ", or all");
            return 2;
        }
        watch(work.resolve("in"));
        System.out.printf(
                "seed %d%n%-32s %9s %9s %9s %7s %9s  %s%n",
                number("seed"), "reader", "inputs", "read", "refused", "ms", "kB", "findings");
        long begin = System.nanoTime();
        try (Probe probe = new Probe(work.resolve("in"))) {
            for (int i = 0; i < chosen.size(); i++) {
                long left = number("seconds") * 1_000_000_000L - (System.nanoTime() - begin);
                fuzz(probe, chosen.get(i), left / (chosen.size() - i));
            }
        }
        double seconds = (System.nanoTime() - begin) / 1e9;
        System.out.printf("%,d inputs in %.0f s, %d findings%n", done, seconds, found.size());
        found.forEach((kind, detail) -> System.out.println("  " + kind + ": " + detail));
        return found.isEmpty() ? 0 : 1;
    }

    private void fuzz(Probe probe, FuzzReader reader, long nanos) throws IOException {
        for (SortedMap<String, byte[]> seed : reader.seeds()) {
            probe.run(reader, seed).finding().ifPresent(finding -> {
                throw new IllegalStateException("a seed of " + reader.name() + " fails: " + finding);
            });
        }
        probe.startReader();
        long begin = System.nanoTime();
        long accepted = 0;
        int findings = found.size();
        long index = number("from");
        long end = index + number("inputs");
        for (; index < end && System.nanoTime() - begin < nanos; index++) {
            current.set(reader.name() + " --from " + index);
            SortedMap<String, byte[]> input = input(reader, index);
            Probe.Outcome outcome = probe.run(reader, input);
            accepted += outcome.accepted() ? 1 : 0;
            if (outcome.finding().isPresent()) {
                keep(probe, reader, index, input, outcome.finding().get());
            }
            if (index % CHECK_OPEN_EVERY == 0 && !probe.leftOpen().isEmpty()) {
                String kind = reader.name() + " left open";
                String detail =
                        "by one of the " + CHECK_OPEN_EVERY + " inputs up to " + index + ", " + probe.leftOpen();
                if (found.putIfAbsent(kind, detail) == null) {
                    System.out.println("  " + kind + ": " + detail);
                }
            }
            done++;
        }
        current.set("");
        long inputs = index - number("from");
        System.out.printf(
                "%-32s %9d %9d %9d %7.0f %9d  %d%n",
                reader.name(),
                inputs,
                accepted,
                inputs - accepted,
                probe.slowestNanos() / 1e6,
                probe.mostBytes() / 1024,
                found.size() - findings);
    }

    /** Input {@code index}: a seed with one of its files changed, rarely two, rarely one missing. */
    private SortedMap<String, byte[]> input(FuzzReader reader, long index) {
        Random random = new Random((number("seed") * 31 + reader.name().hashCode()) * 1_000_003L + index);
        SortedMap<String, byte[]> input =
                new TreeMap<>(reader.seeds().get(random.nextInt(reader.seeds().size())));
        List<String> names = new ArrayList<>(input.keySet());
        String name = names.get(random.nextInt(names.size()));
        if (names.size() > 1 && random.nextInt(40) == 0) {
            input.remove(name);
            return input;
        }
        input.put(name, Mutator.mutate(input.get(name), random));
        if (random.nextInt(8) == 0) {
            String other = names.get(random.nextInt(names.size()));
            input.put(other, Mutator.mutate(input.get(other), random));
        }
        return input;
    }

    private void keep(
            Probe probe, FuzzReader reader, long index, SortedMap<String, byte[]> input, Probe.Finding finding)
            throws IOException {
        if (found.containsKey(finding.kind())) {
            return;
        }
        current.set("");
        found.put(finding.kind(), "--reader " + reader.name() + " --from " + index + ": " + finding.detail());
        System.out.println("  " + finding.kind() + ", input " + index + ": " + finding.detail());
        SortedMap<String, byte[]> small = new Minimiser(probe, reader, finding.kind()).minimise(input);
        Path folder = Path.of(
                options.get("out"), reader.name(), finding.kind().replaceAll("[^A-Za-z0-9]+", "-") + "-" + index);
        for (Map.Entry<String, byte[]> file : small.entrySet()) {
            Path path = folder.resolve(file.getKey());
            Files.createDirectories(path.getParent());
            Files.write(path, file.getValue());
        }
    }

    /** Ends the process if an input takes so long that nobody would wait; the input is left where it lies. */
    private void watch(Path input) {
        Thread fuzzing = Thread.currentThread();
        Thread.ofPlatform().daemon().start(() -> {
            String before = "";
            try {
                while (true) {
                    Thread.sleep(MOST_WAIT_MILLIS);
                    String now = current.get();
                    if (!now.isEmpty() && now.equals(before)) {
                        System.out.println("HANG: --reader " + now + "; the input is in " + input);
                        for (StackTraceElement frame : fuzzing.getStackTrace()) {
                            System.out.println("    at " + frame);
                        }
                        Runtime.getRuntime().halt(3);
                    }
                    before = now;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
    }
}
