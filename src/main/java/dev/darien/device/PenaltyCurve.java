// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

/**
 * How a sparsity penalty grows with a code a ≥ 0.
 *
 * @param kind the family of curves
 * @param parameter p, or the slope at 0
 */
public record PenaltyCurve(Kind kind, float parameter) {
    /** Keeps the slope of a power below 1 finite at 0. */
    public static final float POWER_OFFSET = 1e-4f;

    /** A family of curves. */
    public enum Kind {
        /**
         * {@code (a + ε)^p - ε^p}, p in (0, 1], over active entries: P-annealing (Karvonen et al. 2024, section 3). The ε of
         * {@link #POWER_OFFSET} is Darien's: without it the slope has no bound at 0.
         */
        POWER,
        /**
         * {@code tanh(c·a)} over all entries, inactive ones in a threshold's window included: its slope there pulls at the
         * threshold (Anthropic's update of January 2025; SAELens).
         */
        TANH
    }

    public PenaltyCurve {
        if (!(parameter > 0) || (kind == Kind.POWER && parameter > 1)) {
            throw new IllegalArgumentException(
                    kind == Kind.POWER
                            ? "the power of a penalty lies above 0 and at most at 1, not at " + parameter
                            : "the slope of a penalty must be above 0, not " + parameter);
        }
    }

    /** {@code Σ a^p}. */
    public static PenaltyCurve power(double p) {
        return new PenaltyCurve(Kind.POWER, (float) p);
    }

    /** {@code Σ tanh(slope·a)}. */
    public static PenaltyCurve tanh(double slope) {
        return new PenaltyCurve(Kind.TANH, (float) slope);
    }

    /** φ(a). */
    public double value(double a) {
        return switch (kind) {
            case POWER -> Math.pow(a + POWER_OFFSET, parameter) - Math.pow(POWER_OFFSET, parameter);
            case TANH -> Math.tanh(parameter * a);
        };
    }

    /** φ'(a). */
    public double slope(double a) {
        return switch (kind) {
            case POWER -> parameter * Math.pow(a + POWER_OFFSET, parameter - 1.0);
            case TANH -> {
                double tanh = Math.tanh(parameter * a);
                yield parameter * (1 - tanh * tanh);
            }
        };
    }

    /** Whether an entry counts. */
    public boolean counts(float value) {
        return value != 0 || kind == Kind.TANH;
    }
}
