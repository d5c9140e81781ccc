// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import dev.darien.memory.Owned;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The same readers for Jazzer, which goes by coverage: {@code ci/jazzer READER FILE RUNS}. Its bytes take the place of one
 * file of the first seed. The checks are those of {@link Probe}.
 */
public final class JazzerFuzz {
    private static final FuzzReader READER;
    private static final Probe PROBE;
    private static final String FILE = System.getProperty("fuzz.file", "");

    static {
        try {
            Path work = Files.createTempDirectory("darien-jazzer");
            String name = System.getProperty("fuzz.reader", "safetensors");
            READER = FuzzReaders.all(work.resolve("seeds"), new Owned()).stream()
                    .filter(reader -> reader.name().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("no reader is called " + name));
            PROBE = new Probe(work.resolve("in"));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private JazzerFuzz() {}

    private static String file() {
        return FILE.isEmpty() ? READER.seeds().getFirst().firstKey() : FILE;
    }

    /** Called by Jazzer with each input. */
    public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
        SortedMap<String, byte[]> input = new TreeMap<>(READER.seeds().getFirst());
        input.put(file(), bytes);
        PROBE.run(READER, input).finding().ifPresent(finding -> {
            throw new AssertionError(finding.kind() + ": " + finding.detail());
        });
    }

    /** Writes the seeds, for Jazzer to begin with. */
    public static void main(String[] arguments) throws IOException {
        List<SortedMap<String, byte[]>> seeds = READER.seeds();
        for (int i = 0; i < seeds.size(); i++) {
            for (Map.Entry<String, byte[]> file : seeds.get(i).entrySet()) {
                if (file.getKey().equals(file())) {
                    Files.write(
                            Path.of(arguments[0], "seed-" + i), Arrays.copyOf(file.getValue(), file.getValue().length));
                }
            }
        }
        PROBE.close();
        System.exit(0);
    }
}
