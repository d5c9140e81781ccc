// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

/**
 * A factor that rises over the first steps, stays at 1, and falls linearly to 0 over the last ones.
 *
 * @param steps steps of the run
 * @param warmup steps of the rise, 0 for none
 * @param shape how it rises
 * @param decay steps of the fall, 0 for none
 */
public record Schedule(long steps, long warmup, Shape shape, long decay) {

    /** How the factor rises. */
    public enum Shape {
        /** (t + 1)/warmup at step t. */
        LINEAR,
        /** From 0.1 to 1 along half a cosine (Rajamanoharan et al. 2024). */
        COSINE
    }

    public Schedule {
        if (steps < 1 || warmup < 0 || decay < 0 || decay > steps) {
            throw new IllegalArgumentException(
                    "a schedule of " + steps + " steps can't warm up over " + warmup + " and decay over " + decay);
        }
    }

    /** The factor at step {@code t}, counted from 0. */
    public double at(long t) {
        double factor = 1;
        if (t < warmup) {
            factor = switch (shape) {
                case LINEAR -> (t + 1.0) / warmup;
                case COSINE -> 0.1 + 0.9 * (1 - Math.cos(Math.PI * t / warmup)) / 2;
            };
        }
        long decayStart = steps - decay;
        return t >= decayStart && decay > 0 ? factor * (steps - t) / (double) decay : factor;
    }
}
