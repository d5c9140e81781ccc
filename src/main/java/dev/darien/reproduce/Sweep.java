// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataCheck;
import dev.darien.data.DataSummary;
import dev.darien.data.OnNan;
import dev.darien.eval.Evaluation;
import dev.darien.eval.Evaluator;
import dev.darien.sae.Sae;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * SAEs trained on the sample's activations and evaluated on its held-out ones, all with the same sizes and recipe; runs
 * that several claims need are made once.
 */
final class Sweep implements AutoCloseable {
    private static final String MAKER = "samples/ of the source tree has it";

    /** Sizes of all runs. */
    record Plan(int latents, int batch, long tokens) {
        static final Plan FULL = new Plan(512, 512, 512_000);
        static final Plan QUICK = new Plan(256, 256, 10_240);

        static Plan of(Experiment experiment) {
            return experiment.quick() ? QUICK : FULL;
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "tiny-lm, F=%d, B=%d, %,d tokens", latents, batch, tokens);
        }
    }

    /**
     * A training run.
     *
     * @param architecture as {@link Recipe#of} takes it
     * @param sparsity k where the architecture has one, else the L0 that its penalty is steered to
     * @param variant what else differs from the recipe, for people; empty if nothing
     */
    record Key(String architecture, double sparsity, String variant, long seed) {
        @Override
        public String toString() {
            return architecture + (variant.isEmpty() ? "" : ", " + variant) + ", L0 " + Math.round(sparsity) + ", seed "
                    + seed;
        }
    }

    /** What came of a run. */
    record Run(Evaluation heldOut, double tokensPerSecond) {
        double l0() {
            return heldOut.l0();
        }

        double fvu() {
            return heldOut.fvu();
        }

        /** Share of the latents that fire on more than {@code share} of the tokens. */
        double oftenFiring(double share) {
            long often = Arrays.stream(heldOut.fires())
                    .filter(fires -> fires > share * heldOut.tokens())
                    .count();
            return (double) often / heldOut.latents();
        }
    }

    private final Experiment experiment;
    private final Plan plan;
    private final ActivationSource training;
    private final ActivationSource heldOut;
    private final DataSummary summary;
    private final Map<Key, Run> runs = new LinkedHashMap<>();

    Sweep(Experiment experiment) {
        this.experiment = experiment;
        this.plan = Plan.of(experiment);
        Path first = experiment.file("samples", "tiny-lm.safetensors", MAKER);
        Path second = experiment.file("samples", "tiny-lm-heldout.safetensors", MAKER);
        this.training = ActivationSources.open(List.of(first), ActivationSources.DEFAULT_TENSOR);
        try {
            this.heldOut = ActivationSources.open(List.of(second), ActivationSources.DEFAULT_TENSOR);
            this.summary = DataCheck.scan(training, OnNan.FAIL);
        } catch (RuntimeException e) {
            training.close();
            throw e;
        }
    }

    Plan plan() {
        return plan;
    }

    /** The run of the recipe as it is. */
    Run run(String architecture, double sparsity, long seed) {
        return run(new Key(architecture, sparsity, "", seed), recipe -> {});
    }

    /** The run whose recipe {@code change} changes, as the key's variant says. */
    Run run(Key key, Consumer<Recipe> change) {
        Run before = runs.get(key);
        if (before != null) {
            return before;
        }
        experiment.progress().accept(key.toString());
        Recipe recipe = Recipe.of(key.architecture())
                .latents(plan.latents())
                .batch(plan.batch())
                .tokens(plan.tokens())
                .seed(key.seed());
        if (Recipe.hasK(key.architecture())) {
            recipe.k((int) key.sparsity());
        } else {
            recipe.targetL0(key.sparsity());
        }
        change.accept(recipe);
        try (Trainer trainer =
                new Trainer(experiment.device(), training, summary, List.of(recipe.build(training.width())))) {
            double rate = trainer.train().tokensPerSecond();
            try (Sae sae = trainer.sae(0)) {
                Run run = new Run(Evaluator.evaluate(sae, heldOut), rate);
                runs.put(key, run);
                return run;
            }
        }
    }

    @Override
    public void close() {
        heldOut.close();
        training.close();
    }
}
