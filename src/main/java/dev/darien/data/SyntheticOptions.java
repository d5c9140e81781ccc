// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How synthetic activations are made: sparse sums of known unit directions, so that what an SAE should find is known.
 *
 * @param width d
 * @param directions number of true directions; usually more than d
 * @param probability mean over directions of the probability of being on
 * @param zipf exponent α of the probabilities, p_j ∝ (j+1)^-α; 0 for the same probability everywhere
 * @param dispersion over-dispersion of the number that is on: with k on in the mean, its variance is about
 *     k + dispersion · k² (negative binomial); 0 for independent directions
 * @param spread magnitudes are 1 + spread · |N(0, 1)|
 * @param noise standard deviation of the noise of each coordinate
 * @param offset norm of a constant vector added to every row
 * @param rows how many rows there are
 * @param seed of everything
 */
public record SyntheticOptions(
        int width,
        int directions,
        double probability,
        double zipf,
        double dispersion,
        double spread,
        double noise,
        double offset,
        long rows,
        long seed) {
    private static final List<String> KEYS =
            List.of("d", "true", "p", "zipf", "dispersion", "spread", "noise", "offset", "rows", "seed");
    private static final int MOST_ELEMENTS = 1 << 28;

    /**
     * Checks the ranges.
     *
     * @throws DataException if a value is out of its range
     */
    public SyntheticOptions {
        require(width >= 1, "d", width, "at least 1");
        require(directions >= 1, "true", directions, "at least 1");
        require(
                (long) width * directions <= MOST_ELEMENTS,
                "true",
                directions,
                "at most " + MOST_ELEMENTS / width + " with d=" + width);
        require(probability > 0 && probability <= 1, "p", probability, "above 0 and at most 1");
        requireNotNegative("zipf", zipf);
        requireNotNegative("dispersion", dispersion);
        requireNotNegative("spread", spread);
        requireNotNegative("noise", noise);
        requireNotNegative("offset", offset);
        require(rows >= 1, "rows", rows, "at least 1");
    }

    /**
     * Reads {@code d=64,true=128,p=0.03125,noise=0.02,rows=3072000,seed=1}; what isn't named has the value shown here,
     * and {@code zipf=0,dispersion=0,spread=0.3,offset=0}.
     *
     * @throws DataException for unknown or repeated keys and values that aren't numbers in range
     */
    public static SyntheticOptions parse(String text) {
        Map<String, String> values = new HashMap<>();
        for (String part : text.isBlank() ? new String[0] : text.split(",", -1)) {
            int equals = part.indexOf('=');
            String key = equals < 0 ? part.strip() : part.substring(0, equals).strip();
            if (equals < 0 || !KEYS.contains(key)) {
                throw new DataException("synthetic data has no setting '" + part + "'; write KEY=VALUE with the keys "
                        + String.join(", ", KEYS));
            }
            if (values.put(key, part.substring(equals + 1).strip()) != null) {
                throw new DataException("synthetic data was given '" + key + "' twice; give it once");
            }
        }
        return new SyntheticOptions(
                (int) whole(values, "d", 64, Integer.MAX_VALUE),
                (int) whole(values, "true", 128, Integer.MAX_VALUE),
                number(values, "p", 0.03125),
                number(values, "zipf", 0),
                number(values, "dispersion", 0),
                number(values, "spread", 0.3),
                number(values, "noise", 0.02),
                number(values, "offset", 0),
                whole(values, "rows", 3_072_000, Long.MAX_VALUE),
                whole(values, "seed", 1, Long.MAX_VALUE));
    }

    private static long whole(Map<String, String> values, String key, long otherwise, long most) {
        String text = values.get(key);
        if (text == null) {
            return otherwise;
        }
        try {
            long value = Long.parseLong(text);
            require(value <= most, key, text, "at most " + most);
            // Narrowing must not turn a large negative number into a valid one.
            require(most == Long.MAX_VALUE || value >= 0, key, text, "at least 1");
            return value;
        } catch (NumberFormatException e) {
            throw new DataException("synthetic data needs a whole number for " + key + ", not '" + text + "'", e);
        }
    }

    private static double number(Map<String, String> values, String key, double otherwise) {
        String text = values.get(key);
        if (text == null) {
            return otherwise;
        }
        try {
            return Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw new DataException("synthetic data needs a number for " + key + ", not '" + text + "'", e);
        }
    }

    private static void requireNotNegative(String key, double value) {
        require(value >= 0 && Double.isFinite(value), key, value, "finite and not negative");
    }

    private static void require(boolean holds, String key, Object value, String wanted) {
        if (!holds) {
            throw new DataException("synthetic data can't have " + key + "=" + value + "; it must be " + wanted);
        }
    }

    /** The specification that {@link #parse} reads back to the same options. */
    @Override
    public String toString() {
        return "d=" + width + ",true=" + directions + ",p=" + probability + ",zipf=" + zipf + ",dispersion="
                + dispersion + ",spread=" + spread + ",noise=" + noise + ",offset=" + offset + ",rows=" + rows
                + ",seed=" + seed;
    }
}
