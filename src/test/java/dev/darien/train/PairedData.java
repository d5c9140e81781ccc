// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import java.util.Random;

/**
 * Rows of two tensors side by side that the same few causes make: cause i adds its magnitude times {@code first[i]} to the
 * one and times {@code other[i]} to the other, both of norm 1 where they aren't 0. Away from the origin, and of different
 * size.
 */
final class PairedData {
    static final int FIRST_WIDTH = 32;
    static final int OTHER_WIDTH = 24;
    static final int CAUSES = 40;
    private static final double FIRST_SIZE = 5;
    private static final double OTHER_SIZE = 0.3;

    final double[][] first = new double[CAUSES][];
    final double[][] other = new double[CAUSES][];
    final float[][] rows;

    /**
     * @param alone how many causes, the first ones, leave the other tensor as it is, and as many, the last ones, the first
     * @param linear how much of the other tensor is a linear map of the first
     */
    PairedData(int count, int alone, double linear, long seed) {
        Random random = new Random(seed);
        for (int cause = 0; cause < CAUSES; cause++) {
            first[cause] = direction(random, FIRST_WIDTH, cause >= CAUSES - alone ? 0 : 1);
            other[cause] = direction(random, OTHER_WIDTH, cause < alone ? 0 : 1);
        }
        double[] firstOffset = direction(random, FIRST_WIDTH, 1);
        double[] otherOffset = direction(random, OTHER_WIDTH, 1);
        double[][] map = new double[OTHER_WIDTH][];
        for (int column = 0; column < OTHER_WIDTH; column++) {
            map[column] = direction(random, FIRST_WIDTH, linear);
        }
        rows = new float[count][FIRST_WIDTH + OTHER_WIDTH];
        for (float[] row : rows) {
            double[] x = firstOffset.clone();
            double[] y = otherOffset.clone();
            for (int on = 0; on < 3; on++) {
                int cause = random.nextInt(CAUSES);
                double magnitude = 1 + random.nextDouble();
                add(magnitude, first[cause], x);
                add(magnitude, other[cause], y);
            }
            for (int column = 0; column < OTHER_WIDTH; column++) {
                for (int at = 0; at < FIRST_WIDTH; at++) {
                    y[column] += map[column][at] * x[at];
                }
            }
            for (int at = 0; at < row.length; at++) {
                row[at] = (float) (at < FIRST_WIDTH ? FIRST_SIZE * x[at] : OTHER_SIZE * y[at - FIRST_WIDTH]);
            }
        }
    }

    private static void add(double factor, double[] direction, double[] to) {
        for (int at = 0; at < to.length; at++) {
            to[at] += factor * direction[at];
        }
    }

    private static double[] direction(Random random, int width, double norm) {
        double[] values = new double[width];
        double squares = 0;
        for (int at = 0; at < width; at++) {
            values[at] = random.nextGaussian();
            squares += values[at] * values[at];
        }
        for (int at = 0; at < width; at++) {
            values[at] *= norm / Math.sqrt(squares);
        }
        return values;
    }
}
