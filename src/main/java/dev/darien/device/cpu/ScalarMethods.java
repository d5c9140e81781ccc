// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.LatentGroups;
import dev.darien.device.LatentTerms;
import dev.darien.device.PenaltyCurve;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/** The scalar reference of the kernels that single methods need, over ranges of entries or of latents. */
final class ScalarMethods {
    private ScalarMethods() {}

    static void gatedMagnitudes(
            SparseCodes gates,
            Matrix gateBias,
            Matrix logScale,
            Matrix magnitudeBias,
            Matrix magnitudes,
            int firstEntry,
            int lastEntry) {
        for (int entry = firstEntry; entry < lastEntry; entry++) {
            double gate = gates.value(entry);
            int latent = gates.latent(entry);
            double magnitude = Math.exp(Cells.get(logScale, 0, latent)) * (gate - Cells.get(gateBias, 0, latent))
                    + Cells.get(magnitudeBias, 0, latent);
            Cells.set(magnitudes, 0, entry, gate == 0 ? 0 : Math.max(0, magnitude));
        }
    }

    static void gatedGradient(
            LatentTerms terms,
            Matrix logScale,
            Matrix magnitudeBias,
            boolean accumulate,
            Matrix scaleGradient,
            Matrix biasGradient,
            int firstLatent,
            int lastLatent) {
        LatentGroups groups = terms.groups();
        Matrix gradients = terms.codeGradients();
        double scale = Cells.get(terms.scale(), 0, 0);
        for (int latent = firstLatent; latent < lastLatent; latent++) {
            double factor = Math.exp(Cells.get(logScale, 0, latent));
            double bias = Cells.get(magnitudeBias, 0, latent);
            double sum = 0;
            double weighted = 0;
            for (int at = groups.start(latent); at < groups.start(latent + 1); at++) {
                int entry = groups.entry(at);
                double value = terms.codes().value(entry);
                double gradient = Cells.get(gradients, 0, entry);
                if (value != 0) {
                    sum += gradient;
                    weighted += gradient * (value - bias);
                }
                Cells.set(gradients, 0, entry, gradient * factor);
            }
            store(scaleGradient, latent, accumulate, scale * weighted);
            store(biasGradient, latent, accumulate, scale * sum);
        }
    }

    private static void store(Matrix gradient, int latent, boolean accumulate, double sum) {
        Cells.set(gradient, 0, latent, (accumulate ? Cells.get(gradient, 0, latent) : 0) + sum);
    }

    static void keepLatents(SparseCodes codes, int first, int last, Matrix values, int firstEntry, int lastEntry) {
        for (int entry = firstEntry; entry < lastEntry; entry++) {
            int latent = codes.latent(entry);
            Cells.set(values, 0, entry, latent >= first && latent < last ? codes.value(entry) : 0);
        }
    }

    /** Returns Σ φ over the entries of the range. */
    static double addPenalty(
            SparseCodes codes,
            @Nullable Matrix norms,
            PenaltyCurve curve,
            float coefficient,
            Matrix codeGradients,
            int firstEntry,
            int lastEntry) {
        double sum = 0;
        for (int entry = firstEntry; entry < lastEntry; entry++) {
            float value = codes.value(entry);
            if (curve.counts(value)) {
                double norm = norms == null ? 1 : Cells.get(norms, 0, codes.latent(entry));
                sum += curve.value(value * norm);
                double slope = coefficient * norm * curve.slope(value * norm);
                Cells.set(codeGradients, 0, entry, Cells.get(codeGradients, 0, entry) + slope);
            }
        }
        return sum;
    }

    static void listUnderused(
            Matrix lastFired, int horizon, Matrix rates, Matrix limits, Matrix latents, Matrix count) {
        int listed = 0;
        for (int latent = 0; latent < lastFired.columns(); latent++) {
            if (Cells.getInt(lastFired, latent) < horizon
                    || Cells.get(rates, 0, latent) < Cells.get(limits, 0, latent)) {
                Cells.setInt(latents, listed++, latent);
            }
        }
        Cells.setInt(count, 0, listed);
    }
}
