// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.data.DataCheck;
import dev.darien.data.Examples;
import dev.darien.data.OnNan;
import dev.darien.eval.Absorption;
import dev.darien.eval.Evaluation;
import dev.darien.eval.Evaluator;
import dev.darien.eval.ExampleSet;
import dev.darien.eval.Scr;
import dev.darien.eval.Tpp;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.HostWeights;
import dev.darien.sae.Inference;
import dev.darien.sae.Sae;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/** An SAE trained on {@link HierarchicalSource}, whose parents and children are known, and what it made of them. */
final class HierarchyStudy {
    static final int LATENTS = 256;
    /** Latents in the first of Matryoshka's groups: as many as there are parents. */
    static final int FIRST = LATENTS / 16;

    /** Below the number of features that are on in the mean, 4.3: absorbing a parent pays. */
    static final int K = 3;

    private static final int BATCH = 512;
    private static final long TOKENS = 1_024_000;
    private static final long QUICK_TOKENS = 20_480;
    private static final int MEASURED = 8192;
    private static final int TESTED_PARENTS = 5;
    private static final int MOST_EXAMPLES = 400;
    private static final List<Integer> TAKEN = List.of(1, 2, 5);
    /** Cosine from which a latent's decoder row counts as the parent's too. */
    private static final double SHARED = 0.5;

    /**
     * What was measured.
     *
     * @param first share of the parents whose most similar latent is among the first, less that of the children
     * @param silent share of the tokens with parent and child at which the parent's latent is silent
     * @param shared latents for each parent with a cosine above {@value #SHARED} to it
     * @param absorption score of SAEBench
     * @param scr mean over numbers of latents taken away
     * @param tpp mean over numbers of latents taken away
     */
    record Measured(
            double l0,
            double fvu,
            double first,
            double parents,
            double children,
            double silent,
            double shared,
            double absorption,
            double scr,
            double tpp) {}

    private HierarchyStudy() {}

    static String plan(Experiment experiment) {
        return String.format(
                Locale.ROOT,
                "%d parents with %d children each, d=%d, F=%d, k=%d, B=%d, %,d tokens",
                HierarchicalSource.PARENTS,
                HierarchicalSource.CHILDREN,
                HierarchicalSource.WIDTH,
                LATENTS,
                K,
                BATCH,
                tokens(experiment));
    }

    private static long tokens(Experiment experiment) {
        return experiment.quick() ? QUICK_TOKENS : TOKENS;
    }

    static Measured run(Experiment experiment, String architecture, long seed) {
        experiment.progress().accept(architecture + " on parents and children, seed " + seed);
        long tokens = tokens(experiment);
        try (HierarchicalSource training = new HierarchicalSource(seed, 1, tokens / 4);
                HierarchicalSource measured = new HierarchicalSource(seed, 2, MEASURED);
                Trainer trainer = new Trainer(
                        experiment.device(),
                        training,
                        DataCheck.scan(training, OnNan.FAIL),
                        List.of(Recipe.of(architecture)
                                .latents(LATENTS)
                                .k(K)
                                .batch(BATCH)
                                .tokens(tokens)
                                .seed(seed)
                                .build(HierarchicalSource.WIDTH)))) {
            trainer.train();
            try (Sae sae = trainer.sae(0)) {
                return measure(sae, measured, seed);
            }
        }
    }

    private static Measured measure(Sae sae, HierarchicalSource source, long seed) {
        float[][] decoder = decoder(sae);
        int[] parentLatents = mostSimilar(source.parents(), decoder);
        int[] childLatents = mostSimilar(source.children(), decoder);
        Evaluation evaluation = Evaluator.evaluate(sae, source);
        ExampleSet classes = ExampleSet.of(sae, source, oneParent(source));
        return new Measured(
                evaluation.l0(),
                evaluation.fvu(),
                among(parentLatents) - among(childLatents),
                meanCosine(source.parents(), decoder, parentLatents),
                meanCosine(source.children(), decoder, childLatents),
                silent(sae, source, parentLatents),
                shared(source.parents(), decoder),
                Absorption.of(classes, TESTED_PARENTS, MOST_EXAMPLES, Absorption.Constants.CODE, seed)
                        .mean(),
                scr(sae, source, seed),
                mean(Tpp.of(classes, TESTED_PARENTS, MOST_EXAMPLES, TAKEN, seed)
                        .scores()
                        .getOrDefault("sae", Map.of())
                        .values()));
    }

    private static double mean(Collection<Double> values) {
        return Interval.mean(List.copyOf(values));
    }

    /** Mean over pairs of parents, of which one is to be told and the other is spurious. */
    private static double scr(Sae sae, HierarchicalSource source, long seed) {
        List<Double> scores = new ArrayList<>();
        for (int parent = 0; parent + 1 < 2 * TESTED_PARENTS; parent += 2) {
            ExampleSet wanted = ExampleSet.of(sae, source, whether(source, parent));
            Scr scr = Scr.of(wanted, whether(source, parent + 1), MOST_EXAMPLES / 4, TAKEN, seed);
            scores.add(mean(scr.scores().getOrDefault("sae", Map.of()).values()));
        }
        return Interval.mean(scores);
    }

    private static Examples whether(HierarchicalSource source, int parent) {
        return new Examples(
                IntStream.range(0, MEASURED).toArray(),
                IntStream.range(0, MEASURED)
                        .mapToObj(row -> source.features(row)[parent] >= -1 ? "on" : "off")
                        .toList());
    }

    /** The rows in which exactly one of the parents that are tested is on. */
    private static Examples oneParent(HierarchicalSource source) {
        List<String> labels = new ArrayList<>();
        int[] exampleOf = new int[MEASURED];
        for (int row = 0; row < MEASURED; row++) {
            int[] on = source.features(row);
            int[] tested = IntStream.range(0, TESTED_PARENTS)
                    .filter(parent -> on[parent] >= -1)
                    .toArray();
            exampleOf[row] = tested.length == 1 ? labels.size() : -1;
            if (tested.length == 1) {
                labels.add(String.valueOf(tested[0]));
            }
        }
        return new Examples(exampleOf, labels);
    }

    private static double silent(Sae sae, HierarchicalSource source, int... parentLatents) {
        long both = 0;
        long silent = 0;
        try (Inference inference = sae.inference(1024);
                Matrix batch = sae.device().staging("batch", DType.F32, inference.maxRows(), source.width())) {
            for (int first = 0; first < MEASURED; first += inference.maxRows()) {
                int count = Math.min(inference.maxRows(), MEASURED - first);
                source.read(first, count, batch);
                try (SparseCodes codes = inference.toHost(inference.encode(batch.slice(0, count)))) {
                    for (int row = 0; row < count; row++) {
                        int[] on = source.features(first + row);
                        for (int parent = 0; parent < on.length; parent++) {
                            if (on[parent] >= 0) {
                                both++;
                                silent += fires(codes, row, parentLatents[parent]) ? 0 : 1;
                            }
                        }
                    }
                }
            }
        }
        return (double) silent / both;
    }

    private static boolean fires(SparseCodes codes, int row, int latent) {
        for (int entry = codes.start(row); entry < codes.start(row + 1); entry++) {
            if (codes.latent(entry) == latent) {
                return codes.value(entry) != 0;
            }
        }
        return false;
    }

    private static float[][] decoder(Sae sae) {
        try (HostWeights host = HostWeights.of(sae)) {
            return IntStream.range(0, sae.latents())
                    .mapToObj(latent -> host.weights().decoder().toArray(latent))
                    .toArray(float[][]::new);
        }
    }

    private static int[] mostSimilar(float[][] directions, float[]... decoder) {
        int[] best = new int[directions.length];
        for (int at = 0; at < best.length; at++) {
            for (int latent = 1; latent < decoder.length; latent++) {
                if (cosine(directions[at], decoder[latent]) > cosine(directions[at], decoder[best[at]])) {
                    best[at] = latent;
                }
            }
        }
        return best;
    }

    private static double among(int... latents) {
        return (double) IntStream.of(latents).filter(latent -> latent < FIRST).count() / latents.length;
    }

    private static double meanCosine(float[][] directions, float[][] decoder, int... latents) {
        return IntStream.range(0, directions.length)
                .mapToDouble(at -> cosine(directions[at], decoder[latents[at]]))
                .average()
                .orElseThrow();
    }

    private static double shared(float[][] directions, float[]... decoder) {
        long count = 0;
        for (float[] direction : directions) {
            for (float[] row : decoder) {
                count += cosine(direction, row) > SHARED ? 1 : 0;
            }
        }
        return (double) count / directions.length;
    }

    /** Both of norm 1. */
    private static double cosine(float[] a, float[] b) {
        double sum = 0;
        for (int t = 0; t < a.length; t++) {
            sum += (double) a[t] * b[t];
        }
        return sum;
    }
}
