// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.DeadSelection;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Gradient TopK in tasks of some rows, as {@link VectorEncode} encodes: each tile of pre-activations has a second one
 * beside it, of the gradients' products with the decoder, which becomes the tile of scores.
 */
final class VectorGradientTopK {
    private static final VectorSpecies<Float> SPECIES = VectorSpec.SPECIES;
    private static final int LANES = VectorSpec.LANES;

    private final Team team;
    private final VectorEncode encode;
    /** The sum of each row's magnitudes; as long as the longest batch so far. */
    private double[] rowSums = new double[0];

    VectorGradientTopK(Team team, VectorEncode encode) {
        this.team = team;
        this.encode = encode;
    }

    /** A row is summed by one task in one order, and rows are added in theirs: any number of threads gives the same bits. */
    void strength(Matrix gradients, VectorEncoder directions, float beta, Matrix strength) {
        int rows = gradients.intRows();
        int tasks = encode.begin(gradients, directions, null);
        int rowsPerTask = encode.rowsPerTask();
        if (rowSums.length < rows) {
            rowSums = new double[rows];
        }
        double[] sums = rowSums;
        Arrays.fill(sums, 0, rows, 0);
        team.run(tasks, (task, worker) -> {
            EncodeScratch scratch = directions.scratch(worker);
            int firstRow = task * rowsPerTask;
            int count = Math.min(rowsPerTask, rows - firstRow);
            directions.packRows(gradients, firstRow, count, scratch);
            for (int tile = 0; tile < directions.tiles(); tile++) {
                products(directions, scratch, tile, count);
                int latents = directions.latentsOf(tile);
                for (int row = 0; row < count; row++) {
                    sums[firstRow + row] += sumOfMagnitudes(scratch.tile, row * EncodeScratch.TILE_STRIDE, latents);
                }
            }
        });
        double sum = 0;
        for (int row = 0; row < rows; row++) {
            sum += sums[row];
        }
        Cells.set(strength, 0, 0, ScalarGradientTopK.strength(beta, sum, (long) rows * directions.latents()));
    }

    void select(
            Matrix x,
            VectorEncoder encoder,
            Matrix gradients,
            VectorEncoder directions,
            Matrix strength,
            int k,
            @Nullable DeadSelection dead,
            SparseCodes codes) {
        directions.requirePacked();
        int tasks = encode.begin(x, encoder, dead);
        directions.prepare(team.threads(), 0);
        float factor = Cells.get(strength, 0, 0);
        team.run(tasks, (task, worker) -> {
            int firstRow = task * encode.rowsPerTask();
            int rows = Math.min(encode.rowsPerTask(), x.intRows() - firstRow);
            EncodeScratch attributions = directions.scratch(worker);
            directions.packRows(gradients, firstRow, rows, attributions);
            selectRows(x, encoder, directions, attributions, factor, task, worker, k, dead);
        });
        encode.finish(encoder.mainEntries(), tasks, codes);
        encode.finishDead(encoder, tasks, dead);
        encoder.countEntries(tasks);
    }

    private void selectRows(
            Matrix x,
            VectorEncoder encoder,
            VectorEncoder directions,
            EncodeScratch attributions,
            float strength,
            int task,
            int worker,
            int k,
            @Nullable DeadSelection dead) {
        EncodeScratch scratch = encoder.scratch(worker);
        int firstRow = task * encode.rowsPerTask();
        int rows = Math.min(encode.rowsPerTask(), x.intRows() - firstRow);
        encoder.packRows(x, firstRow, rows, scratch);
        EncodeScratch.reset(scratch.main, rows, k);
        if (dead != null) {
            EncodeScratch.reset(scratch.dead, rows, dead.k());
        }
        for (int tile = 0; tile < encoder.tiles(); tile++) {
            encoder.multiplyTile(scratch, tile, rows);
            products(directions, attributions, tile, rows);
            int latents = encoder.latentsOf(tile);
            for (int row = 0; row < rows; row++) {
                int offset = row * EncodeScratch.TILE_STRIDE;
                score(scratch.tile, attributions.tile, offset, latents, strength);
                scratch.main[row].accept(
                        attributions.tile, offset, scratch.tile, offset, latents, tile * EncodeScratch.TILE_COLUMNS);
                if (dead != null) {
                    VectorEncode.selectDead(encoder, scratch, tile, row);
                }
            }
        }
        VectorEncode.finishRows(scratch.main, rows, k, encoder.mainEntries()[task]);
        if (dead != null) {
            VectorEncode.finishRows(scratch.dead, rows, dead.k(), encoder.deadEntries()[task]);
        }
    }

    /** Without the biases that were packed beside the directions. */
    private static void products(VectorEncoder directions, EncodeScratch scratch, int tile, int rows) {
        int firstPanel = tile * EncodeScratch.TILE_PANELS;
        GemmKernel.multiply(
                scratch.packedRows,
                0,
                rows,
                directions.panels,
                firstPanel,
                Math.min(firstPanel + EncodeScratch.TILE_PANELS, directions.panels.panelCount()),
                directions.panels.depth(),
                scratch.tile,
                0,
                EncodeScratch.TILE_STRIDE);
    }

    /** The products become scores. */
    private static void score(float[] values, float[] products, int offset, int length, float strength) {
        FloatVector factor = FloatVector.broadcast(SPECIES, strength);
        FloatVector one = FloatVector.broadcast(SPECIES, 1f);
        int end = offset + length;
        int at = offset;
        for (; at <= end - LANES; at += LANES) {
            factor.fma(FloatVector.fromArray(SPECIES, products, at).abs(), one)
                    .mul(FloatVector.fromArray(SPECIES, values, at))
                    .intoArray(products, at);
        }
        for (; at < end; at++) {
            products[at] = ScalarGradientTopK.score(values[at], products[at], strength);
        }
    }

    /** Lanes are summed in single precision, over few values each, and then in double. */
    private static double sumOfMagnitudes(float[] products, int offset, int length) {
        FloatVector first = FloatVector.zero(SPECIES);
        FloatVector second = FloatVector.zero(SPECIES);
        int end = offset + length;
        int at = offset;
        for (; at <= end - 2 * LANES; at += 2 * LANES) {
            first = first.add(FloatVector.fromArray(SPECIES, products, at).abs());
            second = second.add(
                    FloatVector.fromArray(SPECIES, products, at + LANES).abs());
        }
        double sum = 0;
        FloatVector both = first.add(second);
        for (int lane = 0; lane < LANES; lane++) {
            sum += both.lane(lane);
        }
        for (; at < end; at++) {
            sum += Math.abs(products[at]);
        }
        return sum;
    }
}
