// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Random;
import java.util.Set;
import org.jgrapht.alg.matching.KuhnMunkresMinimalWeightBipartitePerfectMatching;
import org.jgrapht.graph.DefaultWeightedEdge;
import org.jgrapht.graph.SimpleWeightedGraph;
import org.junit.jupiter.api.Test;

class AssignmentTest {
    @Test
    void findsTheSumThatJGraphTFinds() {
        long seed = 5;
        Random random = new Random(seed);
        for (int trial = 0; trial < 60; trial++) {
            int n = 1 + random.nextInt(40);
            // Few different values every other time, so that there are ties.
            float[][] gains = SaeFixture.gaussian(random, n, n);
            if (trial % 2 == 0) {
                for (float[] row : gains) {
                    for (int column = 0; column < n; column++) {
                        row[column] = Math.round(row[column]);
                    }
                }
            }
            assertThat(sum(gains, Assignment.largest(gains)))
                    .as("seed %d, trial %d, n %d", seed, trial, n)
                    .isEqualTo(bySum(gains), within(1e-4));
        }
    }

    @Test
    void anAssignmentOfFewRowsToManyColumnsIsTheBestOfAll() {
        Random random = new Random(9);
        for (int trial = 0; trial < 200; trial++) {
            float[][] gains = SaeFixture.gaussian(random, 3, 5);
            double best = Double.NEGATIVE_INFINITY;
            for (int a = 0; a < 5; a++) {
                for (int b = 0; b < 5; b++) {
                    for (int c = 0; c < 5; c++) {
                        if (a != b && b != c && a != c) {
                            best = Math.max(best, (double) gains[0][a] + gains[1][b] + gains[2][c]);
                        }
                    }
                }
            }
            assertThat(sum(gains, Assignment.largest(gains))).isEqualTo(best, within(1e-5));
        }
    }

    @Test
    void moreRowsThanColumnsAreRefused() {
        assertThatThrownBy(() -> Assignment.largest(new float[3][2]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("3 rows");
        assertThat(Assignment.largest()).isEmpty();
    }

    private static double sum(float[][] gains, int... columns) {
        assertThat(Arrays.stream(columns).distinct().count()).isEqualTo(gains.length);
        double sum = 0;
        for (int row = 0; row < gains.length; row++) {
            sum += gains[row][columns[row]];
        }
        return sum;
    }

    private static double bySum(float[]... gains) {
        SimpleWeightedGraph<Integer, DefaultWeightedEdge> graph = new SimpleWeightedGraph<>(DefaultWeightedEdge.class);
        Set<Integer> rows = new LinkedHashSet<>();
        Set<Integer> columns = new LinkedHashSet<>();
        int n = gains.length;
        for (int at = 0; at < n; at++) {
            graph.addVertex(at);
            rows.add(at);
            graph.addVertex(n + at);
            columns.add(n + at);
        }
        for (int row = 0; row < n; row++) {
            for (int column = 0; column < n; column++) {
                graph.setEdgeWeight(graph.addEdge(row, n + column), -gains[row][column]);
            }
        }
        return -new KuhnMunkresMinimalWeightBipartitePerfectMatching<>(graph, rows, columns)
                .getMatching()
                .getWeight();
    }
}
