// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import java.util.Map;

/**
 * Steers a penalty's coefficient until the measured L0 is the one asked for: a proportional-integral controller on the
 * logarithm of both, because the coefficient's useful values span orders of magnitude.
 */
final class PenaltyController {
    /** Steps between two readings of L0: often enough to follow, seldom enough not to make a GPU wait. */
    static final int INTERVAL = 10;

    private static final double INTEGRAL_GAIN = 0.15;
    private static final double PROPORTIONAL_GAIN = 1.0;
    private static final double ERROR_LIMIT = 1.0;

    private final double target;
    private double logStrength;
    private double error;

    PenaltyController(double target, double initialStrength) {
        this.target = target;
        this.logStrength = Math.log(Math.max(initialStrength, 1e-12));
    }

    /** Takes a measured L0 into account. */
    void observe(double l0) {
        error = Math.clamp(Math.log(Math.max(l0, 1e-3) / target), -ERROR_LIMIT, ERROR_LIMIT);
        logStrength += INTEGRAL_GAIN * error;
    }

    /** The coefficient now. */
    double strength() {
        return Math.exp(logStrength + PROPORTIONAL_GAIN * error);
    }

    /** Puts the state into a checkpoint. */
    void save(Map<String, Object> numbers) {
        numbers.put("log_strength", logStrength);
        numbers.put("control_error", error);
    }

    void restore(Map<String, Object> numbers) {
        logStrength = StepStatistics.number(numbers, "log_strength").doubleValue();
        error = StepStatistics.number(numbers, "control_error").doubleValue();
    }
}
