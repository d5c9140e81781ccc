// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import java.util.Arrays;

/**
 * The one-to-one assignment of rows to columns with the largest sum, exactly: the Hungarian method in the form of shortest
 * augmenting paths with potentials (Kuhn 1955; Jonker and Volgenant 1987), O(rows² · columns) in a dense matrix.
 *
 * <p>Not by a library: JGraphT's, the one well kept on Maven Central, needs an object for each pair, and takes seconds and
 * hundreds of megabytes where this takes milliseconds. The tests hold that both find the same.
 */
final class Assignment {
    private Assignment() {}

    /**
     * For each row the column that it is assigned.
     *
     * @param gains [rows][columns], finite, at least as many columns as rows
     */
    static int[] largest(float[]... gains) {
        int rows = gains.length;
        int columns = rows == 0 ? 0 : gains[0].length;
        if (columns < rows) {
            throw new IllegalArgumentException(rows + " rows can't each have one of " + columns + " columns");
        }
        double[] rowPotentials = new double[rows];
        double[] columnPotentials = new double[columns];
        int[] rowOf = new int[columns];
        Arrays.fill(rowOf, -1);
        double[] distances = new double[columns];
        int[] previous = new int[columns];
        boolean[] reached = new boolean[columns];
        for (int start = 0; start < rows; start++) {
            Arrays.fill(distances, Double.POSITIVE_INFINITY);
            Arrays.fill(previous, -1);
            Arrays.fill(reached, false);
            // Dijkstra from a row without a column to the nearest column without a row.
            int row = start;
            int from = -1;
            double length = 0;
            int end = -1;
            while (end < 0) {
                float[] gain = gains[row];
                double base = length - rowPotentials[row];
                double nearest = Double.POSITIVE_INFINITY;
                int next = -1;
                for (int column = 0; column < columns; column++) {
                    if (!reached[column]) {
                        double distance = base - gain[column] - columnPotentials[column];
                        if (distance < distances[column]) {
                            distances[column] = distance;
                            previous[column] = from;
                        }
                        // Of equally near columns one without a row ends the search.
                        if (distances[column] < nearest
                                || (distances[column] == nearest && rowOf[column] < 0 && rowOf[next] >= 0)) {
                            nearest = distances[column];
                            next = column;
                        }
                    }
                }
                reached[next] = true;
                length = nearest;
                from = next;
                if (rowOf[next] < 0) {
                    end = next;
                } else {
                    row = rowOf[next];
                }
            }
            rowPotentials[start] += length;
            for (int column = 0; column < columns; column++) {
                if (reached[column] && column != end) {
                    rowPotentials[rowOf[column]] += length - distances[column];
                    columnPotentials[column] -= length - distances[column];
                }
            }
            for (int column = end; column >= 0; ) {
                int before = previous[column];
                rowOf[column] = before < 0 ? start : rowOf[before];
                column = before;
            }
        }
        int[] columnOf = new int[rows];
        for (int column = 0; column < columns; column++) {
            if (rowOf[column] >= 0) {
                columnOf[rowOf[column]] = column;
            }
        }
        return columnOf;
    }
}
