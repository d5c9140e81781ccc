// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.sae.Autoencoder;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Whether an SAE has found directions that are known, as those of {@link dev.darien.data.SyntheticSource} are.
 *
 * @param mmcs mean over true directions of the largest cosine with a decoder row (mean max cosine similarity)
 * @param recall share of true directions with a cosine above {@value #FOUND} to some decoder row
 * @param chance what {@code mmcs} would be in the mean for random decoder rows
 */
public record Recovery(double mmcs, double recall, double chance) {
    /** Cosine above which a direction counts as found. */
    public static final double FOUND = 0.9;

    /**
     * Compares the decoder of {@code sae} with {@code truth}, [directions][d], of any norms but 0.
     *
     * @throws IllegalArgumentException if the directions are of another width, or there are none
     */
    public static Recovery of(Autoencoder sae, float[][] truth) {
        if (truth.length == 0) {
            throw new IllegalArgumentException("there are no true directions to compare with");
        }
        for (float[] direction : truth) {
            requireDirection(direction);
            if (direction.length != sae.outputWidth()) {
                throw new IllegalArgumentException("the true directions are of width " + direction.length
                        + ", but the SAE is of width " + sae.outputWidth());
            }
        }
        double sum = 0;
        int found = 0;
        for (double cosine : largestCosines(sae, truth)) {
            sum += cosine;
            if (cosine > FOUND) {
                found++;
            }
        }
        return new Recovery(
                sum / truth.length, (double) found / truth.length, chanceCosine(sae.latents(), sae.outputWidth()));
    }

    private static void requireDirection(float[] direction) {
        for (float value : direction) {
            if (value != 0) {
                return;
            }
        }
        throw new IllegalArgumentException("a true direction is 0 and so has no cosine with anything");
    }

    /** For each true direction its largest cosine with a decoder row; rows of norm 0 have cosine 0 with everything. */
    private static float[] largestCosines(Autoencoder sae, float[][] truth) {
        try (Directions directions = Directions.of(sae.device(), truth);
                Directions decoder = Directions.decoders(sae.members())) {
            return Cosines.largest(directions, decoder).byA();
        }
    }

    /**
     * The mean of the largest cosine between a fixed direction and {@code vectors} random ones in {@code width}
     * dimensions.
     */
    public static double chanceCosine(int vectors, int width) {
        if (width == 1) {
            return 1 - 2 * Math.pow(0.5, vectors);
        }
        // E max = 1 - ∫ P(cos <= c)^n dc, and the angle to a random direction has the density sin(θ)^(width-2). Both
        // integrals by the trapezoidal rule over θ, from π (cosine -1) down to 0.
        int steps = 1 << 16;
        double step = Math.PI / steps;
        double[] cumulative = new double[steps + 1];
        for (int at = 1; at <= steps; at++) {
            double here = Math.pow(Math.sin(at * step), width - 2);
            double before = Math.pow(Math.sin((at - 1) * step), width - 2);
            cumulative[at] = cumulative[at - 1] + (here + before) / 2;
        }
        double integral = 0;
        double previous = 0;
        for (int at = 1; at <= steps; at++) {
            double here = Math.pow(cumulative[at] / cumulative[steps], vectors) * Math.sin(at * step);
            integral += (here + previous) / 2 * step;
            previous = here;
        }
        return 1 - integral;
    }

    /** {@code mmcs, recall_at_0_9, chance_cosine}, in this order. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("mmcs", mmcs);
        map.put("recall_at_0_9", recall);
        map.put("chance_cosine", chance);
        return map;
    }
}
