// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.ensemble.Ensemble;
import dev.darien.ensemble.EnsembleKind;
import dev.darien.ensemble.EnsembleTrainer;
import dev.darien.eval.Connectivity;
import dev.darien.eval.Directions;
import dev.darien.eval.Evaluation;
import dev.darien.eval.Evaluator;
import dev.darien.eval.Geometry;
import dev.darien.eval.Similarity;
import dev.darien.eval.Stability;
import dev.darien.memory.Closing;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Inference;
import dev.darien.sae.Sae;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * For each seed a single SAE, baggings and boostings of several, and single SAEs with as many latents as those have
 * together; all trained alike on the sample's activations.
 */
final class EnsembleStudy implements AutoCloseable {
    static final String SINGLE = "single SAE";
    private static final int BATCH = 1024;
    private static final String MAKER = "samples/ of the source tree has it";

    /** Sizes of all runs. */
    record Plan(int latents, int k, int members, int batch, long tokens) {
        static final Plan FULL = new Plan(256, 16, 8, 512, 512_000);
        static final Plan QUICK = new Plan(32, 4, 2, 256, 2560);

        String bagging(int count) {
            return "bagging, J=" + count;
        }

        String boosting(int count) {
            return "boosting, J=" + count;
        }

        String bagging() {
            return bagging(members);
        }

        String boosting() {
            return boosting(members);
        }

        /** The expanded SAE with the sparsity of one member. */
        String expanded() {
            return "expanded, k=" + k;
        }

        /** The expanded SAE with the sparsity of all members together. */
        String expandedDense() {
            return "expanded, k=" + members * k;
        }

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "tiny-lm, topk, F=%d and k=%d for each member, J=%d, B=%d, %,d tokens",
                    latents,
                    k,
                    members,
                    batch,
                    tokens);
        }
    }

    /**
     * What was measured of one variant and seed on held-out data.
     *
     * @param explainedVariance as the paper has it: the mean over dimensions of 1 - squared error / variance
     */
    record Measured(Evaluation evaluation, double explainedVariance, double connectivity, int diversity) {}

    private final Experiment experiment;
    private final Plan plan;
    private final ActivationSource training;
    private final ActivationSource heldOut;
    private final List<AutoCloseable> opened = new ArrayList<>();
    /** For each seed every variant by its name. */
    private final List<Map<String, Autoencoder>> trained = new ArrayList<>();

    private final Map<String, List<Measured>> measured = new LinkedHashMap<>();

    EnsembleStudy(Experiment experiment) {
        this.experiment = experiment;
        this.plan = experiment.quick() ? Plan.QUICK : Plan.FULL;
        Path first = experiment.file("samples", "tiny-lm.safetensors", MAKER);
        Path second = experiment.file("samples", "tiny-lm-heldout.safetensors", MAKER);
        this.training = ActivationSources.open(List.of(first), ActivationSources.DEFAULT_TENSOR);
        opened.add(training);
        try {
            this.heldOut = ActivationSources.open(List.of(second), ActivationSources.DEFAULT_TENSOR);
            opened.add(heldOut);
            for (long seed : experiment.seeds()) {
                trained.add(train(seed));
            }
        } catch (RuntimeException | Error e) {
            Closing.after(e, this);
            throw e;
        }
    }

    private Recipe recipe(int latents, int k) {
        // The learning rate is that of the member, whatever the width: the paper changes nothing but the width.
        return Recipe.of("topk")
                .latents(latents)
                .k(k)
                .batch(plan.batch())
                .tokens(plan.tokens())
                .learningRate(2e-4 / Math.sqrt(plan.latents() / 16_384.0));
    }

    private Map<String, Autoencoder> train(long seed) {
        int members = plan.members();
        Map<String, Autoencoder> all = new LinkedHashMap<>();
        for (EnsembleKind kind : EnsembleKind.values()) {
            experiment.progress().accept(kind.id() + " of " + members + ", seed " + seed);
            Ensemble whole = EnsembleTrainer.train(
                    experiment.device(),
                    training,
                    kind,
                    EnsembleTrainer.options(recipe(plan.latents(), plan.k()), seed, members, training.width()));
            opened.add(whole);
            // The first member of either is the plain SAE with that member's seed.
            all.putIfAbsent(SINGLE, whole.members().getFirst());
            for (int count = 2; count < members; count *= 2) {
                // Shares its members with the whole one; closing them twice does nothing.
                Ensemble part = Ensemble.of(kind, whole.members().subList(0, count));
                opened.add(part);
                all.put(kind == EnsembleKind.BAGGING ? plan.bagging(count) : plan.boosting(count), part);
            }
            all.put(kind == EnsembleKind.BAGGING ? plan.bagging() : plan.boosting(), whole);
        }
        all.put(plan.expanded(), expanded(plan.k(), seed));
        all.put(plan.expandedDense(), expanded(members * plan.k(), seed));
        return all;
    }

    private Sae expanded(int k, long seed) {
        experiment.progress().accept("expanded with k=" + k + ", seed " + seed);
        Recipe recipe = recipe(plan.members() * plan.latents(), k).seed(seed);
        try (Trainer trainer = new Trainer(experiment.device(), training, List.of(recipe.build(training.width())))) {
            trainer.train();
            Sae sae = trainer.sae(0);
            opened.add(sae);
            return sae;
        }
    }

    Plan plan() {
        return plan;
    }

    /** Names of all variants. */
    List<String> variants() {
        return List.copyOf(trained.getFirst().keySet());
    }

    /** A variant for each seed. */
    List<Autoencoder> of(String variant) {
        return trained.stream()
                .map(all -> Objects.requireNonNull(all.get(variant), variant))
                .toList();
    }

    /** What was measured of a variant, for each seed. */
    List<Measured> measured(String variant) {
        return measured.computeIfAbsent(
                variant, name -> of(name).stream().map(this::measure).toList());
    }

    private Measured measure(Autoencoder sae) {
        Connectivity connectivity = new Connectivity(sae.latents());
        int width = sae.width();
        double[] errors = new double[width];
        double[] sums = new double[width];
        double[] squares = new double[width];
        int rows = (int) Math.min(BATCH, heldOut.rows());
        try (Inference inference = sae.inference(rows);
                Matrix batch = sae.device().staging("batch", heldOut.dtype(), inference.maxRows(), width);
                Matrix output = sae.device().staging("output", DType.F32, inference.maxRows(), width)) {
            for (long first = 0; first < heldOut.rows(); first += inference.maxRows()) {
                int count = (int) Math.min(inference.maxRows(), heldOut.rows() - first);
                heldOut.read(first, count, batch);
                SparseCodes codes = inference.encode(batch.slice(0, count));
                sae.device().download(inference.decode(codes), output.slice(0, count));
                try (SparseCodes host = inference.toHost(codes)) {
                    connectivity.add(List.of(host));
                }
                for (int row = 0; row < count; row++) {
                    for (int t = 0; t < width; t++) {
                        double x = batch.get(row, t);
                        errors[t] += Math.pow(x - output.get(row, t), 2);
                        sums[t] += x;
                        squares[t] += x * x;
                    }
                }
            }
        }
        double explained = IntStream.range(0, width)
                .mapToDouble(t -> 1 - errors[t] / (squares[t] - sums[t] * sums[t] / heldOut.rows()))
                .average()
                .orElseThrow();
        return new Measured(
                Evaluator.evaluate(sae, heldOut),
                explained,
                connectivity.value(),
                Geometry.of(sae.members()).diversity());
    }

    /** The relaxed stability of a variant over the seeds; NaN for each if there is only one. */
    Stability stability(String variant) {
        try (Dictionaries dictionaries = new Dictionaries(of(variant))) {
            return Stability.of(dictionaries.all);
        }
    }

    /** The stability of each run with one-to-one matching: the mean over the other runs. */
    List<Double> exactStability(String variant) {
        try (Dictionaries dictionaries = new Dictionaries(of(variant))) {
            int count = dictionaries.all.size();
            double[] sums = new double[count];
            for (int a = 0; a < count; a++) {
                for (int b = a + 1; b < count; b++) {
                    double cosine = Similarity.of(dictionaries.all.get(a), dictionaries.all.get(b), true)
                            .matchedCosine();
                    sums[a] += cosine / (count - 1);
                    sums[b] += cosine / (count - 1);
                }
            }
            return IntStream.range(0, count).mapToObj(run -> sums[run]).toList();
        }
    }

    /** The stacked decoders of one variant. */
    private static final class Dictionaries implements AutoCloseable {
        final List<Directions> all = new ArrayList<>();

        Dictionaries(List<Autoencoder> saes) {
            saes.forEach(sae -> all.add(Directions.decoders(sae.members())));
        }

        @Override
        public void close() {
            Closing.all(all);
        }
    }

    @Override
    public void close() {
        List<AutoCloseable> all = List.copyOf(opened.reversed());
        opened.clear();
        Closing.all(all);
    }
}
