// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PruningMaskTest {
    private static int[] pruned(PruningMask mask) {
        return IntStream.range(0, mask.size()).filter(i -> !mask.keeps(i)).toArray();
    }

    @Test
    void theLowestScoresGoAndOfEqualOnesThoseOfTheLowerIndex() {
        PruningMask mask = new PruningMask(7);

        assertThat(mask.pruneLowest(new float[] {2, -0f, 1, 0, 1, -3, Float.NaN}, 4, i -> true))
                .isEqualTo(4);

        assertThat(pruned(mask)).containsExactly(1, 2, 3, 5);
        assertThat(mask.surviving()).isEqualTo(3);
        assertThat(mask.sparsity()).isEqualTo(4 / 7.0);
    }

    @Test
    void negativeZeroAndZeroAreEqualScores() {
        PruningMask mask = new PruningMask(3);

        mask.pruneLowest(new float[] {0, -0f, 1}, 1, i -> true);

        assertThat(pruned(mask)).containsExactly(0);
    }

    @Test
    void whatIsPrunedIsNoCandidateAnyMore() {
        PruningMask mask = new PruningMask(4);
        float[] scores = {1, 2, 3, 4};

        mask.pruneLowest(scores, 2, i -> i != 0);
        PruningMask before = mask.copy();
        int more = mask.pruneLowest(scores, 9, i -> i != 3);

        assertThat(pruned(before)).containsExactly(1, 2);
        assertThat(more).isEqualTo(1);
        assertThat(pruned(mask)).containsExactly(0, 1, 2);
    }

    @Test
    void applyingItZeroesWhatIsPruned() {
        PruningMask mask = new PruningMask(3);
        mask.pruneLowest(new float[] {5, 1, 9}, 1, i -> true);
        float[] weights = {7, 8, -9};

        mask.apply(weights);

        assertThat(weights).containsExactly(7, 0, -9);
        assertThat(mask.factors()).containsExactly(1, 0, 1);
    }

    @Test
    void scoresOfAnotherNumberOfWeightsAreRefused() {
        assertThatThrownBy(() -> new PruningMask(3).pruneLowest(new float[2], 1, i -> true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 scores don't fit 3 weights");
    }
}
