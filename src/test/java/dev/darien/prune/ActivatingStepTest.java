// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.data.SeededRandom;
import java.util.BitSet;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class ActivatingStepTest {
    private static final float[] START = {0.5f, -1, 2, -3, 0.25f, -4, 1, -1};
    private static final float[] END = {-0.5f, -1.5f, -1, 3, -0.25f, -4.125f, 0.5f, -1.125f};

    @Test
    void prunesTheNegativeWeightsThatMovedLeast() {
        PruningMask mask = new PruningMask(8);

        // Moved: 1, ½, 3, -, ½, ⅛, -, ⅛. Of the two halves the first goes.
        assertThat(ActivatingStep.MOVEMENT.prune(mask, START, END, 3)).isEqualTo(3);

        assertThat(mask.factors()).containsExactly(1, 0, 1, 1, 1, 0, 1, 0);
    }

    @Test
    void prunesTheSmallestNegativeWeightsWhereAskedTo() {
        PruningMask mask = new PruningMask(8);

        assertThat(ActivatingStep.MAGNITUDE.prune(mask, START, END, 3)).isEqualTo(3);

        assertThat(mask.factors()).containsExactly(0, 1, 0, 1, 0, 1, 1, 1);
    }

    @Test
    void prunesExactlyAsManyHoweverManyTie() {
        PruningMask mask = new PruningMask(100);

        assertThat(ActivatingStep.MOVEMENT.prune(mask, new float[100], Floats.of(100, i -> -1), 7))
                .isEqualTo(7);

        assertThat(mask.surviving()).isEqualTo(93);
    }

    @Test
    void stopsWhenNoNegativeWeightIsLeft() {
        PruningMask mask = new PruningMask(8);

        assertThat(ActivatingStep.MOVEMENT.prune(mask, START, END, 8)).isEqualTo(6);
        assertThat(ActivatingStep.MOVEMENT.prune(mask, START, END, 8)).isZero();
        assertThat(mask.keeps(3) && mask.keeps(6)).isTrue();
    }

    @Test
    void weightsOfTwoNetworksAreRefused() {
        assertThatThrownBy(() -> ActivatingStep.MOVEMENT.prune(new PruningMask(3), new float[3], new float[2], 1))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** For inputs that aren't negative, whoever was active stays so. */
    @RepeatedTest(20)
    void neuronsThatWereActiveStayActiveForNonNegativeInputs(RepetitionInfo repetition) {
        SeededRandom random = new SeededRandom(repetition.getCurrentRepetition());
        int inputs = 1 + random.nextInt(20);
        int neurons = 1 + random.nextInt(20);
        float[] start = Floats.of(inputs * neurons, i -> random.nextGaussian());
        float[] end = Floats.of(inputs * neurons, i -> random.nextGaussian());
        float[] biases = Floats.of(neurons, i -> random.nextGaussian());
        float[][] rows = new float[30][];
        for (int row = 0; row < rows.length; row++) {
            rows[row] = Floats.of(inputs, i -> Math.max(0, random.nextGaussian()));
        }
        PruningMask mask = new PruningMask(end.length);
        BitSet before = active(end, biases, rows);

        ActivatingStep.MOVEMENT.prune(mask, start, end, end.length / 4);
        float[] pruned = end.clone();
        mask.apply(pruned);
        BitSet after = active(pruned, biases, rows);

        before.andNot(after);
        assertThat(before.isEmpty()).as("active before, dead after: %s", before).isTrue();
    }

    private static BitSet active(float[] weights, float[] biases, float[][] rows) {
        BitSet active = new BitSet();
        int inputs = rows[0].length;
        for (int row = 0; row < rows.length; row++) {
            for (int neuron = 0; neuron < biases.length; neuron++) {
                double sum = biases[neuron];
                for (int i = 0; i < inputs; i++) {
                    sum += (double) weights[neuron * inputs + i] * rows[row][i];
                }
                active.set(row * biases.length + neuron, sum > 0);
            }
        }
        return active;
    }
}
