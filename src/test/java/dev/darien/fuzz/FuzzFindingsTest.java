// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.memory.Owned;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever the fuzzer found stays mended; {@code ci/fuzz} looks for more. */
class FuzzFindingsTest {
    private static final int MUTANTS = 6;

    /** Says, rightly, that every one of the damaged checkpoints is damaged. */
    private static final Logger CHECKPOINTS = Logger.getLogger("dev.darien.train.CheckpointStore");

    @TempDir
    private Path folder;

    private final Owned open = new Owned();

    @AfterEach
    void close() {
        open.close();
    }

    @BeforeAll
    static void silence() {
        CHECKPOINTS.setLevel(Level.OFF);
    }

    @AfterAll
    static void speak() {
        CHECKPOINTS.setLevel(null);
    }

    @Test
    void everyFindingIsReadOrRefused() throws IOException, URISyntaxException {
        Path findings = Path.of(FuzzFindingsTest.class.getResource("/fuzz").toURI());
        List<FuzzReader> readers = FuzzReaders.all(folder.resolve("seeds"), open);
        assertThat(FuzzReaders.names(readers))
                .containsAll(FuzzReaders.folders(findings).stream()
                        .map(path -> String.valueOf(path.getFileName()))
                        .toList());
        int replayed = 0;
        try (Probe probe = new Probe(folder.resolve("in"))) {
            for (FuzzReader reader : readers) {
                for (Path finding : FuzzReaders.folders(findings.resolve(reader.name()))) {
                    assertThat(probe.run(reader, FuzzReaders.files(finding)).finding())
                            .as("%s", findings.relativize(finding))
                            .isEmpty();
                    replayed++;
                }
            }
            assertThat(probe.leftOpen()).isEmpty();
        }
        assertThat(replayed).isGreaterThan(10);
    }

    /** The harness itself: it sees what a reader does wrong, and mutants of every seed do nothing of it. */
    @Test
    void mutantsOfEverySeedAreReadOrRefused() throws IOException {
        long seed = 11;
        Random random = new Random(seed);
        try (Probe probe = new Probe(folder.resolve("in"))) {
            for (FuzzReader reader : FuzzReaders.all(folder.resolve("seeds"), open)) {
                for (SortedMap<String, byte[]> sound : reader.seeds()) {
                    assertThat(probe.run(reader, sound).finding())
                            .as(reader.name())
                            .isEmpty();
                    for (int mutant = 0; mutant < MUTANTS; mutant++) {
                        SortedMap<String, byte[]> input = new TreeMap<>(sound);
                        input.replaceAll((name, bytes) -> Mutator.mutate(bytes, random));
                        assertThat(probe.run(reader, input).finding())
                                .as("%s, mutant %d, seed %d", reader.name(), mutant, seed)
                                .isEmpty();
                    }
                }
            }
            FuzzReader wrong = new FuzzReader("wrong", List.of(), (in, device) -> {
                throw new IllegalStateException("not a refusal");
            });
            assertThat(probe.run(wrong, new TreeMap<>()).finding()).isPresent();
            FuzzReader greedy = new FuzzReader(
                    "greedy", List.of(), (in, device) -> device.memory().matrix("greedy", 1 << 12, 1 << 12));
            assertThat(probe.run(greedy, new TreeMap<>()).finding().map(Probe.Finding::kind))
                    .contains("greedy leak");
        }
    }
}
