// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import com.sun.management.ThreadMXBean;
import dev.darien.device.Device;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Gives inputs to a reader and watches what becomes of them. What a reader may do with a damaged file is to read it or to
 * refuse it in one line, within two seconds, and with no more memory than the file's size justifies.
 */
final class Probe implements AutoCloseable {
    private static final long MOST_NANOS = 2_000_000_000L;
    private static final long ALWAYS_ALLOWED = 16 << 20;
    private static final long BYTES_PER_BYTE = 256;
    private static final int LONGEST_MESSAGE = 2000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final Path folder;
    private final Device device = Device.open("cpu:scalar");
    private SortedMap<String, byte[]> there = new TreeMap<>();
    private long most;
    private long slowest;

    /** @param folder for the inputs; whatever is in it is removed */
    Probe(Path folder) throws IOException {
        this.folder = folder;
        Files.createDirectories(folder);
        clear();
    }

    /** What became of an input. */
    record Outcome(boolean accepted, Optional<Finding> finding) {}

    /**
     * Something that must not happen.
     *
     * @param kind the same for all inputs that show the same defect
     */
    record Finding(String kind, String detail) {}

    /** Reads an input; once more if it seemed to take too much, which loading classes may do. */
    Outcome run(FuzzReader reader, SortedMap<String, byte[]> input) throws IOException {
        Outcome outcome = read(reader, input);
        return outcome.finding()
                        .filter(finding -> finding.kind().endsWith(" time")
                                || finding.kind().endsWith(" allocation"))
                        .isPresent()
                ? read(reader, input)
                : outcome;
    }

    private Outcome read(FuzzReader reader, SortedMap<String, byte[]> input) throws IOException {
        write(input, reader.writes());
        long size = input.values().stream().mapToLong(bytes -> bytes.length).sum();
        device.memory().resetPeak();
        long bytes = THREADS.getCurrentThreadAllocatedBytes();
        long nanos = THREADS.getCurrentThreadCpuTime();
        Throwable thrown = null;
        try {
            reader.action().read(folder, device);
        } catch (Throwable e) {
            thrown = e;
        }
        nanos = THREADS.getCurrentThreadCpuTime() - nanos;
        bytes = THREADS.getCurrentThreadAllocatedBytes()
                - bytes
                + device.memory().peakBytes();
        long left = device.memory().allocatedBytes();
        slowest = Math.max(slowest, nanos);
        most = Math.max(most, bytes);
        if (left > 0) {
            device.memory().releaseAll();
        }
        return new Outcome(thrown == null, judge(reader, size, thrown, nanos, bytes, left));
    }

    private Optional<Finding> judge(
            FuzzReader reader,
            long size,
            @org.jspecify.annotations.Nullable Throwable thrown,
            long nanos,
            long bytes,
            long left) {
        if (thrown != null && !FuzzReaders.isRefusal(thrown)) {
            return Optional.of(new Finding(reader.name() + " " + signature(thrown), String.valueOf(thrown)));
        }
        if (thrown != null) {
            String message = String.valueOf(thrown.getMessage());
            if (message.isBlank()
                    || message.chars().anyMatch(Character::isISOControl)
                    || message.length() > LONGEST_MESSAGE) {
                return Optional.of(new Finding(
                        reader.name() + " message " + origin(thrown),
                        "a message of " + message.length() + " characters: "
                                + message.substring(0, Math.min(200, message.length()))));
            }
        }
        if (left > 0) {
            return Optional.of(new Finding(reader.name() + " leak", left + " bytes of the device's memory are left"));
        }
        if (nanos > MOST_NANOS) {
            return Optional.of(new Finding(reader.name() + " time", nanos / 1_000_000 + " ms"));
        }
        if (bytes > ALWAYS_ALLOWED + BYTES_PER_BYTE * size) {
            return Optional.of(
                    new Finding(reader.name() + " allocation", bytes + " bytes allocated for an input of " + size));
        }
        return Optional.empty();
    }

    private static String signature(Throwable thrown) {
        return thrown.getClass().getSimpleName() + " " + origin(thrown);
    }

    /** The two innermost frames in code of ours that aren't tests. */
    private static String origin(Throwable thrown) {
        return Arrays.stream(thrown.getStackTrace())
                .filter(frame -> frame.getClassName().startsWith("dev.darien.")
                        && !frame.getClassName().startsWith("dev.darien.fuzz."))
                .limit(2)
                .map(frame -> frame.getClassName().replaceFirst(".*\\.", "") + "." + frame.getMethodName())
                .collect(Collectors.joining(" < "));
    }

    /** Mappings and open files of inputs that are over; there should be none. */
    String leftOpen() throws IOException {
        String path = folder.toString();
        String maps = Files.readString(Path.of("/proc/self/maps"));
        if (maps.contains(path)) {
            return "mapped: "
                    + maps.lines()
                            .filter(line -> line.contains(path))
                            .findFirst()
                            .orElse("");
        }
        try (var open = Files.list(Path.of("/proc/self/fd"))) {
            for (Path descriptor : open.toList()) {
                try {
                    if (Files.readSymbolicLink(descriptor).startsWith(path)) {
                        return "open: " + Files.readSymbolicLink(descriptor);
                    }
                } catch (IOException gone) {
                    // The one that lists the others.
                }
            }
        }
        return "";
    }

    /** Writes what isn't there already. */
    private void write(SortedMap<String, byte[]> input, boolean afresh) throws IOException {
        boolean fewer = there.keySet().stream().anyMatch(name -> !input.containsKey(name));
        if (fewer || afresh) {
            clear();
        }
        for (Map.Entry<String, byte[]> file : input.entrySet()) {
            if (there.get(file.getKey()) != file.getValue()) {
                Path path = folder.resolve(file.getKey());
                Files.createDirectories(path.getParent());
                Files.write(path, file.getValue());
            }
        }
        there = new TreeMap<>(input);
    }

    private void clear() throws IOException {
        try (var all = Files.walk(folder)) {
            for (Path path : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                if (!path.equals(folder)) {
                    Files.delete(path);
                }
            }
        }
        there = new TreeMap<>();
    }

    long mostBytes() {
        return most;
    }

    long slowestNanos() {
        return slowest;
    }

    void startReader() {
        most = 0;
        slowest = 0;
    }

    @Override
    public void close() throws IOException {
        clear();
        Files.deleteIfExists(folder);
        device.close();
    }
}
