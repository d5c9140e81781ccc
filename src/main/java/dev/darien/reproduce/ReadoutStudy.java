// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.data.ActivationSources;
import dev.darien.data.DataCheck;
import dev.darien.data.OnNan;
import dev.darien.data.SeededRandom;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.HostWeights;
import dev.darien.sae.Sae;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import dev.darien.train.TrainingOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Features of known effect, without a model: a frozen readout V of low rank sees small features alone, and large ones lie
 * where it is blind. The loss is {@code ‖Vx - y‖²} with a target y that is Vx but for noise, and so are the gradients.
 */
final class ReadoutStudy {
    private static final int WIDTH = 48;
    private static final int SEEN_WIDTH = 8;
    private static final int SEEN = 16;
    private static final int BLIND = 80;
    private static final double SEEN_SHARE = 2.0 / SEEN;
    private static final double BLIND_SHARE = 5.0 / BLIND;
    private static final double SMALL = 0.4;
    private static final double NOISE = 0.02;
    private static final double TARGET_NOISE = 0.5;
    private static final int K = 5;
    private static final int LATENTS = 144;
    private static final int HELD_OUT = 4096;
    private static final double FOUND = 0.9;

    /**
     * What one SAE came to, encoding without gradients.
     *
     * @param readoutError mean of ‖V(x - x̂)‖²
     * @param error mean of ‖x - x̂‖²
     * @param recall share of the small features with a latent along them
     */
    record Measured(double readoutError, double error, double recall) {}

    /** Both rules with the same seed. */
    record Pair(Measured topK, Measured byGradients) {}

    private ReadoutStudy() {}

    static Pair run(Experiment experiment, long seed) {
        int rows = experiment.quick() ? 2_048 : 40_960;
        SeededRandom random = new SeededRandom(seed);
        float[][] features = features(random);
        try (Matrix data = experiment.device().staging("generated", DType.F32, rows, 2 * WIDTH);
                Matrix heldOut = experiment.device().staging("held-out", DType.F32, HELD_OUT, 2 * WIDTH)) {
            fill(data, features, random);
            fill(heldOut, features, random);
            try (var source = ActivationSources.of(data, "generated activations");
                    Trainer trainer = new Trainer(
                            experiment.device(),
                            source,
                            DataCheck.scan(source, OnNan.FAIL),
                            List.of(options(experiment, "topk", seed), options(experiment, "gradient-topk", seed)))) {
                trainer.train();
                return new Pair(measure(trainer, 0, heldOut, features), measure(trainer, 1, heldOut, features));
            }
        }
    }

    private static TrainingOptions options(Experiment experiment, String architecture, long seed) {
        return Recipe.of(architecture)
                .latents(LATENTS)
                .batch(512)
                .tokens(experiment.quick() ? 10_240 : 1_024_000)
                .k(K)
                .learningRate(2e-3)
                .seed(seed)
                .build(WIDTH);
    }

    /** Unit rows: those that the readout sees in the first columns, the others in the rest. */
    private static float[][] features(SeededRandom random) {
        float[][] rows = new float[SEEN + BLIND][WIDTH];
        for (int at = 0; at < rows.length; at++) {
            int from = at < SEEN ? 0 : SEEN_WIDTH;
            int to = at < SEEN ? SEEN_WIDTH : WIDTH;
            double squares = 0;
            for (int t = from; t < to; t++) {
                rows[at][t] = (float) random.nextGaussian();
                squares += (double) rows[at][t] * rows[at][t];
            }
            for (int t = from; t < to; t++) {
                rows[at][t] /= (float) Math.sqrt(squares);
            }
        }
        return rows;
    }

    /** Rows of activations, and behind each the gradient {@code 2·Vᵀ(Vx - y)}; V keeps the first columns. */
    private static void fill(Matrix data, float[][] features, SeededRandom random) {
        double[] x = new double[WIDTH];
        for (long row = 0; row < data.rows(); row++) {
            for (int t = 0; t < WIDTH; t++) {
                x[t] = NOISE * random.nextGaussian();
            }
            for (int at = 0; at < features.length; at++) {
                boolean seen = at < SEEN;
                if (random.nextDouble() < (seen ? SEEN_SHARE : BLIND_SHARE)) {
                    double size = (seen ? SMALL : 1) * (1 + 0.3 * Math.abs(random.nextGaussian()));
                    for (int t = 0; t < WIDTH; t++) {
                        x[t] += size * features[at][t];
                    }
                }
            }
            for (int t = 0; t < WIDTH; t++) {
                data.set(row, t, (float) x[t]);
                data.set(row, WIDTH + t, (float) (t < SEEN_WIDTH ? 2 * TARGET_NOISE * random.nextGaussian() : 0));
            }
        }
    }

    private static Measured measure(Trainer trainer, int run, Matrix heldOut, float[][] features) {
        double readout = 0;
        double error = 0;
        int found = 0;
        try (Sae sae = trainer.sae(run);
                HostWeights host = HostWeights.of(sae);
                SparseCodes codes = sae.encode(heldOut.columnSlice(0, WIDTH));
                Matrix out = sae.decode(codes)) {
            for (long row = 0; row < out.rows(); row++) {
                for (int t = 0; t < WIDTH; t++) {
                    double left = heldOut.get(row, t) - out.get(row, t);
                    error += left * left / out.rows();
                    readout += t < SEEN_WIDTH ? left * left / out.rows() : 0;
                }
            }
            for (int at = 0; at < SEEN; at++) {
                found += found(host.weights().decoder(), features[at]) ? 1 : 0;
            }
        }
        return new Measured(readout, error, (double) found / SEEN);
    }

    private static boolean found(Matrix decoder, float[] feature) {
        for (long latent = 0; latent < decoder.rows(); latent++) {
            double product = 0;
            double squares = 0;
            for (int t = 0; t < WIDTH; t++) {
                double value = decoder.get(latent, t);
                product += value * feature[t];
                squares += value * value;
            }
            if (product > FOUND * Math.sqrt(squares)) {
                return true;
            }
        }
        return false;
    }

    static Results.Table table(List<Pair> pairs) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(row("topk", pairs.stream().map(Pair::topK).toList()));
        rows.add(row("gradient-topk, β=1", pairs.stream().map(Pair::byGradients).toList()));
        return new Results.Table(
                "Generated data, d=" + WIDTH + ", " + SEEN + " small features that the readout sees and " + BLIND
                        + " large ones that it doesn't, F=" + LATENTS + ", k=" + K + ", means over the seeds",
                List.of("SAE, encoding without gradients", "‖V(x - x̂)‖²", "‖x - x̂‖²", "small features found, %"),
                rows);
    }

    private static List<String> row(String name, List<Measured> runs) {
        return List.of(
                name,
                format("%.4f", runs.stream().map(Measured::readoutError).toList()),
                format("%.4f", runs.stream().map(Measured::error).toList()),
                format("%.1f", runs.stream().map(run -> 100 * run.recall()).toList()));
    }

    private static String format(String format, List<Double> values) {
        return String.format(Locale.ROOT, format, Interval.mean(values));
    }
}
