// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.data.ActivationSource;
import dev.darien.data.SeededRandom;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.util.Objects;

/**
 * Activations made of features in two ranks: parents, each on by itself, and children, of which a parent that is on mostly
 * has exactly one on as well. A row depends on the seed and its number alone.
 */
final class HierarchicalSource implements ActivationSource {
    static final int PARENTS = 16;
    /** Of each parent. */
    static final int CHILDREN = 8;

    static final int WIDTH = 96;
    static final double PARENT_RATE = 0.15;
    static final double CHILD_RATE = 0.8;
    private static final double SPREAD = 0.3;
    private static final double NOISE = 0.02;

    private final long seed;
    private final long rows;
    private final float[][] parents = new float[PARENTS][];
    private final float[][] children = new float[PARENTS * CHILDREN][];

    /**
     * Features of {@code seed}, rows of a stream of their own.
     *
     * @param stream tells data for training from data to measure on
     */
    HierarchicalSource(long seed, long stream, long rows) {
        this.seed = SeededRandom.combine(seed, stream);
        this.rows = rows;
        SeededRandom random = new SeededRandom(seed, 0);
        for (float[][] rank : new float[][][] {parents, children}) {
            for (int at = 0; at < rank.length; at++) {
                rank[at] = direction(random);
            }
        }
    }

    private static float[] direction(SeededRandom random) {
        float[] direction = new float[WIDTH];
        double squares = 0;
        for (int t = 0; t < WIDTH; t++) {
            direction[t] = (float) random.nextGaussian();
            squares += direction[t] * direction[t];
        }
        for (int t = 0; t < WIDTH; t++) {
            direction[t] /= (float) Math.sqrt(squares);
        }
        return direction;
    }

    /** Directions of the parents, [{@value #PARENTS}][{@value #WIDTH}]; not to be changed. */
    float[][] parents() {
        return parents;
    }

    /** Directions of the children, those of the first parent first; not to be changed. */
    float[][] children() {
        return children;
    }

    /** For each parent the child that is on in {@code row}, -1 if none is, -2 if the parent is off. */
    int[] features(long row) {
        SeededRandom random = new SeededRandom(seed, row);
        int[] on = new int[PARENTS];
        for (int parent = 0; parent < PARENTS; parent++) {
            on[parent] = random.nextDouble() >= PARENT_RATE
                    ? -2
                    : random.nextDouble() >= CHILD_RATE ? -1 : parent * CHILDREN + random.nextInt(CHILDREN);
        }
        return on;
    }

    @Override
    public int width() {
        return WIDTH;
    }

    @Override
    public long rows() {
        return rows;
    }

    @Override
    public DType dtype() {
        return DType.F32;
    }

    @Override
    public void read(long[] rowNumbers, int count, Matrix out) {
        for (int at = 0; at < count; at++) {
            generate(rowNumbers[at], out, at);
        }
    }

    @Override
    public void read(long firstRow, int count, Matrix out) {
        for (int at = 0; at < count; at++) {
            generate(firstRow + at, out, at);
        }
    }

    private void generate(long row, Matrix out, int outRow) {
        int[] on = features(Objects.checkIndex(row, rows));
        SeededRandom random = new SeededRandom(SeededRandom.combine(seed, 1), row);
        float[] sum = new float[WIDTH];
        for (int parent = 0; parent < PARENTS; parent++) {
            if (on[parent] >= -1) {
                add(sum, parents[parent], random);
            }
            if (on[parent] >= 0) {
                add(sum, children[on[parent]], random);
            }
        }
        for (int t = 0; t < WIDTH; t++) {
            sum[t] += (float) (NOISE * random.nextGaussian());
        }
        out.setRow(outRow, sum);
    }

    private static void add(float[] sum, float[] direction, SeededRandom random) {
        double magnitude = 1 + SPREAD * Math.abs(random.nextGaussian());
        for (int t = 0; t < WIDTH; t++) {
            sum[t] += (float) (magnitude * direction[t]);
        }
    }

    @Override
    public String describe() {
        return "synthetic parents and children";
    }

    @Override
    public String locate(long row) {
        return describe() + ", row " + Objects.checkIndex(row, rows);
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
