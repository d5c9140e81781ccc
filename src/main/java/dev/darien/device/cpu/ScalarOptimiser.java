// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.AdamStep;
import dev.darien.device.LatentRows;
import dev.darien.device.LatentTerms;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/** The scalar reference of the optimiser and of what is tracked during training, in double, rounded when stored. */
final class ScalarOptimiser {
    private ScalarOptimiser() {}

    static void squaredNorm(
            Matrix x, @Nullable Matrix touched, @Nullable Matrix orthogonalTo, boolean accumulate, Matrix sum) {
        double total = accumulate ? Cells.getDouble(sum, 0) : 0;
        for (long row = 0; row < x.rows(); row++) {
            if (touched != null && Cells.getInt(touched, row) == 0) {
                continue;
            }
            double along = orthogonalTo == null ? 0 : Cells.dot(x, row, orthogonalTo, row);
            for (int column = 0; column < x.columns(); column++) {
                double parallel = orthogonalTo == null ? 0 : along * Cells.get(orthogonalTo, row, column);
                double value = Cells.get(x, row, column) - parallel;
                total += value * value;
            }
        }
        Cells.setDouble(sum, 0, total);
    }

    static void clipScale(Matrix squaredNorm, float maximum, Matrix scale) {
        Cells.set(scale, 0, 0, Math.min(1, maximum / (Math.sqrt(Cells.getDouble(squaredNorm, 0)) + 1e-6)));
    }

    static void adam(
            AdamStep step,
            Matrix weights,
            Matrix gradient,
            Matrix firstMoment,
            Matrix secondMoment,
            @Nullable Matrix touched,
            @Nullable Matrix gradientScale,
            boolean unitRows,
            Scratch scratch) {
        double scale = gradientScale == null ? 1 : Cells.get(gradientScale, 0, 0);
        for (int row = 0; row < weights.rows(); row++) {
            double[] rowGradient = scratch.zeroed(weights.columns());
            if (touched == null || Cells.getInt(touched, row) != 0) {
                for (int column = 0; column < weights.columns(); column++) {
                    rowGradient[column] = scale * Cells.get(gradient, row, column);
                }
            }
            adamRow(step, weights, firstMoment, secondMoment, row, rowGradient, unitRows);
        }
    }

    static void latentStep(
            AdamStep step,
            LatentTerms terms,
            @Nullable LatentTerms more,
            float normPenalty,
            LatentRows weights,
            LatentRows firstMoments,
            LatentRows secondMoments,
            boolean unitDecoder,
            Scratch encoderScratch,
            Scratch decoderScratch) {
        Matrix wEnc = weights.encoder();
        Matrix wDec = weights.decoder();
        for (int latent = 0; latent < wEnc.rows(); latent++) {
            double[] encoder = encoderScratch.zeroed(wEnc.columns());
            double[] decoder = decoderScratch.zeroed(wDec.columns());
            ScalarGradients.addLatent(terms, latent, normPenalty, wDec, encoder, decoder);
            if (more != null) {
                // The penalty is on the main selection; the auxiliary one has none.
                ScalarGradients.addLatent(more, latent, 0, null, encoder, decoder);
            }
            adamRow(step, wEnc, firstMoments.encoder(), secondMoments.encoder(), latent, encoder, false);
            adamRow(step, wDec, firstMoments.decoder(), secondMoments.decoder(), latent, decoder, unitDecoder);
        }
    }

    /** Steps one row by {@code gradient}, which is used up. */
    private static void adamRow(
            AdamStep step,
            Matrix weights,
            Matrix firstMoment,
            Matrix secondMoment,
            int row,
            double[] gradient,
            boolean unit) {
        int columns = weights.columns();
        double along = 0;
        for (int column = 0; unit && column < columns; column++) {
            along += gradient[column] * Cells.get(weights, row, column);
        }
        double squares = 0;
        for (int column = 0; column < columns; column++) {
            double weight = Cells.get(weights, row, column);
            double g = unit ? gradient[column] - along * weight : gradient[column];
            double m = step.beta1() * Cells.get(firstMoment, row, column) + (1.0 - step.beta1()) * g;
            double v = step.beta2() * Cells.get(secondMoment, row, column) + (1.0 - step.beta2()) * g * g;
            Cells.set(firstMoment, row, column, m);
            Cells.set(secondMoment, row, column, v);
            double update = m / step.correction1() / (Math.sqrt(v / step.correction2()) + step.epsilon());
            double next = weight - step.learningRate() * update;
            gradient[column] = next;
            squares += next * next;
        }
        double factor = unit && squares > 0 ? 1 / Math.sqrt(squares) : 1;
        for (int column = 0; column < columns; column++) {
            Cells.set(weights, row, column, gradient[column] * factor);
        }
    }

    static void markFired(SparseCodes codes, int step, Matrix lastFired) {
        int entries = codes.entries();
        for (int entry = 0; entry < entries; entry++) {
            if (codes.value(entry) != 0) {
                Cells.setInt(lastFired, codes.latent(entry), step);
            }
        }
    }

    static void listDead(Matrix lastFired, int horizon, Matrix latents, Matrix count) {
        int dead = 0;
        for (int latent = 0; latent < lastFired.columns(); latent++) {
            if (Cells.getInt(lastFired, latent) < horizon) {
                Cells.setInt(latents, dead++, latent);
            }
        }
        Cells.setInt(count, 0, dead);
    }

    static void addStatistics(Matrix rowErrors, SparseCodes codes, Matrix statistics) {
        double errors = 0;
        for (int row = 0; row < rowErrors.columns(); row++) {
            errors += Cells.get(rowErrors, 0, row);
        }
        int active = 0;
        int entries = codes.entries();
        for (int entry = 0; entry < entries; entry++) {
            active += codes.value(entry) != 0 ? 1 : 0;
        }
        Cells.setDouble(statistics, 0, Cells.getDouble(statistics, 0) + errors);
        Cells.setDouble(statistics, 1, Cells.getDouble(statistics, 1) + active);
    }
}
