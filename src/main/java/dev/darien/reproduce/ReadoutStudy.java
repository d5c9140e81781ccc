// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.data.ActivationSources;
import dev.darien.data.DataCheck;
import dev.darien.data.OnNan;
import dev.darien.data.SeededRandom;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.HostWeights;
import dev.darien.sae.Inference;
import dev.darien.sae.Sae;
import dev.darien.sae.Sparsity;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import dev.darien.train.TrainingOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Features of known effect, without a model: a frozen readout V of low rank sees small features alone, and large ones lie
 * where it is blind. The loss is {@code ‖Vx - y‖²}, where y asks for half of what is there, but for noise: the gradient is
 * large where features are active that the readout sees.
 */
final class ReadoutStudy {
    /** Of the selection by gradients, in the order of {@link Outcome#byGradients}. */
    static final List<Float> BETAS = List.of(0.3f, 1f);

    private static final int WIDTH = 48;
    private static final int SEEN_WIDTH = 20;
    private static final int SEEN = 40;
    private static final int BLIND = 56;
    private static final double ACTIVE_OF_EACH = 3;
    private static final double SMALL = 0.5;
    private static final double NOISE = 0.02;
    private static final double TARGET_NOISE = 0.05;
    private static final int K = 4;
    private static final int LATENTS = 144;
    private static final int HELD_OUT = 4096;
    private static final double FOUND = 0.9;

    /**
     * What one SAE came to.
     *
     * @param readoutError mean of ‖V(x - x̂)‖², encoding without gradients
     * @param exactReadoutError the same with gradients; as without for TopK
     * @param error mean of ‖x - x̂‖², without gradients
     * @param recall share of the small features with a latent along them
     */
    record Measured(double readoutError, double exactReadoutError, double error, double recall) {}

    /** All of one seed. */
    record Outcome(Measured topK, List<Measured> byGradients) {
        Outcome {
            byGradients = List.copyOf(byGradients);
        }
    }

    private ReadoutStudy() {}

    static Outcome run(Experiment experiment, long seed) {
        int rows = experiment.quick() ? 2_048 : 40_960;
        SeededRandom random = new SeededRandom(seed);
        float[][] features = features(random);
        List<TrainingOptions> runs = new ArrayList<>();
        runs.add(recipe(experiment, "topk", seed).build(WIDTH));
        BETAS.forEach(beta ->
                runs.add(recipe(experiment, "gradient-topk", seed).beta(beta).build(WIDTH)));
        try (Matrix data = experiment.device().staging("generated", DType.F32, rows, 2 * WIDTH);
                Matrix heldOut = experiment.device().staging("held-out", DType.F32, HELD_OUT, 2 * WIDTH)) {
            fill(data, features, random);
            fill(heldOut, features, random);
            try (var source = ActivationSources.of(data, "generated activations");
                    Trainer trainer =
                            new Trainer(experiment.device(), source, DataCheck.scan(source, OnNan.FAIL), runs)) {
                trainer.train();
                List<Measured> measured = new ArrayList<>();
                for (int run = 0; run < runs.size(); run++) {
                    measured.add(measure(trainer, run, runs.get(run).sparsity(), heldOut, features));
                }
                return new Outcome(measured.getFirst(), measured.subList(1, measured.size()));
            }
        }
    }

    private static Recipe recipe(Experiment experiment, String architecture, long seed) {
        return Recipe.of(architecture)
                .latents(LATENTS)
                .batch(512)
                .tokens(experiment.quick() ? 10_240 : 1_024_000)
                .k(K)
                .learningRate(3e-3)
                .seed(seed);
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

    /** Rows of activations, and behind each the gradient {@code 2·Vᵀ(Vx - y)}, y = Vx/2 + noise; V keeps the first columns. */
    private static void fill(Matrix data, float[][] features, SeededRandom random) {
        double[] x = new double[WIDTH];
        for (long row = 0; row < data.rows(); row++) {
            for (int t = 0; t < WIDTH; t++) {
                x[t] = NOISE * random.nextGaussian();
            }
            for (int at = 0; at < features.length; at++) {
                boolean seen = at < SEEN;
                if (random.nextDouble() < ACTIVE_OF_EACH / (seen ? SEEN : BLIND)) {
                    double size = (seen ? SMALL : 1) * (1 + 0.3 * Math.abs(random.nextGaussian()));
                    for (int t = 0; t < WIDTH; t++) {
                        x[t] += size * features[at][t];
                    }
                }
            }
            for (int t = 0; t < WIDTH; t++) {
                data.set(row, t, (float) x[t]);
                data.set(
                        row, WIDTH + t, (float) (t < SEEN_WIDTH ? x[t] - 2 * TARGET_NOISE * random.nextGaussian() : 0));
            }
        }
    }

    private static Measured measure(Trainer trainer, int run, Sparsity trained, Matrix heldOut, float[][] features) {
        Matrix x = heldOut.columnSlice(0, WIDTH);
        int found = 0;
        try (Sae sae = trainer.sae(run);
                HostWeights host = HostWeights.of(sae);
                SparseCodes codes = sae.encode(x);
                Matrix out = sae.decode(codes)) {
            for (int at = 0; at < SEEN; at++) {
                found += found(host.weights().decoder(), features[at]) ? 1 : 0;
            }
            double readout = error(x, out, SEEN_WIDTH);
            return new Measured(
                    readout,
                    trained instanceof GradientTopK ? exactReadoutError(sae.with(trained), heldOut) : readout,
                    error(x, out, WIDTH),
                    (double) found / SEEN);
        }
    }

    private static double exactReadoutError(Sae sae, Matrix heldOut) {
        Matrix x = heldOut.columnSlice(0, WIDTH);
        try (Inference inference = sae.inference(HELD_OUT);
                SparseCodes codes = inference.toHost(inference.encode(x, heldOut.columnSlice(WIDTH, WIDTH)));
                Matrix out = sae.decode(codes)) {
            return error(x, out, SEEN_WIDTH);
        }
    }

    /** Mean squared distance in the first columns. */
    private static double error(Matrix x, Matrix out, int columns) {
        double sum = 0;
        for (long row = 0; row < out.rows(); row++) {
            for (int t = 0; t < columns; t++) {
                double left = x.get(row, t) - out.get(row, t);
                sum += left * left;
            }
        }
        return sum / out.rows();
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

    static Results.Table table(List<Outcome> outcomes) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(row("topk", outcomes.stream().map(Outcome::topK).toList()));
        for (int at = 0; at < BETAS.size(); at++) {
            int beta = at;
            rows.add(row(
                    "gradient-topk, β=" + BETAS.get(at),
                    outcomes.stream()
                            .map(outcome -> outcome.byGradients().get(beta))
                            .toList()));
        }
        return new Results.Table(
                "Generated data, d=" + WIDTH + ", " + SEEN + " small features that the readout sees and " + BLIND
                        + " large ones that it doesn't, three of each active on average, F=" + LATENTS + ", k=" + K
                        + ", means over the seeds",
                List.of("SAE", "‖V(x - x̂)‖²", "with gradients", "‖x - x̂‖²", "small features found, %"),
                rows);
    }

    private static List<String> row(String name, List<Measured> runs) {
        return List.of(
                name,
                format("%.4f", runs.stream().map(Measured::readoutError).toList()),
                format("%.4f", runs.stream().map(Measured::exactReadoutError).toList()),
                format("%.4f", runs.stream().map(Measured::error).toList()),
                format("%.1f", runs.stream().map(run -> 100 * run.recall()).toList()));
    }

    private static String format(String format, List<Double> values) {
        return String.format(Locale.ROOT, format, Interval.mean(values));
    }
}
