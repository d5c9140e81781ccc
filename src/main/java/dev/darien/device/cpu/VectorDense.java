// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The dense kernels with vectors and a team. Sums over rows are cut into a fixed number of parts, added in order. */
final class VectorDense {
    private static final int ROWS_PER_TASK = 64;
    private static final int SUM_PARTS = 32;
    private static final double CLOSEST = 1e-10;

    private final Team team;
    private final WorkerScratch[] scratch;
    private float[] offset = new float[0];
    private float[][] parts = new float[SUM_PARTS][0];
    private float[] weights = new float[0];

    VectorDense(Team team, WorkerScratch[] scratch) {
        this.team = team;
        this.scratch = scratch;
    }

    static int tasks(long rows, int perTask) {
        return (int) Math.ceilDiv(rows, (long) perTask);
    }

    void convert(Matrix source, float scale, @Nullable Matrix subtracted, Matrix out) {
        int columns = out.columns();
        if (subtracted != null) {
            if (offset.length < columns) {
                offset = new float[columns];
            }
            MemorySegment.copy(subtracted.segment(), Matrix.FLOAT, 0, offset, 0, columns);
        }
        boolean subtract = subtracted != null;
        team.run(tasks(out.rows(), ROWS_PER_TASK), (task, worker) -> {
            long last = Math.min(out.rows(), (task + 1L) * ROWS_PER_TASK);
            for (long row = (long) task * ROWS_PER_TASK; row < last; row++) {
                RowMath.convert(source, row, scale, offset, subtract, out, columns);
            }
        });
    }

    /** As the reference, in double, row by row on the heap, where the compiler makes vectors of it. */
    void exponentialAverage(Matrix value, float rate, Matrix average) {
        int columns = average.columns();
        team.run(tasks(average.rows(), ROWS_PER_TASK), (task, worker) -> {
            WorkerScratch mine = scratch[worker];
            mine.rows(columns);
            long last = Math.min(average.rows(), (task + 1L) * ROWS_PER_TASK);
            for (long row = (long) task * ROWS_PER_TASK; row < last; row++) {
                MemorySegment.copy(value.segment(), Matrix.FLOAT, value.rowOffset(row), mine.row, 0, columns);
                MemorySegment.copy(average.segment(), Matrix.FLOAT, average.rowOffset(row), mine.otherRow, 0, columns);
                average(mine.row, rate, mine.otherRow, columns);
                MemorySegment.copy(mine.otherRow, 0, average.segment(), Matrix.FLOAT, average.rowOffset(row), columns);
            }
        });
    }

    private static void average(float[] value, float rate, float[] average, int columns) {
        for (int column = 0; column < columns; column++) {
            double old = average[column];
            average[column] = (float) (old + rate * (value[column] - old));
        }
    }

    void rowNorms(Matrix x, Matrix norms) {
        team.run(tasks(x.rows(), ROWS_PER_TASK), (task, worker) -> {
            long last = Math.min(x.rows(), (task + 1L) * ROWS_PER_TASK);
            for (long row = (long) task * ROWS_PER_TASK; row < last; row++) {
                long at = x.rowOffset(row);
                float square = RowMath.dot(x.segment(), at, x.segment(), at, x.columns(), scratch[worker].lanes);
                boolean normal = square >= Float.MIN_NORMAL && square <= Float.MAX_VALUE;
                Cells.set(norms, 0, (int) row, Math.sqrt(normal ? square : Cells.dot(x, row, x, row)));
            }
        });
    }

    void weightedRowSum(@Nullable Matrix given, Matrix rows, float factor, boolean accumulate, Matrix out) {
        int count = rows.intRows();
        float[] weight = weights(count);
        if (given == null) {
            Arrays.fill(weight, 0, count, 1);
        } else {
            MemorySegment.copy(given.segment(), Matrix.FLOAT, 0, weight, 0, count);
        }
        float[] total = sumRows(weight, rows);
        // One row a step, without vectors: until C2 has seen it often enough each of them would be an object.
        for (int column = 0; column < rows.columns(); column++) {
            float value = total[column] * factor;
            Cells.set(out, 0, column, accumulate ? value + Cells.get(out, 0, column) : value);
        }
    }

    /** The mean of the rows; valid until the next call. */
    float[] meanRow(Matrix rows) {
        int count = rows.intRows();
        float[] weight = weights(count);
        Arrays.fill(weight, 0, count, 1);
        float[] total = sumRows(weight, rows);
        for (int column = 0; column < rows.columns(); column++) {
            total[column] /= count;
        }
        return total;
    }

    private float[] weights(int count) {
        if (weights.length < count) {
            weights = new float[count];
        }
        return weights;
    }

    /** {@code Σ weight[r] · rows[r]}, rows of weight 0 left out; valid until the next call. */
    private float[] sumRows(float[] weight, Matrix rows) {
        int columns = rows.columns();
        int count = rows.intRows();
        int perPart = Math.max(1, Math.ceilDiv(count, SUM_PARTS));
        team.run(SUM_PARTS, (part, worker) -> {
            if (parts[part].length < columns) {
                parts[part] = new float[columns];
            }
            float[] sum = parts[part];
            Arrays.fill(sum, 0, columns, 0);
            int first = Math.min(count, part * perPart);
            int last = Math.min(count, first + perPart);
            WorkerScratch mine = scratch[worker];
            mine.entries(perPart);
            int entries = 0;
            for (int row = first; row < last; row++) {
                if (weight[row] != 0) {
                    mine.indices[entries] = row;
                    mine.values[entries++] = weight[row];
                }
            }
            SparseRows.accumulate(
                    rows.segment(), 0, rows.stride(), columns, mine.indices, mine.values, 0, entries, sum, 0, sum, 0);
        });
        float[] total = parts[0];
        for (int part = 1; part < SUM_PARTS; part++) {
            for (int column = 0; column < columns; column++) {
                total[column] += parts[part][column];
            }
        }
        return total;
    }

    /** As {@link ScalarDense#geometricMedian}. */
    void geometricMedian(Matrix x, int iterations, float tolerance, Matrix median) {
        int columns = x.columns();
        int count = x.intRows();
        weightedRowSum(null, x, 1f / count, false, median);
        float[] weight = weights(count);
        float[] point = new float[columns];
        double moved = Double.POSITIVE_INFINITY;
        for (int iteration = 0; iteration < iterations && moved > tolerance; iteration++) {
            MemorySegment.copy(median.segment(), Matrix.FLOAT, 0, point, 0, columns);
            team.run(tasks(count, ROWS_PER_TASK), (task, worker) -> {
                int last = Math.min(count, (task + 1) * ROWS_PER_TASK);
                for (int row = task * ROWS_PER_TASK; row < last; row++) {
                    double square = RowMath.squaredDistance(
                            x.segment(), x.rowOffset(row), point, columns, scratch[worker].lanes);
                    weight[row] = (float) (1 / Math.max(Math.sqrt(square), CLOSEST));
                }
            });
            double weightSum = 0;
            for (int row = 0; row < count; row++) {
                weightSum += weight[row];
            }
            float[] sums = sumRows(weight, x);
            double squares = 0;
            for (int column = 0; column < columns; column++) {
                double next = sums[column] / weightSum;
                double step = next - point[column];
                squares += step * step;
                Cells.set(median, 0, column, next);
            }
            moved = Math.sqrt(squares);
        }
    }
}
