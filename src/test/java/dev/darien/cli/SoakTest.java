// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.memory.Allocator;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** That {@code ci/soak} works, and would notice. */
class SoakTest {
    private static final int ROUNDS = 401;

    @TempDir
    Path folder;

    @Test
    void aRoundLeavesNothing() throws Exception {
        SoakRound round = new SoakRound(folder, "cpu:vector", 1);
        Set<Allocator> before = Allocator.trees();
        // A rule by batch, a report.
        round.run(3);
        assertThat(Allocator.trees()).isEqualTo(before);
    }

    private static List<Footprint> footprints(IntFunction<Footprint> one) {
        List<Footprint> all = new ArrayList<>();
        for (int round = 0; round < ROUNDS; round++) {
            all.add(one.apply(round));
        }
        return all;
    }

    private static Footprint steady(int round, long moreMemory, long moreFiles, long owners) {
        Random noise = new Random(round);
        // Settles in the first half.
        long settling = 100_000_000L * Math.min(round, 150) / 150;
        return new Footprint(
                round * 4.5,
                800_000_000 + settling + noise.nextInt(3_000_000) + moreMemory,
                37 + noise.nextInt(2) + moreFiles,
                22,
                22 + noise.nextInt(3),
                9_000_000 + noise.nextInt(100_000),
                owners,
                owners * 64);
    }

    @Test
    void whatIsSteadyPasses() {
        assertThat(SoakRuns.failures(footprints(round -> steady(round, 0, 0, 0))))
                .isEmpty();
    }

    @Test
    void whatGrowsOrStaysIsNoticed() {
        assertThat(SoakRuns.failures(footprints(round -> steady(round, round * 100_000L, 0, 0))))
                .singleElement()
                .asString()
                .matches("RSS grew by (19|20).. MB over the second half, more than 16.0");
        assertThat(SoakRuns.failures(footprints(round -> steady(round, 0, round / 150, 0))))
                .containsExactly("there were at least 37 open files in the second quarter, and 39 in the last");
        assertThat(SoakRuns.failures(footprints(round -> steady(round, 0, 0, round == 7 ? 1 : 0))))
                .containsExactly("after round 8 Darien had 1 owners of 64 bytes");
    }

    @Test
    void theLineIsThatOfLeastSquares() {
        List<Footprint> line = footprints(round -> new Footprint(2 * round, 10 + 6L * round, 0, 0, 0, 0, 0, 0));
        assertThat(Footprint.growth(line, Footprint::resident)).isCloseTo(6 * (ROUNDS - 1), within(1e-6));
    }

    @Test
    void aFootprintIsOfThisProcess() throws Exception {
        Footprint before = Footprint.now(0);
        assertThat(before.resident()).isGreaterThan(20_000_000);
        assertThat(before.threads()).isGreaterThan(5);
        assertThat(before.heap()).isPositive();
        try (Allocator memory = Allocator.host("soak")) {
            memory.matrix("held", 1, 16).close();
            assertThat(Footprint.now(0).owners()).isEqualTo(before.owners() + 1);
        }
    }
}
