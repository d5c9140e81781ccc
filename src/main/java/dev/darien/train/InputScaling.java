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

    /** As single precision, the factor and its inverse are normal numbers, and so is what they are multiplied by. */
    private static final double LARGEST = 0x1p100;

    private static final double SMALLEST = 0x1p-120;

    /**
     * The factor for activations of {@code width} whose mean squared norm is {@code meanSquaredNorm}: 1 for zeros, and
     * between 2^-120 and 2^100, so that activations without a normal number among them are scaled less than they would be.
     */
    public double factor(double meanSquaredNorm, int width) {
        if (this == NONE || !(meanSquaredNorm > 0)) {
            return 1;
        }
        double wanted = Math.sqrt((this == WIDTH ? width : 1) / meanSquaredNorm);
        return Math.clamp(wanted, SMALLEST, LARGEST);
    }
}
