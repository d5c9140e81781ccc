// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.sae.Relu;
import java.util.List;
import org.junit.jupiter.api.Test;

class LatentSummariesTest {
    private static final float[][] ROWS = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 1, 0}, {0, 0, -1}};

    /** Latents 0 to 2 are the axes, 3 lies between the first two, 4 is the opposite of 2. */
    private static SaeFixture fixture() {
        return new SaeFixture("cpu:vector", new Relu(), ROWS, new float[5], ROWS, new float[3]);
    }

    @Test
    void latentsAreListedByWhatTheyComeToWithTheirStrongestTokens() {
        float[][] x = {{1, 0, 0}, {3, 0, 0}, {2, 0, 0}, {3, 0, 0}, {0, 5, 0}, {0, 0, 0}, {-1, 0, 0}};
        try (SaeFixture fixture = fixture()) {
            List<LatentSummaries.Summary> all = LatentSummaries.of(fixture.sae(), ArraySource.of(x), 10, 3, 2);

            // Latents that never fire aren't listed; 3 fires with 1 + 3 + 2 + 3 + 5, 0 with 9, 1 with 5.
            assertThat(all).extracting(LatentSummaries.Summary::latent).containsExactly(3, 0, 1);
            LatentSummaries.Summary zero = all.get(1);
            assertThat(zero.fires()).isEqualTo(4);
            assertThat(zero.mean()).isEqualTo(2.25);
            assertThat(zero.largest()).isEqualTo(3);
            // Of equally strong tokens the earlier one first.
            assertThat(zero.strongest())
                    .containsExactly(
                            new LatentSummaries.Token(1, 3),
                            new LatentSummaries.Token(3, 3),
                            new LatentSummaries.Token(2, 2));
            assertThat(zero.nearest()).hasSize(2);
            assertThat(zero.nearest().getFirst().latent()).isEqualTo(3);
            assertThat(zero.nearest().getFirst().cosine()).isEqualTo(Math.sqrt(0.5), within(1e-6));
            assertThat(LatentSummaries.of(fixture.sae(), ArraySource.of(x), 1, 3, 2))
                    .extracting(LatentSummaries.Summary::latent)
                    .containsExactly(3);
        }
    }

    @Test
    void withoutDataTheyAreListedInOrderWithTheirNeighbours() {
        try (SaeFixture fixture = fixture()) {
            List<LatentSummaries.Summary> all = LatentSummaries.of(fixture.sae(), null, 4, 3, 99);

            assertThat(all).extracting(LatentSummaries.Summary::latent).containsExactly(0, 1, 2, 3);
            assertThat(all.get(2).strongest()).isEmpty();
            assertThat(all.get(2).nearest()).hasSize(4);
            assertThat(all.get(2).nearest().getLast()).isEqualTo(new LatentSummaries.Neighbour(4, -1));
        }
    }
}
