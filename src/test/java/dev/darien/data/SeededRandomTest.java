// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class SeededRandomTest {
    @Test
    void theGeneratorIsXoshiro256PlusPlus() {
        // The first numbers of the authors' own C code from the state 1, 2, 3, 4.
        SeededRandom random = new SeededRandom(0);
        random.restore(1, 2, 3, 4);
        assertThat(random.nextLong()).isEqualTo(41943041L);
        assertThat(random.nextLong()).isEqualTo(58720359L);
        assertThat(random.nextLong()).isEqualTo(3588806011781223L);
        assertThat(random.nextLong()).isEqualTo(3591011842654386L);
    }

    @Test
    void seedingIsSplitMix64() {
        assertThat(new SeededRandom(0).state()[0]).isEqualTo(0xE220A8397B1DCDAFL);
        assertThat(new SeededRandom(0).state()[1]).isEqualTo(0x6E789E6AA1B965F4L);
    }

    @Test
    void theSameSeedGivesTheSameNumbersAndTheStateContinuesThem() {
        SeededRandom random = new SeededRandom(5, 9);
        for (int i = 0; i < 100; i++) {
            random.nextGaussian();
        }
        SeededRandom other = new SeededRandom(77);
        other.restore(random.state());
        for (int i = 0; i < 1000; i++) {
            assertThat(other.nextGaussian()).isEqualTo(random.nextGaussian());
            assertThat(other.nextInt(1 + i)).isEqualTo(random.nextInt(1 + i));
        }
        random.reseed(5, 9);
        assertThat(random.state()).isEqualTo(new SeededRandom(5, 9).state());
        assertThat(random.state()).isNotEqualTo(new SeededRandom(9, 5).state());
        assertThat(random.state()).isNotEqualTo(new SeededRandom(5).state());
    }

    @Test
    void boundedNumbersAreUniform() {
        SeededRandom random = new SeededRandom(3);
        for (int bound : new int[] {1, 2, 3, 7, 10}) {
            int[] counts = new int[bound];
            int draws = 100_000;
            for (int i = 0; i < draws; i++) {
                counts[random.nextInt(bound)]++;
            }
            double expected = (double) draws / bound;
            for (int count : counts) {
                assertThat((double) count).as("bound %d", bound).isCloseTo(expected, within(5 * Math.sqrt(expected)));
            }
        }
        // A bound just above 2^30 · 1.5 would show a bias of half if the surplus weren't rejected.
        int bound = 3 << 29;
        int low = 0;
        for (int i = 0; i < 100_000; i++) {
            low += random.nextInt(bound) < bound / 2 ? 1 : 0;
        }
        assertThat(low).isCloseTo(50_000, within(800));
        for (int bad : new int[] {0, -1, Integer.MIN_VALUE}) {
            assertThatThrownBy(() -> random.nextInt(bad)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(random.nextInt(Integer.MAX_VALUE)).isNotNegative();
    }

    @Test
    void realNumbersStayBelowOne() {
        SeededRandom random = new SeededRandom(4);
        double sum = 0;
        for (int i = 0; i < 100_000; i++) {
            float single = random.nextFloat();
            double twice = random.nextDouble();
            assertThat(single >= 0 && single < 1 && twice >= 0 && twice < 1).isTrue();
            sum += single + twice;
        }
        assertThat(sum / 200_000).isCloseTo(0.5, within(0.004));
    }

    @Test
    void gaussiansHaveTheMomentsAndTailsOfTheNormalDistribution() {
        SeededRandom random = new SeededRandom(11);
        int draws = 4_000_000;
        double[] moments = new double[5];
        int beyond1 = 0;
        int beyond2 = 0;
        int beyondTail = 0;
        for (int i = 0; i < draws; i++) {
            double x = random.nextGaussian();
            double power = 1;
            for (int m = 0; m < moments.length; m++) {
                moments[m] += power;
                power *= x;
            }
            beyond1 += Math.abs(x) > 1 ? 1 : 0;
            beyond2 += Math.abs(x) > 2 ? 1 : 0;
            beyondTail += Math.abs(x) > 3.7 ? 1 : 0;
        }
        assertThat(moments[1] / draws).isCloseTo(0, within(0.0025));
        assertThat(moments[2] / draws).isCloseTo(1, within(0.0035));
        assertThat(moments[3] / draws).isCloseTo(0, within(0.01));
        assertThat(moments[4] / draws).isCloseTo(3, within(0.025));
        assertThat((double) beyond1 / draws).isCloseTo(0.317311, within(0.0012));
        assertThat((double) beyond2 / draws).isCloseTo(0.0455, within(0.0006));
        assertThat((double) beyondTail / draws).isCloseTo(0.00021560, within(0.00004));
    }

    @Test
    void statesThatCanNotBeAreRefused() {
        SeededRandom random = new SeededRandom(1);
        assertThatThrownBy(() -> random.restore(0, 0, 0, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> random.restore(1, 2, 3)).isInstanceOf(IllegalArgumentException.class);
    }
}
