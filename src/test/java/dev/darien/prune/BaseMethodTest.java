// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class BaseMethodTest {
    /** Two inputs, two neurons, two classes: weights [2, 2] and [2, 2]. */
    private static final NetworkShape SMALL = NetworkShape.mlp(2, 2, 2);

    private static final float[] WEIGHTS = {1, -2, 3, 4, -1, 2, 2, -0.5f};

    private static float[] scores(BaseMethod method, PruningMask mask, float[] weights) {
        return method.scores(SMALL, mask, weights, new float[] {8, -1, 0, 1, 2, -2, 0.25f, 4}, 3);
    }

    private static float[] scores(BaseMethod method) {
        return scores(method, new PruningMask(WEIGHTS.length), WEIGHTS);
    }

    @Test
    void magnitudeAndGradientAreWhatTheirNamesSay() {
        assertThat(scores(BaseMethod.MAGNITUDE)).containsExactly(1, 2, 3, 4, 1, 2, 2, 0.5f);
        assertThat(scores(BaseMethod.GRADIENT)).containsExactly(8, 2, 0, 4, 2, 4, 0.5f, 2);
    }

    @Test
    void randomDependsOnTheSeedAndNothingElse() {
        float[] some = scores(BaseMethod.RANDOM);

        assertThat(some).containsExactly(scores(BaseMethod.RANDOM, new PruningMask(8), new float[8]));
        assertThat(some).doesNotContain(BaseMethod.RANDOM.scores(SMALL, new PruningMask(8), WEIGHTS, WEIGHTS, 4));
        assertThat(some).doesNotHaveDuplicates();
    }

    @Test
    void lampDividesBySquaresOfItsLayerThatAreAsLargeOrLarger() {
        assertThat(scores(BaseMethod.LAMP))
                .containsExactly(
                        new float[] {1 / 30f, 4 / 29f, 9 / 25f, 1, 1 / 9f, 4 / 8f, 4 / 8f, 0.25f / 9.25f},
                        within(1e-6f));
    }

    @Test
    void lampOnlyCountsWhatIsLeftAndNeverEmptiesALayer() {
        PruningMask mask = new PruningMask(8);
        mask.pruneLowest(new float[] {9, 9, 9, 0, 9, 9, 9, 9}, 1, i -> true);
        float[] weights = WEIGHTS.clone();
        mask.apply(weights);

        float[] scores = scores(BaseMethod.LAMP, mask, weights);
        assertThat(scores[0]).isCloseTo(1 / 14f, within(1e-6f));
        assertThat(scores[2]).isEqualTo(1);

        mask.pruneLowest(scores, 5, i -> true);
        assertThat(mask.keeps(2)).isTrue();
        assertThat(mask.keeps(5) || mask.keeps(6)).isTrue();
    }

    @Test
    void lookaheadRanksWithinALayerByTheNeighbouringNormsToo() {
        // Into the neurons: √5 and 5; out of them: the columns (-1, 2) and (2, -½), √5 and √4.25.
        // First layer: |w|·out = √5, 2√5, 3√4.25, 4√4.25; second: |w|·in = √5, 10, 2√5, 2.5.
        assertThat(scores(BaseMethod.LOOKAHEAD)).containsExactly(0, 0.25f, 0.5f, 0.75f, 0, 0.75f, 0.5f, 0.25f);
    }

    @Test
    void lookaheadKnowsWhichChannelAWeightOfAConvolutionComesFrom() {
        // One channel to two, 2 x 2 positions of them, then dense to two: weights [2, 1] and [2, 8].
        NetworkShape shape = new NetworkShape("conv", List.of(new LayerShape(2, 1, 1, 1, 2), LayerShape.dense(8, 2)));
        float[] weights = new float[18];
        Arrays.fill(weights, 1);
        weights[0] = 3;
        // Of what channel 1 feeds (odd inputs) one weight is large: √(49 + 7) against √8.
        weights[2 + 3] = 7;

        float[] scores = BaseMethod.LOOKAHEAD.scores(shape, new PruningMask(18), weights, weights, 0);

        // 3·√8 = 8.49 is more than 1·√56 = 7.48.
        assertThat(scores[0]).isEqualTo(0.5f);
        assertThat(scores[1]).isZero();
        // Of the second layer, what comes from channel 0, of norm 3, ranks above all of channel 1 but the 7.
        assertThat(scores[2 + 3]).isEqualTo(15 / 16f);
        for (int i = 0; i < 16; i++) {
            if (i != 3) {
                assertThat(scores[2 + i] >= 7 / 16f).as("input %d", i % 8).isEqualTo(i % 2 == 0);
            }
        }
    }
}
