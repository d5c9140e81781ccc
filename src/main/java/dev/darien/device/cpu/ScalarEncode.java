// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.DeadSelection;
import dev.darien.device.Shapes;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The scalar reference of the encode kernels. Only one row of pre-activations exists at a time; the selection over a
 * batch computes each row twice rather than keep them all.
 */
final class ScalarEncode {
    private ScalarEncode() {}

    static void topK(Matrix x, ScalarEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        int next = firstRow(codes);
        int nextDead = dead == null ? 0 : firstRow(dead.codes());
        for (int row = 0; row < codes.rows(); row++) {
            float[] values = encoder.preActivations(x, row);
            LargestValues largest = encoder.largest();
            largest.start(Math.min(k, encoder.latents()));
            offerAll(values, largest);
            next = keepAdmitted(values, largest, codes, row, next);
            if (dead != null) {
                nextDead = selectDead(values, encoder, dead, row, nextDead);
            }
        }
    }

    static void batchTopK(
            Matrix x,
            ScalarEncoder encoder,
            long budget,
            @Nullable DeadSelection dead,
            SparseCodes codes,
            Matrix smallestKept) {
        LargestValues largest = encoder.largest();
        largest.start((int) Math.min(budget, (long) codes.rows() * encoder.latents()));
        for (int row = 0; row < codes.rows(); row++) {
            offerAll(encoder.preActivations(x, row), largest);
        }
        int next = firstRow(codes);
        int nextDead = dead == null ? 0 : firstRow(dead.codes());
        for (int row = 0; row < codes.rows(); row++) {
            float[] values = encoder.preActivations(x, row);
            next = keepAdmitted(values, largest, codes, row, next);
            if (dead != null) {
                nextDead = selectDead(values, encoder, dead, row, nextDead);
            }
        }
        if (largest.size() > 0) {
            Cells.set(smallestKept, 0, 0, largest.smallest());
        }
    }

    /**
     * In single precision, as every device decides it: active where {@code value > θ}; in the window below where
     * {@code value ≤ θ} and {@code θ - value < bandwidth/2}.
     */
    static void threshold(
            Matrix x, ScalarEncoder encoder, @Nullable Matrix thresholds, float bandwidth, SparseCodes codes) {
        int next = firstRow(codes);
        for (int row = 0; row < codes.rows(); row++) {
            float[] values = encoder.preActivations(x, row);
            for (int latent = 0; latent < values.length; latent++) {
                float value = values[latent];
                float theta = thresholds == null ? 0 : Cells.get(thresholds, 0, latent);
                boolean active = value > theta;
                boolean inWindow = value <= theta && theta - value < 0.5f * bandwidth;
                if (active || inWindow) {
                    if (next == codes.capacity()) {
                        throw overflow(codes, row);
                    }
                    put(codes, next++, latent, active ? value : 0);
                }
            }
            Cells.setLong(codes.offsets(), row + 1L, next);
        }
    }

    static void groupMax(Matrix x, ScalarEncoder encoder, int groups, @Nullable DeadSelection dead, SparseCodes codes) {
        int next = firstRow(codes);
        int nextDead = dead == null ? 0 : firstRow(dead.codes());
        for (int row = 0; row < codes.rows(); row++) {
            float[] values = encoder.preActivations(x, row);
            for (int group = 0; group < groups; group++) {
                int best = -1;
                for (int latent = groupStart(group, groups, values.length);
                        latent < groupStart(group + 1, groups, values.length);
                        latent++) {
                    if (values[latent] > (best < 0 ? 0 : values[best])) {
                        best = latent;
                    }
                }
                if (best >= 0) {
                    put(codes, next++, best, values[best]);
                }
            }
            Cells.setLong(codes.offsets(), row + 1L, next);
            if (dead != null) {
                nextDead = selectDead(values, encoder, dead, row, nextDead);
            }
        }
    }

    static void dead(Matrix x, ScalarEncoder encoder, DeadSelection dead) {
        int next = firstRow(dead.codes());
        for (int row = 0; row < dead.codes().rows(); row++) {
            next = selectDead(encoder.preActivations(x, row), encoder, dead, row, next);
        }
    }

    /** The first latent of a group. */
    static int groupStart(int group, int groups, int latents) {
        return (int) ((long) group * latents / groups);
    }

    static void featureChoice(
            Matrix x,
            ScalarEncoder encoder,
            Matrix budgets,
            boolean keepNonPositive,
            SparseCodes codes,
            Matrix smallestKept) {
        LargestRows largest = encoder.largestRows();
        largest.start(budgets, codes.rows(), codes.capacity(), keepNonPositive);
        for (int row = 0; row < codes.rows(); row++) {
            largest.offer(row, encoder.preActivations(x, row), 0, 0, encoder.latents());
        }
        largest.finish(codes, smallestKept);
    }

    /** How many latents of {@code dead} are valid. */
    static int deadCount(DeadSelection dead, int latents) {
        int count = Cells.getInt(dead.count(), 0);
        if (count < 0 || count > latents) {
            throw new IllegalArgumentException(count + " dead latents out of " + latents);
        }
        return count;
    }

    /** Empties the codes and says that they are too small; {@code row} is the first that doesn't fit. */
    static IllegalArgumentException overflow(SparseCodes codes, int row) {
        codes.offsets().clear();
        return Shapes.overflow(codes, row);
    }

    static int selectDead(float[] values, ScalarEncoder encoder, DeadSelection dead, int row, int next) {
        int count = deadCount(dead, encoder.latents());
        // NaN is never selected, so it marks the latents that aren't dead.
        float[] deadValues = encoder.deadRow();
        Arrays.fill(deadValues, Float.NaN);
        for (int at = 0; at < count; at++) {
            int latent = Cells.getInt(dead.latents(), at);
            deadValues[latent] = values[latent];
        }
        LargestValues largest = encoder.largestDead();
        largest.start(Math.min(dead.k(), encoder.latents()));
        offerAll(deadValues, largest);
        return keepAdmitted(deadValues, largest, dead.codes(), row, next);
    }

    static void offerAll(float[] values, LargestValues largest) {
        for (float value : values) {
            largest.offer(value);
        }
    }

    private static int keepAdmitted(float[] values, LargestValues largest, SparseCodes codes, int row, int start) {
        int next = start;
        for (int latent = 0; latent < values.length; latent++) {
            if (largest.admits(values[latent])) {
                put(codes, next++, latent, values[latent]);
            }
        }
        Cells.setLong(codes.offsets(), row + 1L, next);
        return next;
    }

    static int firstRow(SparseCodes codes) {
        Cells.setLong(codes.offsets(), 0, 0);
        return 0;
    }

    static void put(SparseCodes codes, int entry, int latent, float value) {
        Cells.setInt(codes.indices(), entry, latent);
        Cells.set(codes.values(), 0, entry, value);
    }
}
