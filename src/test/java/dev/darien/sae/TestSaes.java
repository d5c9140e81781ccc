// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** SAEs with random weights, and what they compute as lists that can be compared. */
final class TestSaes {
    private TestSaes() {}

    static Sae random(Device device, Sparsity sparsity, int latents, int width, long seed) {
        return random(device, sparsity, true, latents, width, seed, Map.of());
    }

    static Sae random(
            Device device,
            Sparsity sparsity,
            boolean subtract,
            int latents,
            int width,
            long seed,
            Map<String, Object> configuration) {
        Random random = new Random(seed);
        SaeWeights weights = SaeWeights.allocate(device.memory(), latents, width, sparsity.hasThresholds());
        fill(device, weights.encoder(), random, 1);
        fill(device, weights.decoder(), random, 1);
        fill(device, weights.encoderBias(), random, 0.3);
        fill(device, weights.decoderBias(), random, 0.5);
        if (weights.thresholds() != null) {
            device.kernels().fill(weights.thresholds(), 0.8f);
        }
        return new Sae(device, weights, sparsity, subtract, configuration);
    }

    /** With a decoder whose rows have norm 1, nearly, and the same encoder. */
    static Sae tied(Device device, Sparsity sparsity, int latents, int width, long seed) {
        SaeWeights weights = SaeWeights.allocate(device.memory(), latents, width, false);
        fill(device, weights.decoder(), new Random(seed), 1 / Math.sqrt(width));
        fill(device, weights.encoder(), new Random(seed), 1 / Math.sqrt(width));
        fill(device, weights.decoderBias(), new Random(seed + 1), 0.5);
        return new Sae(device, weights, sparsity, true, Map.of());
    }

    private static void fill(Device device, Matrix matrix, Random random, double spread) {
        try (Matrix host = device.staging("host", DType.F32, matrix.rows(), matrix.columns())) {
            for (long row = 0; row < host.rows(); row++) {
                for (int column = 0; column < host.columns(); column++) {
                    host.set(row, column, (float) (spread * random.nextGaussian()));
                }
            }
            device.upload(host, matrix);
        }
    }

    static float[][] activations(int rows, int width, long seed) {
        Random random = new Random(seed);
        float[][] values = new float[rows][width];
        for (float[] row : values) {
            for (int column = 0; column < width; column++) {
                row[column] = (float) random.nextGaussian();
            }
        }
        return values;
    }

    /** Codes as [latent, bits of the value, …] for each row. */
    static List<List<Integer>> bits(SparseCodes codes) {
        List<List<Integer>> rows = new ArrayList<>();
        for (int row = 0; row < codes.rows(); row++) {
            List<Integer> entries = new ArrayList<>();
            for (int entry = codes.start(row); entry < codes.start(row + 1); entry++) {
                entries.add(codes.latent(entry));
                entries.add(Float.floatToRawIntBits(codes.value(entry)));
            }
            rows.add(entries);
        }
        return rows;
    }

    /** The bits of codes that are still on the device. */
    static List<List<Integer>> bits(Inference inference, SparseCodes codes) {
        try (SparseCodes host = inference.toHost(codes)) {
            return bits(host);
        }
    }

    static List<List<Integer>> encodedBits(Sae sae, float[][] x) {
        try (SparseCodes codes = sae.encode(x)) {
            return bits(codes);
        }
    }

    static float[][] reconstructed(Sae sae, float[][] x) {
        try (SparseCodes codes = sae.encode(x);
                Matrix out = sae.decode(codes)) {
            float[][] rows = new float[x.length][];
            for (int row = 0; row < rows.length; row++) {
                rows[row] = out.toArray(row);
            }
            return rows;
        }
    }
}
