// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.Arena;
import org.junit.jupiter.api.Test;

/** Data whose features have parents. */
class HierarchicalSourceTest {
    private static final int ROWS = 4000;

    /** A child is only on with its own parent, and as often as is said. */
    @Test
    void childrenNeedTheirParents() {
        int parents = 0;
        int children = 0;
        try (HierarchicalSource source = new HierarchicalSource(3, 1, ROWS)) {
            for (int row = 0; row < ROWS; row++) {
                int[] on = source.features(row);
                for (int parent = 0; parent < on.length; parent++) {
                    parents += on[parent] >= -1 ? 1 : 0;
                    if (on[parent] >= 0) {
                        children++;
                        assertThat(on[parent] / HierarchicalSource.CHILDREN).isEqualTo(parent);
                    }
                }
            }
        }
        assertThat((double) parents / ROWS / HierarchicalSource.PARENTS)
                .isCloseTo(HierarchicalSource.PARENT_RATE, within(0.01));
        assertThat((double) children / parents).isCloseTo(HierarchicalSource.CHILD_RATE, within(0.01));
    }

    /** What is left of a row without the features that are said to be on, each with its own magnitude, is noise. */
    @Test
    void rowsAreMadeOfTheFeaturesThatAreOn() {
        try (HierarchicalSource source = new HierarchicalSource(3, 1, ROWS);
                HierarchicalSource same = new HierarchicalSource(3, 1, ROWS);
                Arena arena = Arena.ofConfined()) {
            int width = HierarchicalSource.WIDTH;
            Matrix first = Matrix.of(arena.allocate(4L * width * 200), DType.F32, 200, width);
            Matrix again = Matrix.of(arena.allocate(4L * width * 2), DType.F32, 2, width);
            source.read(0, 200, first);
            same.read(new long[] {7, 3}, 2, again);
            assertThat(again.toArray(0)).isEqualTo(first.toArray(7));
            assertThat(again.toArray(1)).isEqualTo(first.toArray(3));
            int single = 0;
            for (int row = 0; row < 200; row++) {
                int[] on = source.features(row);
                int only = -1;
                int count = 0;
                for (int parent = 0; parent < on.length; parent++) {
                    count += on[parent] == -2 ? 0 : on[parent] == -1 ? 1 : 2;
                    only = on[parent] == -1 ? parent : only;
                }
                if (count == 1) {
                    single++;
                    float[] left = first.toArray(row);
                    double along = 0;
                    for (int t = 0; t < width; t++) {
                        along += left[t] * source.parents()[only][t];
                    }
                    double squares = 0;
                    for (int t = 0; t < width; t++) {
                        squares += Math.pow(left[t] - along * source.parents()[only][t], 2);
                    }
                    assertThat(along).isGreaterThan(0.9);
                    assertThat(Math.sqrt(squares)).isLessThan(0.4);
                }
            }
            assertThat(single).as("rows with one feature").isPositive();
        }
    }
}
