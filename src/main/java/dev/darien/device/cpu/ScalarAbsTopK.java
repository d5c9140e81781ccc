// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.DeadSelection;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The scalar reference of the selection by magnitude. */
final class ScalarAbsTopK {
    private ScalarAbsTopK() {}

    static void select(Matrix x, ScalarEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        int next = ScalarEncode.firstRow(codes);
        int nextDead = dead == null ? 0 : ScalarEncode.firstRow(dead.codes());
        for (int row = 0; row < codes.rows(); row++) {
            float[] values = encoder.preActivations(x, row);
            next = selectRow(values, encoder.largest(), Math.min(k, values.length), codes, row, next);
            if (dead != null) {
                // NaN is never selected, so it marks the latents that aren't dead.
                float[] deadValues = encoder.deadRow();
                Arrays.fill(deadValues, Float.NaN);
                int count = ScalarEncode.deadCount(dead, values.length);
                for (int at = 0; at < count; at++) {
                    int latent = Cells.getInt(dead.latents(), at);
                    deadValues[latent] = values[latent];
                }
                int most = Math.min(dead.k(), values.length);
                nextDead = selectRow(deadValues, encoder.largestDead(), most, dead.codes(), row, nextDead);
            }
        }
    }

    private static int selectRow(float[] values, LargestValues largest, int k, SparseCodes codes, int row, int first) {
        largest.start(k);
        for (float value : values) {
            largest.offer(Math.abs(value));
        }
        int next = first;
        for (int latent = 0; latent < values.length; latent++) {
            if (largest.admits(Math.abs(values[latent]))) {
                ScalarEncode.put(codes, next++, latent, values[latent]);
            }
        }
        Cells.setLong(codes.offsets(), row + 1L, next);
        return next;
    }
}
