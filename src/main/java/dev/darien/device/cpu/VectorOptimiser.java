// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.AdamStep;
import dev.darien.memory.Matrix;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The optimiser with vectors and a team, rows in parallel. */
final class VectorOptimiser {
    private static final int ROWS_PER_TASK = 64;

    private final Team team;
    private final WorkerScratch[] scratch;
    private double[] partial = new double[0];

    VectorOptimiser(Team team, WorkerScratch[] scratch) {
        this.team = team;
        this.scratch = scratch;
    }

    void squaredNorm(
            Matrix x, @Nullable Matrix touched, @Nullable Matrix orthogonalTo, boolean accumulate, Matrix sum) {
        int tasks = VectorDense.tasks(x.rows(), ROWS_PER_TASK);
        if (partial.length < tasks) {
            partial = new double[tasks];
        }
        if (orthogonalTo == null) {
            team.run(tasks, (task, worker) -> partial[task] = squares(x, touched, task, scratch[worker].lanes));
        } else {
            team.run(
                    tasks,
                    (task, worker) ->
                            partial[task] = squaresOfRest(x, touched, orthogonalTo, task, scratch[worker].lanes));
        }
        double total = accumulate ? Cells.getDouble(sum, 0) : 0;
        for (int task = 0; task < tasks; task++) {
            total += partial[task];
        }
        Cells.setDouble(sum, 0, total);
    }

    private static double squares(Matrix x, @Nullable Matrix touched, int task, float[] lanes) {
        double total = 0;
        long last = Math.min(x.rows(), (task + 1L) * ROWS_PER_TASK);
        for (long row = (long) task * ROWS_PER_TASK; row < last; row++) {
            if (touched == null || Cells.getInt(touched, row) != 0) {
                long at = x.rowOffset(row);
                float squares = RowMath.dot(x.segment(), at, x.segment(), at, x.columns(), lanes);
                total += Float.isFinite(squares) ? squares : squares(x, row, 0, x);
            }
        }
        return total;
    }

    private static double squaresOfRest(
            Matrix x, @Nullable Matrix touched, Matrix orthogonalTo, int task, float[] lanes) {
        double total = 0;
        long last = Math.min(x.rows(), (task + 1L) * ROWS_PER_TASK);
        for (long row = (long) task * ROWS_PER_TASK; row < last; row++) {
            if (touched == null || Cells.getInt(touched, row) != 0) {
                long at = x.rowOffset(row);
                long otherAt = orthogonalTo.rowOffset(row);
                float along = RowMath.dot(x.segment(), at, orthogonalTo.segment(), otherAt, x.columns(), lanes);
                float squares = RowMath.squaredRest(
                        x.segment(), at, orthogonalTo.segment(), otherAt, along, x.columns(), lanes);
                total += Float.isFinite(squares)
                        ? squares
                        : squares(x, row, Cells.dot(x, row, orthogonalTo, row), orthogonalTo);
            }
        }
        return total;
    }

    /** {@code ‖x[row] - along · y[row]‖²} where single precision overflows, though the numbers don't. */
    private static double squares(Matrix x, long row, double along, Matrix y) {
        double total = 0;
        for (int column = 0; column < x.columns(); column++) {
            double rest = Cells.get(x, row, column) - (along == 0 ? 0 : along * Cells.get(y, row, column));
            total += rest * rest;
        }
        return total;
    }

    void adam(
            AdamStep step,
            Matrix weights,
            Matrix gradient,
            Matrix firstMoment,
            Matrix secondMoment,
            @Nullable Matrix touched,
            @Nullable Matrix gradientScale,
            boolean unitRows) {
        float scale = gradientScale == null ? 1 : Cells.get(gradientScale, 0, 0);
        int columns = weights.columns();
        team.run(VectorDense.tasks(weights.rows(), ROWS_PER_TASK), (task, worker) -> {
            WorkerScratch mine = scratch[worker];
            mine.rows(columns);
            long last = Math.min(weights.rows(), (task + 1L) * ROWS_PER_TASK);
            for (long row = (long) task * ROWS_PER_TASK; row < last; row++) {
                if (touched == null || Cells.getInt(touched, row) != 0) {
                    RowMath.load(gradient.segment(), gradient.rowOffset(row), scale, mine.row, columns);
                } else {
                    Arrays.fill(mine.row, 0, columns, 0);
                }
                AdamRow.update(step, weights, firstMoment, secondMoment, row, mine.row, 0, unitRows, mine.lanes);
            }
        });
    }
}
