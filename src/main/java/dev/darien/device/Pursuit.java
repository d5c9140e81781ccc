// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

/**
 * When a matching pursuit ends, if not because no product is positive any more.
 *
 * @param steps most steps
 * @param residualThreshold ends after the step that leaves a residual of a smaller norm; 0 for never
 * @param stopOnRepeat ends after the step that takes a latent for the second time
 */
public record Pursuit(int steps, float residualThreshold, boolean stopOnRepeat) {
    public Pursuit {
        if (steps < 1) {
            throw new IllegalArgumentException("a matching pursuit must have at least 1 step, not " + steps);
        }
        if (!(residualThreshold >= 0) || Float.isInfinite(residualThreshold)) {
            throw new IllegalArgumentException(
                    "the residual threshold of a matching pursuit can't be " + residualThreshold);
        }
    }

    /** A pursuit of {@code steps} steps, whatever is left. */
    public static Pursuit of(int steps) {
        return new Pursuit(steps, 0, false);
    }
}
