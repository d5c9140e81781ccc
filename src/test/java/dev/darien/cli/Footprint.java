// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.memory.Allocator;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/**
 * What this process holds at a moment at which it should hold nothing. Linux only.
 *
 * @param seconds since the beginning
 * @param resident bytes of memory that are the process's (VmRSS)
 * @param files open file descriptors
 * @param mappings mapped files that aren't libraries or archives of classes
 * @param threads of the process, those of the JVM included
 * @param heap bytes on the Java heap after a collection
 * @param owners of memory that Darien still has, one for each kind that a device that wasn't closed has
 * @param held bytes that those have
 */
record Footprint(
        double seconds, long resident, long files, long mappings, long threads, long heap, long owners, long held) {
    private static final double MEGABYTE = 1e6;

    static Footprint now(double seconds) throws IOException {
        // Twice: the first makes objects unreachable whose memory the second gives back.
        System.gc();
        System.gc();
        return new Footprint(
                seconds,
                status("VmRSS:") * 1024,
                openFiles(),
                mappedFiles(),
                status("Threads:"),
                ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed(),
                Allocator.trees().size(),
                Allocator.trees().stream().mapToLong(Allocator::allocatedBytes).sum());
    }

    private static long status(String key) throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith(key))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }

    private static long openFiles() throws IOException {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors.count();
        }
    }

    private static long mappedFiles() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(line ->
                            line.indexOf('/') > 0 && !line.matches(".*(\\.so(\\.[0-9.]+)?|\\.jar|/modules|\\.jsa)$"))
                    .count();
        }
    }

    /** How much {@code what} grows from the first to the last of some moments, by the line of least squares. */
    static double growth(List<Footprint> footprints, ToLongFunction<Footprint> what) {
        double meanTime =
                footprints.stream().mapToDouble(Footprint::seconds).average().orElseThrow();
        double mean = footprints.stream().mapToLong(what).average().orElseThrow();
        double covariance = 0;
        double variance = 0;
        for (Footprint one : footprints) {
            covariance += (one.seconds - meanTime) * (what.applyAsLong(one) - mean);
            variance += (one.seconds - meanTime) * (one.seconds - meanTime);
        }
        double span = footprints.getLast().seconds - footprints.getFirst().seconds;
        return variance == 0 ? 0 : covariance / variance * span;
    }

    static String header() {
        return "%6s %8s %8s %6s %9s %8s %9s %7s %6s"
                .formatted("round", "seconds", "RSS, MB", "files", "mappings", "threads", "heap, MB", "owners", "held");
    }

    String row(long round) {
        return "%6d %8.0f %8.1f %6d %9d %8d %9.1f %7d %6d"
                .formatted(
                        round, seconds, resident / MEGABYTE, files, mappings, threads, heap / MEGABYTE, owners, held);
    }
}
