// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class DensityTest {
    @Test
    void edgesGoFromSevenDecadesBelowOneToOne() {
        List<Double> edges = Density.edges();

        assertThat(edges).hasSize(29).startsWith(-7.0, -6.75).endsWith(-0.25, 0.0);
    }

    @Test
    void latentsFallIntoTheBinThatHoldsTheirLowerEdge() {
        Density density = Density.of(new long[] {0, 1, 10, 11, 100, 9999, 10_000}, 10_000);

        assertThat(density.zero()).isEqualTo(1);
        assertThat(density.counts().get(12)).as("10^-4").isEqualTo(1);
        assertThat(density.counts().get(16)).as("10^-3 and 1.1 · 10^-3").isEqualTo(2);
        assertThat(density.counts().get(20)).as("10^-2").isEqualTo(1);
        assertThat(density.counts().get(27)).as("just below 1, and 1").isEqualTo(2);
        assertThat(density.counts().stream().mapToInt(count -> count).sum()).isEqualTo(6);
    }

    @Test
    void whatIsBelowTheFirstEdgeIsInTheFirstBin() {
        assertThat(Density.of(new long[] {1}, 1_000_000_000).counts().getFirst())
                .isEqualTo(1);
    }

    @Test
    void sharesAreStrictlyAboveTheirLimits() {
        // Densities 0, 1 %, 2 %, 10 %, 50 %.
        Density density = Density.of(new long[] {0, 1, 2, 10, 50}, 100);

        assertThat(density.above1Percent()).isEqualTo(3 / 5.0, within(1e-15));
        assertThat(density.above10Percent()).isEqualTo(1 / 5.0, within(1e-15));
        assertThat(density.denseMass()).isEqualTo(50 / 63.0, within(1e-15));
    }

    @Test
    void theMapHasTheNamesOfTheCommandLine() {
        assertThat(Density.of(new long[] {1}, 1).asMap().keySet())
                .containsExactly("bins", "counts", "zero", "above_1_percent", "above_10_percent", "dense_mass");
    }

    @Test
    void impossibleCountsAreRefused() {
        assertThatThrownBy(() -> Density.of(new long[] {3}, 2)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Density.of(new long[] {0}, 0)).isInstanceOf(IllegalArgumentException.class);
    }
}
