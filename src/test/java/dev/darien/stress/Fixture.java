// SPDX-License-Identifier: Apache-2.0
package dev.darien.stress;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.AbsTopK;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Inference;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Relu;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeWeights;
import dev.darien.sae.Sparsity;
import dev.darien.sae.TopK;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import dev.darien.train.TrainingOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Small SAEs, data and runs, and what they come to as lists that can be compared. */
final class Fixture {
    static final int WIDTH = 24;
    static final int LATENTS = 96;
    static final int ROWS = 32;
    static final List<Sparsity> RULES = List.of(new TopK(5), new Relu(), new JumpRelu(0), new AbsTopK(4));

    private static final int BATCH = 16;

    private Fixture() {}

    static Sae sae(Device device, Sparsity rule, long seed) {
        Random random = new Random(seed);
        SaeWeights weights = SaeWeights.allocate(device.memory(), LATENTS, WIDTH, rule.hasThresholds());
        fill(device, weights.encoder(), random);
        fill(device, weights.decoder(), random);
        fill(device, weights.encoderBias(), random);
        fill(device, weights.decoderBias(), random);
        if (weights.thresholds() != null) {
            device.kernels().fill(weights.thresholds(), 3);
        }
        return new Sae(device, weights, rule, true, Map.of());
    }

    private static void fill(Device device, Matrix matrix, Random random) {
        try (Matrix host = device.staging("host", DType.F32, matrix.rows(), matrix.columns())) {
            for (int row = 0; row < host.rows(); row++) {
                host.setRow(row, gaussians(random, host.columns()));
            }
            device.upload(host, matrix);
        }
    }

    private static float[] gaussians(Random random, int length) {
        float[] values = new float[length];
        for (int at = 0; at < length; at++) {
            values[at] = (float) random.nextGaussian();
        }
        return values;
    }

    static float[][] activations(long seed) {
        Random random = new Random(seed);
        float[][] rows = new float[ROWS][];
        for (int row = 0; row < ROWS; row++) {
            rows[row] = gaussians(random, WIDTH);
        }
        return rows;
    }

    /** The codes and the reconstruction of {@code x}, bit by bit. */
    static List<Integer> bits(Autoencoder sae, float[][] x) {
        Device device = sae.device();
        try (Inference inference = sae.inference(x.length);
                Matrix rows = device.staging("x", DType.F32, x.length, WIDTH);
                Matrix out = device.staging("out", DType.F32, x.length, WIDTH)) {
            for (int row = 0; row < x.length; row++) {
                rows.setRow(row, x[row]);
            }
            List<Integer> bits = new ArrayList<>();
            SparseCodes codes = inference.encode(rows);
            try (SparseCodes host = inference.toHost(codes)) {
                for (int entry = 0; entry < host.entries(); entry++) {
                    bits.add(host.latent(entry));
                    bits.add(Float.floatToRawIntBits(host.value(entry)));
                }
            }
            device.download(inference.decode(codes), out);
            addTo(bits, out);
            return bits;
        }
    }

    private static void addTo(List<Integer> bits, Matrix rows) {
        for (int row = 0; row < rows.rows(); row++) {
            for (float value : rows.toArray(row)) {
                bits.add(Float.floatToRawIntBits(value));
            }
        }
    }

    static ActivationSource data() {
        return ActivationSources.parse(
                List.of("synthetic:d=" + WIDTH + ",true=40,p=0.1,rows=512,seed=5"), "activations");
    }

    static TrainingOptions options(String architecture, long steps, long seed) {
        return Recipe.of(architecture)
                .latents(LATENTS)
                .batch(BATCH)
                .tokens(steps * BATCH)
                .seed(seed)
                .build(WIDTH);
    }

    /** The weights of what {@code trainer} has learnt, bit by bit. */
    static List<Integer> weights(Trainer trainer) {
        try (Sae sae = trainer.sae(0);
                Matrix encoder = sae.device().staging("encoder", DType.F32, LATENTS, WIDTH);
                Matrix decoder = sae.device().staging("decoder", DType.F32, LATENTS, WIDTH)) {
            sae.device().download(sae.weights().encoder(), encoder);
            sae.device().download(sae.weights().decoder(), decoder);
            List<Integer> bits = new ArrayList<>();
            addTo(bits, encoder);
            addTo(bits, decoder);
            return bits;
        }
    }
}
