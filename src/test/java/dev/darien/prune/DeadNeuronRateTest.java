// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.SeededRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class DeadNeuronRateTest {
    @Test
    void neuronsThatAreAlwaysDeadAreTheStaticPart() {
        // Of 4 inputs: dead for all, for none, for three.
        DeadNeuronRate rate = DeadNeuronRate.of(new int[] {0, 4, 1}, 4);

        assertThat(rate.staticPart()).isEqualTo(1 / 3.0);
        assertThat(rate.dynamicPart()).isEqualTo(3 / 12.0);
        assertThat(rate.total()).isCloseTo(7 / 12.0, within(1e-15));
    }

    @RepeatedTest(10)
    void theTwoPartsAreTheMeanShareOfDeadNeurons(RepetitionInfo repetition) {
        SeededRandom random = new SeededRandom(repetition.getCurrentRepetition());
        int inputs = 1 + random.nextInt(40);
        int[] active = new int[1 + random.nextInt(50)];
        double deadShares = 0;
        for (int input = 0; input < inputs; input++) {
            int dead = 0;
            for (int neuron = 0; neuron < active.length; neuron++) {
                boolean isActive = neuron % 3 != 0 && random.nextInt(4) == 0;
                active[neuron] += isActive ? 1 : 0;
                dead += isActive ? 0 : 1;
            }
            deadShares += dead / (double) active.length;
        }

        DeadNeuronRate rate = DeadNeuronRate.of(active, inputs);

        assertThat(rate.total()).isCloseTo(deadShares / inputs, within(1e-12));
        assertThat(rate.staticPart() + rate.dynamicPart()).isCloseTo(rate.total(), within(1e-15));
    }
}
