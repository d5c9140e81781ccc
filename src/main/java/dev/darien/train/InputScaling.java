// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

/** The one number that activations are multiplied by in training; folded back into the weights when saved. */
public enum InputScaling {
    /** Activations as they are. */
    NONE,
    /** So that the mean squared norm is 1. */
    UNIT_MEAN_SQUARE,
    /** So that the mean squared norm is d. */
    WIDTH;

    /** The factor for activations of {@code width} whose mean squared norm is {@code meanSquaredNorm}. */
    public double factor(double meanSquaredNorm, int width) {
        if (this == NONE || !(meanSquaredNorm > 0)) {
            return 1;
        }
        return switch (this) {
            case NONE -> 1;
            case UNIT_MEAN_SQUARE -> 1 / Math.sqrt(meanSquaredNorm);
            case WIDTH -> Math.sqrt(width / meanSquaredNorm);
        };
    }
}
