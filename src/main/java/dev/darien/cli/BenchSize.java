// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A shape of training that the benchmark measures.
 *
 * @param width d
 * @param latents F
 * @param batch rows for each step
 * @param k active latents for each row
 */
record BenchSize(int width, int latents, int batch, int k) {
    BenchSize {
        if (width < 1 || latents < 1 || batch < 1 || k < 1 || k > latents) {
            throw new IllegalArgumentException("--d, --latents, --batch and --k must be at least 1, and --k at most"
                    + " --latents, not " + width + ", " + latents + ", " + batch + " and " + k);
        }
    }

    static final List<BenchSize> ALL = List.of(
            new BenchSize(128, 4096, 1024, 32),
            new BenchSize(512, 8192, 1024, 32),
            new BenchSize(768, 24576, 2048, 32));

    static final List<BenchSize> QUICK = List.of(new BenchSize(128, 2048, 512, 32));

    /** At which methods are compared. */
    static final List<BenchSize> METHODS =
            List.of(new BenchSize(128, 4096, 1024, 32), new BenchSize(512, 8192, 1024, 32));

    /** Weights of encoder and decoder. */
    double parameters() {
        return 2.0 * latents * width;
    }

    /**
     * The yardstick of a step's memory: 16 bytes for each parameter, which are weights, moments and gradients, and one
     * batch's pre-activations, which a CPU never holds.
     */
    double leastBytes() {
        return 16 * (parameters() + latents + width) + 4.0 * batch * latents;
    }

    /** Operations of the encoder's product for {@code rows} rows. */
    double productFlops(int rows) {
        return 2.0 * rows * width * latents;
    }

    /** Operations of multiplying each entry of a batch's codes with a row. */
    double sparseFlops() {
        return 2.0 * batch * k * width;
    }

    /** Rows of the decoder that a batch's codes name, and the batch once. */
    double gatheredBytes() {
        return 4.0 * batch * (k + 1) * width;
    }

    Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("d", width);
        map.put("latents", latents);
        map.put("batch", batch);
        map.put("k", k);
        return map;
    }

    @Override
    public String toString() {
        return "d=" + width + " F=" + latents + " B=" + batch + " k=" + k;
    }
}
