// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.device.Device;
import dev.darien.device.Product;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.Sae;
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

    private static final int TILE_ROWS = 64;

    /**
     * Compares the decoder of {@code sae} with {@code truth}, [directions][d], of any norms but 0.
     *
     * @throws IllegalArgumentException if the directions are of another width, or there are none
     */
    public static Recovery of(Sae sae, float[][] truth) {
        if (truth.length == 0) {
            throw new IllegalArgumentException("there are no true directions to compare with");
        }
        for (float[] direction : truth) {
            if (direction.length != sae.width()) {
                throw new IllegalArgumentException("the true directions are of width " + direction.length
                        + ", but the SAE is of width " + sae.width());
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
                sum / truth.length, (double) found / truth.length, chanceCosine(sae.latents(), sae.width()));
    }

    /** For each true direction its largest cosine with a decoder row; rows of norm 0 have cosine 0 with everything. */
    private static double[] largestCosines(Sae sae, float[][] truth) {
        Device device = sae.device();
        int tileRows = Math.min(TILE_ROWS, truth.length);
        double[] largest = new double[truth.length];
        try (Matrix norms = device.memory().vector("decoder norms", sae.latents());
                Matrix hostNorms = device.staging("decoder norms", DType.F32, 1, sae.latents());
                Matrix hostDirections = device.staging("true directions", DType.F32, tileRows, sae.width());
                Matrix directions = device.memory().matrix("true directions", tileRows, sae.width());
                Matrix products = device.memory().matrix("products", tileRows, sae.latents());
                Matrix hostProducts = device.staging("products", DType.F32, tileRows, sae.latents())) {
            device.kernels().rowNorms(sae.weights().decoder(), norms);
            device.download(norms, hostNorms);
            float[] decoderNorms = hostNorms.toArray(0);
            for (int first = 0; first < truth.length; first += tileRows) {
                int rows = Math.min(tileRows, truth.length - first);
                for (int row = 0; row < rows; row++) {
                    hostDirections.setRow(row, truth[first + row]);
                }
                device.upload(hostDirections, directions);
                device.kernels()
                        .multiply(
                                Product.NT,
                                directions.slice(0, rows),
                                sae.weights().decoder(),
                                products.slice(0, rows),
                                false);
                device.download(products.slice(0, rows), hostProducts.slice(0, rows));
                for (int row = 0; row < rows; row++) {
                    largest[first + row] = largest(hostProducts.toArray(row), decoderNorms) / norm(truth[first + row]);
                }
            }
        }
        return largest;
    }

    private static double largest(float[] products, float[] norms) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int latent = 0; latent < products.length; latent++) {
            largest = Math.max(largest, norms[latent] > 0 ? (double) products[latent] / norms[latent] : 0);
        }
        return largest;
    }

    private static double norm(float[] direction) {
        double squares = 0;
        for (float value : direction) {
            squares += (double) value * value;
        }
        if (squares == 0) {
            throw new IllegalArgumentException("a true direction is 0 and so has no cosine with anything");
        }
        return Math.sqrt(squares);
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
