// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Decoding, errors and the gradients of codes with vectors and a team, rows of the batch in parallel. */
final class VectorGradients {
    private static final int ROWS_PER_TASK = 16;

    private final Team team;
    private final WorkerScratch[] scratch;
    private final DenseCodes denseCodes;
    private final BlockedDots blocked;
    private double[] rowDistances = new double[0];
    private double[] rowSquares = new double[0];

    VectorGradients(Team team, WorkerScratch[] scratch, DenseCodes denseCodes) {
        this.team = team;
        this.scratch = scratch;
        this.denseCodes = denseCodes;
        this.blocked = new BlockedDots(team, scratch);
    }

    void decode(SparseCodes codes, Matrix wDec, @Nullable Matrix bias, Matrix out) {
        int rows = codes.rows();
        int columns = wDec.columns();
        team.run(VectorDense.tasks(rows, ROWS_PER_TASK), (task, worker) -> {
            WorkerScratch mine = scratch[worker];
            int last = Math.min(rows, (task + 1) * ROWS_PER_TASK);
            for (int row = task * ROWS_PER_TASK; row < last; row++) {
                decodeRow(codes, row, wDec, bias, mine);
                RowMath.store(mine.row, 1, false, out.segment(), out.rowOffset(row), columns);
            }
        });
    }

    void reconstruct(
            SparseCodes codes,
            Matrix wDec,
            @Nullable Matrix bias,
            Matrix target,
            float targetSign,
            Matrix residual,
            Matrix rowErrors,
            Matrix codeGradients) {
        int rows = codes.rows();
        int columns = wDec.columns();
        boolean dense = DenseCodes.worthwhile(codes);
        boolean inBlocks = !dense && BlockedDots.worthwhile(codes);
        if (dense) {
            denseCodes.decode(codes, wDec, residual);
        }
        team.run(VectorDense.tasks(rows, ROWS_PER_TASK), (task, worker) -> {
            WorkerScratch mine = scratch[worker];
            int last = Math.min(rows, (task + 1) * ROWS_PER_TASK);
            for (int row = task * ROWS_PER_TASK; row < last; row++) {
                int entries = dense ? loadDecoded(residual, row, bias, mine) : decodeRow(codes, row, wDec, bias, mine);
                float error = RowMath.residual(
                        mine.row,
                        target.segment(),
                        target.rowOffset(row),
                        targetSign,
                        residual.segment(),
                        residual.rowOffset(row),
                        columns,
                        mine.lanes);
                Cells.set(rowErrors, 0, row, error);
                if (inBlocks) {
                    continue;
                }
                SparseRows.dots(
                        wDec.segment(),
                        0,
                        wDec.stride(),
                        columns,
                        mine.indices,
                        0,
                        entries,
                        mine.row,
                        0,
                        mine.gradients,
                        mine.lanes);
                MemorySegment.copy(
                        mine.gradients,
                        0,
                        codeGradients.segment(),
                        Matrix.FLOAT,
                        (long) codes.start(row) * Float.BYTES,
                        entries);
            }
        });
        if (dense) {
            denseCodes.codeGradients(codes, wDec, residual, codeGradients);
        }
        if (inBlocks) {
            blocked.run(codes, wDec, residual, codeGradients);
        }
    }

    void addDecoded(SparseCodes codes, Matrix factors, float scale, Matrix wDec, Matrix rows) {
        int columns = wDec.columns();
        int all = codes.rows();
        team.run(VectorDense.tasks(all, ROWS_PER_TASK), (task, worker) -> {
            WorkerScratch mine = scratch[worker];
            int last = Math.min(all, (task + 1) * ROWS_PER_TASK);
            for (int row = task * ROWS_PER_TASK; row < last; row++) {
                mine.entries(codes.start(row + 1) - codes.start(row));
                int active = 0;
                for (int entry = codes.start(row); entry < codes.start(row + 1); entry++) {
                    if (codes.value(entry) != 0) {
                        mine.indices[active] = codes.latent(entry);
                        mine.values[active++] = scale * Cells.get(factors, 0, entry);
                    }
                }
                if (active > 0) {
                    mine.rows(columns);
                    MemorySegment.copy(rows.segment(), Matrix.FLOAT, rows.rowOffset(row), mine.row, 0, columns);
                    SparseRows.accumulate(
                            wDec.segment(),
                            0,
                            wDec.stride(),
                            columns,
                            mine.indices,
                            mine.values,
                            0,
                            active,
                            mine.row,
                            0,
                            mine.row,
                            0);
                    MemorySegment.copy(mine.row, 0, rows.segment(), Matrix.FLOAT, rows.rowOffset(row), columns);
                }
            }
        });
    }

    /** Puts a row that was decoded already, and the bias, into {@code mine.row}; leaves no entries to go through. */
    private static int loadDecoded(Matrix decoded, int row, @Nullable Matrix bias, WorkerScratch mine) {
        int columns = decoded.columns();
        mine.rows(columns);
        RowMath.load(decoded.segment(), decoded.rowOffset(row), 1, mine.row, columns);
        for (int column = 0; bias != null && column < columns; column++) {
            mine.row[column] += Cells.get(bias, 0, column);
        }
        return 0;
    }

    /** Puts a row's entries into the worker's lists and its reconstruction into {@code mine.row}; returns how many. */
    private static int decodeRow(SparseCodes codes, int row, Matrix wDec, @Nullable Matrix bias, WorkerScratch mine) {
        int start = codes.start(row);
        int entries = codes.start(row + 1) - start;
        int columns = wDec.columns();
        mine.entries(entries);
        MemorySegment.copy(
                codes.indices().segment(), Matrix.INT, (long) start * Integer.BYTES, mine.indices, 0, entries);
        MemorySegment.copy(codes.values().segment(), Matrix.FLOAT, (long) start * Float.BYTES, mine.values, 0, entries);
        if (bias == null) {
            mine.zeroedRow(columns);
        } else {
            mine.rows(columns);
            MemorySegment.copy(bias.segment(), Matrix.FLOAT, 0, mine.row, 0, columns);
        }
        int active = mine.keepActive(entries);
        SparseRows.accumulate(
                wDec.segment(),
                0,
                wDec.stride(),
                columns,
                active == entries ? mine.indices : mine.activeIndices,
                active == entries ? mine.values : mine.activeValues,
                0,
                active,
                mine.row,
                0,
                mine.row,
                0);
        return entries;
    }

    void auxiliaryScale(
            VectorDense dense, Matrix residual, Matrix auxErrors, float coefficient, Matrix scale, Matrix loss) {
        int rows = residual.intRows();
        int columns = residual.columns();
        float[] mean = dense.meanRow(residual);
        if (rowDistances.length < rows) {
            rowDistances = new double[rows];
            rowSquares = new double[rows];
        }
        team.run(VectorDense.tasks(rows, ROWS_PER_TASK), (task, worker) -> {
            int last = Math.min(rows, (task + 1) * ROWS_PER_TASK);
            for (int row = task * ROWS_PER_TASK; row < last; row++) {
                long at = residual.rowOffset(row);
                rowDistances[row] =
                        RowMath.squaredDistance(residual.segment(), at, mean, columns, scratch[worker].lanes);
                rowSquares[row] =
                        RowMath.dot(residual.segment(), at, residual.segment(), at, columns, scratch[worker].lanes);
            }
        });
        double distance = 0;
        double squares = 0;
        double errors = 0;
        for (int row = 0; row < rows; row++) {
            distance += rowDistances[row];
            squares += rowSquares[row];
            errors += Cells.get(auxErrors, 0, row);
        }
        ScalarGradients.storeAuxiliary(distance, squares, errors, coefficient, scale, loss);
    }
}
