// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import java.util.Arrays;
import java.util.Random;

/** Random shapes and numbers that kernels might stumble over, decided by a seeded generator. */
final class RandomData {
    /** Tails of every length, primes, and powers of two with their neighbours. */
    private static final int[] SIZES = {
        1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 15, 16, 17, 23, 31, 32, 33, 37, 47, 48, 49, 61, 63, 64, 65, 79, 96, 97, 113,
        127, 128, 129, 130
    };

    /** What numbers there are among those of vectors and matrices. */
    enum Kind {
        /** Around 1. */
        ORDINARY,
        /** Every second vector or matrix is around 1e-40; positive ones and whole numbers aren't. */
        DENORMAL,
        /** NaN or an infinity in every third vector or matrix. */
        NOT_FINITE
    }

    /** A power of two, so that whole numbers and sums of them stay exact. */
    private static final float TINY = 0x1p-133f;

    private static final float[] ODD = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};

    private final Random random;
    private final Kind kind;

    RandomData(Random random) {
        this(random, Kind.ORDINARY);
    }

    RandomData(Random random, Kind kind) {
        this.random = random;
        this.kind = kind;
    }

    /** What a problem of whole numbers is multiplied by as a whole. */
    float unit() {
        return kind == Kind.DENORMAL && random.nextBoolean() ? TINY : 1;
    }

    private float[][] ofKind(float[]... rows) {
        if (kind == Kind.DENORMAL && random.nextBoolean()) {
            for (float[] row : rows) {
                for (int column = 0; column < row.length; column++) {
                    row[column] *= TINY;
                }
            }
        }
        if (kind == Kind.NOT_FINITE && random.nextInt(3) == 0) {
            float[] row = rows[random.nextInt(rows.length)];
            row[random.nextInt(row.length)] = ODD[random.nextInt(ODD.length)];
        }
        return rows;
    }

    int size() {
        return random.nextInt(3) == 0 ? 1 + random.nextInt(130) : SIZES[random.nextInt(SIZES.length)];
    }

    /** Not too near 0, of either sign. */
    float number() {
        return (0.1f + random.nextFloat()) * (random.nextBoolean() ? 1 : -1);
    }

    float[] vector(int length) {
        return ofKind(gaussians(length))[0];
    }

    private float[] gaussians(int length) {
        float[] values = new float[length];
        for (int at = 0; at < length; at++) {
            values[at] = (float) random.nextGaussian();
        }
        return values;
    }

    float[][] matrix(int rows, int columns) {
        return ofKind(ordinary(rows, columns));
    }

    private float[][] ordinary(int rows, int columns) {
        float[][] values = new float[rows][];
        for (int row = 0; row < rows; row++) {
            values[row] = gaussians(columns);
        }
        return values;
    }

    float[] positives(int length) {
        float[] values = gaussians(length);
        for (int at = 0; at < length; at++) {
            values[at] = Math.abs(values[at]) + 0.01f;
        }
        return kind == Kind.DENORMAL ? values : ofKind(values)[0];
    }

    float[][] positiveMatrix(int rows, int columns) {
        float[][] values = new float[rows][];
        for (int row = 0; row < rows; row++) {
            values[row] = positives(columns);
        }
        return values;
    }

    float[][] unitRows(int rows, int columns) {
        float[][] values = ordinary(rows, columns);
        for (float[] row : values) {
            double squares = 0;
            for (float value : row) {
                squares += (double) value * value;
            }
            for (int column = 0; column < columns; column++) {
                row[column] /= (float) Math.sqrt(squares);
            }
        }
        return values;
    }

    /** Whole numbers of at most {@code largest} in magnitude. */
    float[][] integers(int rows, int columns, int largest) {
        float[][] values = new float[rows][columns];
        for (float[] row : values) {
            for (int column = 0; column < columns; column++) {
                row[column] = random.nextInt(2 * largest + 1) - largest;
            }
        }
        return kind == Kind.DENORMAL ? values : ofKind(values);
    }

    /** Positive multiples of a half, so that windows around them end exactly on whole numbers. */
    float[] halves(int length, int largest) {
        float[] values = new float[length];
        for (int at = 0; at < length; at++) {
            values[at] = (1 + random.nextInt(2 * largest)) / 2f;
        }
        return values;
    }

    /** In one case of three, some rows become NaN, infinite, or hold one such number. */
    float[][] withOddRows(float[][] rows) {
        if (random.nextInt(3) != 0) {
            return rows;
        }
        float[] odd = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 0};
        for (float[] row : rows) {
            float value = odd[random.nextInt(odd.length)];
            switch (random.nextInt(4)) {
                case 0 -> Arrays.fill(row, value);
                case 1 -> row[random.nextInt(row.length)] = value;
                default -> {}
            }
        }
        return rows;
    }

    int[] bits(int length) {
        int[] values = new int[length];
        for (int at = 0; at < length; at++) {
            values[at] = random.nextInt(2);
        }
        return values;
    }

    int[] steps(int length) {
        int[] values = new int[length];
        for (int at = 0; at < length; at++) {
            values[at] = random.nextInt(12);
        }
        return values;
    }

    /**
     * Dense codes, NaN where there is no entry and 0 for an inactive one, with empty rows and latents; rarely without
     * any entry at all, sometimes with nearly all.
     */
    static float[][] sparse(Random random, int rows, int latents) {
        double[] shares = {0, 0.02, 0.1, 0.3, 0.95};
        double share = shares[random.nextInt(shares.length)];
        double inactive = random.nextBoolean() ? 0 : 0.3;
        float[][] values = new float[rows][latents];
        boolean[] silent = new boolean[latents];
        for (int latent = 0; latent < latents; latent++) {
            silent[latent] = random.nextInt(6) == 0;
        }
        for (float[] row : values) {
            boolean empty = random.nextInt(6) == 0;
            for (int latent = 0; latent < latents; latent++) {
                row[latent] = Float.NaN;
                if (!empty && !silent[latent] && random.nextDouble() < share) {
                    row[latent] = random.nextDouble() < inactive ? 0 : 0.01f + 2 * random.nextFloat();
                }
            }
        }
        return values;
    }
}
