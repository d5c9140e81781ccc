// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.Pursuit;
import dev.darien.device.PursuitSteps;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The scalar reference of matching pursuit: one row after the other, one step after the other. */
final class ScalarPursuit {
    private ScalarPursuit() {}

    static void encode(
            Matrix x, ScalarEncoder dictionary, Pursuit limits, @Nullable PursuitSteps steps, SparseCodes codes) {
        float[] rest = new float[dictionary.width()];
        Matrix residual = Matrix.of(MemorySegment.ofArray(rest), DType.F32, 1, rest.length);
        int room = Math.min(limits.steps(), dictionary.latents());
        PursuitRow found = new PursuitRow(new int[room], new float[room]);
        int next = 0;
        Cells.setLong(codes.offsets(), 0, 0);
        for (int row = 0; row < codes.rows(); row++) {
            for (int column = 0; column < rest.length; column++) {
                rest[column] = Cells.get(x, row, column);
            }
            found.clear();
            boolean done = false;
            for (int step = 0; step < limits.steps(); step++) {
                float[] products = dictionary.preActivations(residual, 0);
                int latent = done ? -1 : largest(products);
                done = latent < 0;
                float value = done ? 0 : products[latent];
                if (!done) {
                    boolean repeats = found.add(latent, value);
                    Matrix weights = dictionary.weights();
                    for (int column = 0; column < rest.length; column++) {
                        rest[column] = Math.fma(-value, Cells.get(weights, latent, column), rest[column]);
                    }
                    done = ended(limits, repeats, rest, 0, rest.length);
                }
                put(steps, step, row, latent, value);
            }
            for (int at = 0; at < found.size(); at++) {
                Cells.setInt(codes.indices(), next, found.latent(at));
                Cells.set(codes.values(), 0, next++, found.value(at));
            }
            Cells.setLong(codes.offsets(), row + 1L, next);
        }
    }

    /** The first of the largest positive values, -1 if none is. */
    private static int largest(float... values) {
        int best = -1;
        for (int latent = 0; latent < values.length; latent++) {
            if (values[latent] > (best < 0 ? 0 : values[best])) {
                best = latent;
            }
        }
        return best;
    }

    /** Whether a step was the last. */
    static boolean ended(Pursuit limits, boolean repeats, float[] residual, int offset, int width) {
        if (limits.stopOnRepeat() && repeats) {
            return true;
        }
        if (limits.residualThreshold() == 0) {
            return false;
        }
        double squares = 0;
        for (int column = 0; column < width; column++) {
            squares += (double) residual[offset + column] * residual[offset + column];
        }
        return Math.sqrt(squares) < limits.residualThreshold();
    }

    /** Notes a step; a negative latent for none. */
    static void put(@Nullable PursuitSteps steps, int step, int row, int latent, float value) {
        if (steps != null) {
            Matrix latents = steps.latents();
            latents.segment()
                    .set(Matrix.INT, latents.rowOffset(step) + (long) row * Integer.BYTES, Math.max(0, latent));
            Cells.set(steps.values(), step, row, latent < 0 ? 0 : value);
        }
    }

    static void addDecoded(SparseCodes codes, Matrix factors, float scale, Matrix wDec, Matrix rows) {
        for (int row = 0; row < codes.rows(); row++) {
            for (int column = 0; column < rows.columns(); column++) {
                double sum = Cells.get(rows, row, column);
                for (int entry = codes.start(row); entry < codes.start(row + 1); entry++) {
                    if (codes.value(entry) != 0) {
                        double factor = (double) scale * Cells.get(factors, 0, entry);
                        sum += factor * Cells.get(wDec, codes.latent(entry), column);
                    }
                }
                Cells.set(rows, row, column, sum);
            }
        }
    }
}
