// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.DeadSelection;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import org.jspecify.annotations.Nullable;

/** The scalar reference of Gradient TopK: the selection of {@link ScalarEncode#topK}, by another score. */
final class ScalarGradientTopK {
    private ScalarGradientTopK() {}

    static void strength(Matrix gradients, ScalarEncoder directions, float beta, Matrix strength) {
        double sum = 0;
        for (int row = 0; row < gradients.rows(); row++) {
            for (float product : directions.products(gradients, row)) {
                sum += Math.abs(product);
            }
        }
        Cells.set(strength, 0, 0, strength(beta, sum, gradients.rows() * directions.latents()));
    }

    /** β over the mean of {@code count} magnitudes. */
    static float strength(float beta, double sum, long count) {
        return sum == 0 ? 0 : (float) (beta * count / sum);
    }

    /** What a latent is selected by. */
    static float score(float preActivation, float product, float strength) {
        return preActivation * Math.fma(strength, Math.abs(product), 1f);
    }

    static void select(
            Matrix x,
            ScalarEncoder encoder,
            Matrix gradients,
            ScalarEncoder directions,
            Matrix strength,
            int k,
            @Nullable DeadSelection dead,
            SparseCodes codes) {
        float factor = Cells.get(strength, 0, 0);
        int next = ScalarEncode.firstRow(codes);
        int nextDead = dead == null ? 0 : ScalarEncode.firstRow(dead.codes());
        for (int row = 0; row < codes.rows(); row++) {
            float[] values = encoder.preActivations(x, row);
            float[] scores = directions.products(gradients, row);
            for (int latent = 0; latent < values.length; latent++) {
                scores[latent] = score(values[latent], scores[latent], factor);
            }
            LargestValues largest = encoder.largest();
            largest.start(Math.min(k, encoder.latents()));
            ScalarEncode.offerAll(scores, largest);
            for (int latent = 0; latent < values.length; latent++) {
                if (largest.admits(scores[latent])) {
                    ScalarEncode.put(codes, next++, latent, values[latent]);
                }
            }
            Cells.setLong(codes.offsets(), row + 1L, next);
            if (dead != null) {
                nextDead = ScalarEncode.selectDead(values, encoder, dead, row, nextDead);
            }
        }
    }
}
