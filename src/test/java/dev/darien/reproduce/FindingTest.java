// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class FindingTest {
    @Test
    void theIntervalIsStudents() {
        // Mean 3, deviation √2.5, five values: 2.7764 · √(2.5/5).
        Interval interval = Interval.of(List.of(1.0, 2.0, 3.0, 4.0, 5.0));

        assertThat(interval.mean()).isEqualTo(3);
        assertThat(interval.half()).isCloseTo(2.7764 * Math.sqrt(0.5), within(1e-9));
        assertThat(interval).hasToString("3.0000 (1.0368 to 4.9632)");
    }

    @Test
    void oneSeedHasNoIntervalAndSettlesNothing() {
        Finding finding = Finding.positive("claim", "setting", List.of(7.0));

        assertThat(finding.interval()).hasToString("7.0000");
        assertThat(finding.verdict()).isEqualTo(Verdict.NOT_TESTABLE);
        assertThat(finding.remark()).contains("one seed");
    }

    @Test
    void moreSeedsThanTheTableHasGetItsLastRow() {
        List<Double> values = Collections.nCopies(50, 1.0);
        assertThat(Interval.of(values).half()).isZero();
    }

    @Test
    void aClaimHoldsWhereItsWholeIntervalLiesOnItsSide() {
        List<Double> above = List.of(1.0, 1.1, 0.9);
        List<Double> around = List.of(1.0, -0.9, 0.9);
        List<Double> below = List.of(-1.0, -1.1, -0.9);
        assertThat(Finding.positive("c", "s", above).verdict()).isEqualTo(Verdict.HOLDS);
        assertThat(Finding.positive("c", "s", around).verdict()).isEqualTo(Verdict.DOES_NOT_HOLD);
        assertThat(Finding.positive("c", "s", below).verdict()).isEqualTo(Verdict.DOES_NOT_HOLD);
        assertThat(Finding.negative("c", "s", below).verdict()).isEqualTo(Verdict.HOLDS);
        assertThat(Finding.negative("c", "s", above).verdict()).isEqualTo(Verdict.DOES_NOT_HOLD);
        // A figure that isn't a number holds nothing.
        assertThat(Finding.positive("c", "s", List.of(1.0, Double.NaN)).verdict())
                .isEqualTo(Verdict.DOES_NOT_HOLD);
    }

    @Test
    void verdictsAreThreeExactWords() {
        assertThat(Verdict.values())
                .extracting(Verdict::toString)
                .containsExactly("holds", "does not hold", "not testable");
    }

    @Test
    void ranksShareTiesAndFollowAnyOrder() {
        double[] rising = {1, 2, 3, 4};
        assertThat(RankCorrelation.of(rising, new double[] {10, 100, 1000, 1001}))
                .isEqualTo(1, within(1e-15));
        assertThat(RankCorrelation.of(rising, new double[] {4, 3, 2, 1})).isEqualTo(-1, within(1e-15));
        // Ranks 0, 1½, 1½, 3 against 0 … 3: 4.5 / √(5 · 4.5).
        assertThat(RankCorrelation.of(rising, new double[] {1, 2, 2, 3}))
                .isEqualTo(4.5 / Math.sqrt(5 * 4.5), within(1e-15));
        assertThat(RankCorrelation.of(rising, new double[4])).isNaN();
    }

    @Test
    void thePageHasARowForEachClaimAndTheFiguresBelow() {
        Results results = new Results(
                List.of(
                        Finding.positive("up", "here", List.of(1.0, 1.0)),
                        Finding.notTestable("far", "there", "too far")),
                List.of(new Results.Table("Figures", List.of("a", "b"), List.of(List.of("1", "2")))));

        assertThat(results.markdown("./darien reproduce X")).isEqualTo("""
                        | claim | our setting | command | seeds | mean (95 % interval) | verdict | remark |
                        |---|---|---|---|---|---|---|
                        | up | here | `./darien reproduce X` | 2 | 1.0000 (1.0000 to 1.0000) | holds |  |
                        | far | there | `./darien reproduce X` | 0 | – | not testable | too far |

                        Figures:

                        | a | b |
                        |---|---|
                        | 1 | 2 |
                        """);
    }
}
