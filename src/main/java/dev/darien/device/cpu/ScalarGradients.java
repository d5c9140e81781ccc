// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.LatentGroups;
import dev.darien.device.LatentRows;
import dev.darien.device.LatentTerms;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/**
 * The scalar reference of decoding, of the losses and of their gradients. Every sum is taken in double and rounded once.
 */
final class ScalarGradients {
    /** The share of the squares up to which a distance is rounding, in single precision. */
    private static final double EQUAL_ROWS = 1e-10;

    private ScalarGradients() {}

    static void decode(SparseCodes codes, Matrix wDec, @Nullable Matrix bias, Matrix out, Scratch scratch) {
        for (int row = 0; row < codes.rows(); row++) {
            double[] sums = decodeRow(codes, row, wDec, bias, scratch);
            for (int column = 0; column < out.columns(); column++) {
                Cells.set(out, row, column, sums[column]);
            }
        }
    }

    static void reconstruct(
            SparseCodes codes,
            Matrix wDec,
            @Nullable Matrix bias,
            Matrix target,
            float targetSign,
            Matrix residual,
            Matrix rowErrors,
            Matrix codeGradients,
            Scratch scratch) {
        for (int row = 0; row < codes.rows(); row++) {
            double[] sums = decodeRow(codes, row, wDec, bias, scratch);
            for (int column = 0; column < residual.columns(); column++) {
                double wanted = (double) targetSign * Cells.get(target, row, column);
                Cells.set(residual, row, column, sums[column] - wanted);
            }
            Cells.set(rowErrors, 0, row, Cells.dot(residual, row, residual, row));
            for (int entry = codes.start(row); entry < codes.start(row + 1); entry++) {
                Cells.set(codeGradients, 0, entry, Cells.dot(residual, row, wDec, codes.latent(entry)));
            }
        }
    }

    /** {@code Σ z_j · wDec[j] + bias}; entries of value 0 are inactive and are left out. */
    private static double[] decodeRow(SparseCodes codes, int row, Matrix wDec, @Nullable Matrix bias, Scratch scratch) {
        double[] sums = scratch.zeroed(wDec.columns());
        for (int entry = codes.start(row); entry < codes.start(row + 1); entry++) {
            double value = codes.value(entry);
            if (value != 0) {
                int latent = codes.latent(entry);
                for (int column = 0; column < wDec.columns(); column++) {
                    sums[column] += value * Cells.get(wDec, latent, column);
                }
            }
        }
        for (int column = 0; bias != null && column < wDec.columns(); column++) {
            sums[column] += Cells.get(bias, 0, column);
        }
        return sums;
    }

    static void addL1(
            SparseCodes codes, @Nullable Matrix norms, float coefficient, Matrix codeGradients, Matrix penalty) {
        double sum = 0;
        int entries = codes.entries();
        for (int entry = 0; entry < entries; entry++) {
            double value = codes.value(entry);
            if (value != 0) {
                double norm = norms == null ? 1 : Cells.get(norms, 0, codes.latent(entry));
                sum += value * norm;
                Cells.set(codeGradients, 0, entry, Cells.get(codeGradients, 0, entry) + coefficient * norm);
            }
        }
        Cells.setDouble(penalty, 0, Cells.getDouble(penalty, 0) + coefficient * sum);
    }

    /** A row of weights that is shorter counts as one of zeros: the square of its length isn't a normal number. */
    static final double SHORTEST = 1e-18;

    static void auxiliaryScale(
            Matrix residual, Matrix auxErrors, float coefficient, Matrix scale, Matrix loss, Scratch scratch) {
        double[] means = scratch.zeroed(residual.columns());
        for (long row = 0; row < residual.rows(); row++) {
            for (int column = 0; column < residual.columns(); column++) {
                means[column] += Cells.get(residual, row, column);
            }
        }
        // Divided once, so that rows which are all the same have exactly themselves as their mean, and a distance of 0.
        for (int column = 0; column < residual.columns(); column++) {
            means[column] /= residual.rows();
        }
        double distance = 0;
        double squares = 0;
        double errors = 0;
        for (int row = 0; row < residual.rows(); row++) {
            for (int column = 0; column < residual.columns(); column++) {
                double value = Cells.get(residual, row, column);
                double difference = value - means[column];
                distance += difference * difference;
                squares += value * value;
            }
            errors += Cells.get(auxErrors, 0, row);
        }
        storeAuxiliary(distance, squares, errors, coefficient, scale, loss);
    }

    /**
     * What is left of equal rows after rounding is no distance: anything divided by it would be noise. Nor is what single
     * precision can't divide by.
     */
    static void storeAuxiliary(
            double distance, double squares, double errors, float coefficient, Matrix scale, Matrix loss) {
        boolean none = distance <= EQUAL_ROWS * squares || distance < Float.MIN_NORMAL;
        Cells.set(scale, 0, 0, none ? 0 : 2.0 * coefficient / distance);
        Cells.setDouble(loss, 0, none ? 0 : errors / distance);
    }

    /** A counting sort: count, turn the counts into starts, and place the entries in the order of the rows. */
    static void groupByLatent(SparseCodes codes, LatentGroups groups) {
        Matrix offsets = groups.offsets();
        int entries = codes.entries();
        offsets.clear();
        for (int entry = 0; entry < entries; entry++) {
            int after = codes.latent(entry) + 1;
            Cells.setInt(offsets, after, Cells.getInt(offsets, after) + 1);
        }
        for (int latent = 0; latent < groups.latents(); latent++) {
            Cells.setInt(offsets, latent + 1L, groups.start(latent) + Cells.getInt(offsets, latent + 1L));
        }
        // Placing moves each start to its group's end, which is the next one's start: move them back afterwards.
        for (int row = 0; row < codes.rows(); row++) {
            for (int entry = codes.start(row); entry < codes.start(row + 1); entry++) {
                int latent = codes.latent(entry);
                int at = groups.start(latent);
                Cells.setInt(groups.rows(), at, row);
                Cells.setInt(groups.entries(), at, entry);
                Cells.setInt(offsets, latent, at + 1);
            }
        }
        for (int latent = groups.latents(); latent > 0; latent--) {
            Cells.setInt(offsets, latent, groups.start(latent - 1));
        }
        Cells.setInt(offsets, 0, 0);
    }

    static void encoderBiasGradient(
            LatentTerms terms, boolean accumulate, Matrix gradient, int firstLatent, int lastLatent) {
        LatentGroups groups = terms.groups();
        double scale = Cells.get(terms.scale(), 0, 0);
        for (int latent = firstLatent; latent < lastLatent; latent++) {
            double sum = 0;
            for (int at = groups.start(latent); at < groups.start(latent + 1); at++) {
                int entry = groups.entry(at);
                if (terms.codes().value(entry) != 0) {
                    sum += Cells.get(terms.codeGradients(), 0, entry);
                }
            }
            double before = accumulate ? Cells.get(gradient, 0, latent) : 0;
            Cells.set(gradient, 0, latent, before + scale * sum);
        }
    }

    /**
     * The window is decided in single precision, as in {@link ScalarEncode#threshold}: entries of value 0 are there
     * because they lie in it, others do where {@code z - θ < bandwidth/2}.
     */
    static void thresholdGradient(
            LatentTerms terms,
            Matrix thresholds,
            float bandwidth,
            float l0Coefficient,
            boolean accumulate,
            Matrix gradient,
            int firstLatent,
            int lastLatent) {
        LatentGroups groups = terms.groups();
        double scale = Cells.get(terms.scale(), 0, 0);
        for (int latent = firstLatent; latent < lastLatent; latent++) {
            float theta = Cells.get(thresholds, 0, latent);
            double sum = 0;
            for (int at = groups.start(latent); at < groups.start(latent + 1); at++) {
                int entry = groups.entry(at);
                float value = terms.codes().value(entry);
                if (value == 0 || value - theta < 0.5f * bandwidth) {
                    sum += scale * Cells.get(terms.codeGradients(), 0, entry) * theta + l0Coefficient;
                }
            }
            double before = accumulate ? Cells.get(gradient, 0, latent) : 0;
            Cells.set(gradient, 0, latent, before - sum / bandwidth);
        }
    }

    static void latentGradients(
            LatentTerms terms,
            float normPenalty,
            @Nullable Matrix wDec,
            LatentRows gradients,
            Matrix touched,
            Scratch encoderScratch,
            Scratch decoderScratch) {
        LatentGroups groups = terms.groups();
        for (int latent = 0; latent < groups.latents(); latent++) {
            if (groups.start(latent) == groups.start(latent + 1)) {
                continue;
            }
            double[] encoder = encoderScratch.zeroed(gradients.encoder().columns());
            double[] decoder = decoderScratch.zeroed(gradients.decoder().columns());
            addLatent(terms, latent, normPenalty, wDec, encoder, decoder);
            boolean accumulate = Cells.getInt(touched, latent) != 0;
            store(encoder, accumulate, gradients.encoder(), latent);
            store(decoder, accumulate, gradients.decoder(), latent);
            Cells.setInt(touched, latent, 1);
        }
    }

    /** Adds what {@code terms} contribute to the gradients of both rows of one latent. */
    static void addLatent(
            LatentTerms terms,
            int latent,
            float normPenalty,
            @Nullable Matrix wDec,
            double[] encoder,
            double[] decoder) {
        LatentGroups groups = terms.groups();
        Matrix input = terms.input();
        Matrix residual = terms.residual();
        double scale = Cells.get(terms.scale(), 0, 0);
        double activity = 0;
        for (int at = groups.start(latent); at < groups.start(latent + 1); at++) {
            int row = groups.row(at);
            int entry = groups.entry(at);
            double value = terms.codes().value(entry);
            if (value == 0) {
                continue;
            }
            double gradient = Cells.get(terms.codeGradients(), 0, entry);
            activity += value;
            for (int column = 0; column < input.columns(); column++) {
                encoder[column] += scale * gradient * Cells.get(input, row, column);
            }
            for (int column = 0; column < residual.columns(); column++) {
                decoder[column] += scale * value * Cells.get(residual, row, column);
            }
        }
        if (normPenalty != 0 && activity != 0 && wDec != null) {
            double norm = Math.sqrt(Cells.dot(wDec, latent, wDec, latent));
            // The norm has no gradient at 0; 0 is a subgradient.
            double factor = norm < SHORTEST ? 0 : normPenalty * activity / norm;
            for (int column = 0; column < wDec.columns(); column++) {
                decoder[column] += factor * Cells.get(wDec, latent, column);
            }
        }
    }

    private static void store(double[] sums, boolean accumulate, Matrix out, int row) {
        for (int column = 0; column < out.columns(); column++) {
            double before = accumulate ? Cells.get(out, row, column) : 0;
            Cells.set(out, row, column, before + sums[column]);
        }
    }
}
