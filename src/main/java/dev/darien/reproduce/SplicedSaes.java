// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataCheck;
import dev.darien.data.DataSummary;
import dev.darien.data.OnNan;
import dev.darien.eval.Evaluation;
import dev.darien.eval.Evaluator;
import dev.darien.memory.DType;
import dev.darien.model.CollectOptions;
import dev.darien.model.Collector;
import dev.darien.model.DownstreamEvaluation;
import dev.darien.model.DownstreamEvaluator;
import dev.darien.model.OnnxModel;
import dev.darien.model.SaeSplice;
import dev.darien.model.Splice;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.HostWeights;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Sae;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import dev.darien.train.TrainingOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * SAEs trained on a small model's activations and their gradients, and what they do in that model. All of one seed and k
 * are trained in one pass.
 */
final class SplicedSaes implements AutoCloseable {
    static final String STEERING = "c·d_j added to every activation, d_j of norm 1, mean over latents; c is 1/√k of the"
            + " activations' spread";

    private static final String HOOK = "residual";
    private static final String MAKER = "samples/ of the source tree has it";
    private static final String GRADIENTS = "gradients";
    private static final List<Float> BETAS = List.of(1f, 3f);

    /** Sizes of all runs. */
    private record Plan(int latents, int batch, long tokens, long collected, int steered, int steeredTokens) {
        static final Plan FULL = new Plan(512, 512, 512_000, Long.MAX_VALUE, 64, 2048);
        static final Plan QUICK = new Plan(128, 256, 5_120, 2_048, 4, 128);
    }

    /** What one way to encode came to; {@code absent} for a way that an SAE doesn't have. */
    record Rule(double l0, double fvu, double silent, double deltaLoss, double recovered, boolean absent) {
        static final Rule ABSENT = new Rule(0, 0, 0, 0, 0, true);

        static Rule of(Evaluation evaluation, DownstreamEvaluation.Loss loss) {
            return new Rule(
                    evaluation.l0(),
                    evaluation.fvu(),
                    evaluation.deadFraction(),
                    loss.spliced() - loss.clean(),
                    loss.recovered(),
                    false);
        }
    }

    /**
     * What one SAE came to.
     *
     * @param logitChange by steering, mean over latents
     */
    record Measured(Rule free, Rule byThreshold, Rule exact, double logitChange) {}

    private final Experiment experiment;
    private final Plan plan;
    private final Path heldOutFile;
    /** The first held-out sequences. */
    private final Path steeredFile;

    private final Path suffix;
    private final ActivationSource training;
    private final ActivationSource heldOut;
    private final ActivationSource heldOutGradients;
    private final DataSummary summary;
    private double clean = Double.NaN;

    SplicedSaes(Experiment experiment, Path work) {
        this.experiment = experiment;
        this.plan = experiment.quick() ? Plan.QUICK : Plan.FULL;
        this.suffix = work.resolve("suffix.onnx");
        Path trainingFile = work.resolve("training.safetensors");
        heldOutFile = work.resolve("heldout.safetensors");
        steeredFile = work.resolve("steered.safetensors");
        Path gradients = experiment.file("samples", "tiny-lm-gradient.onnx", MAKER);
        try (OnnxModel model = OnnxModel.open(experiment.file("samples", "tiny-lm.onnx", MAKER))) {
            experiment.progress().accept("activations and gradients");
            collect(model, gradients, "tiny-lm.txt", plan.collected(), trainingFile);
            collect(model, gradients, "tiny-lm-heldout.txt", plan.collected(), heldOutFile);
            collect(model, null, "tiny-lm-heldout.txt", plan.steeredTokens(), steeredFile);
            model.saveSuffix(HOOK, suffix);
        }
        List<ActivationSource> opened = new ArrayList<>();
        try {
            List<String> both = List.of(ActivationSources.DEFAULT_TENSOR, GRADIENTS);
            training = ActivationSources.open(List.of(trainingFile), both);
            opened.add(training);
            heldOut = ActivationSources.open(List.of(heldOutFile), ActivationSources.DEFAULT_TENSOR);
            opened.add(heldOut);
            heldOutGradients = ActivationSources.open(List.of(heldOutFile), GRADIENTS);
            opened.add(heldOutGradients);
            summary = DataCheck.scan(training, OnNan.FAIL);
        } catch (RuntimeException | Error e) {
            opened.forEach(ActivationSource::close);
            throw e;
        }
    }

    private void collect(OnnxModel model, @Nullable Path gradients, String text, long tokens, Path out) {
        CollectOptions options = CollectOptions.of(HOOK, List.of(experiment.file("samples", text, MAKER)))
                .withSequences(64, 0, false)
                .withGradients(gradients)
                .withTokenizer(experiment.file("samples", "tiny-lm-tokenizer.json", MAKER));
        new Collector(model, options.withStorage(DType.F32, tokens, options.shardTokens()))
                .collect(out, false, (done, share, seconds) -> true);
    }

    String plan() {
        return String.format(
                Locale.ROOT, "tiny-lm, F=%d, B=%d, %,d tokens", plan.latents(), plan.batch(), plan.tokens());
    }

    /** Cross-entropy of the model as it is. */
    double cleanLoss() {
        return clean;
    }

    /** TopK, and Gradient TopK by each β. */
    Map<String, Measured> run(int k, long seed) {
        experiment.progress().accept("k " + k + ", seed " + seed);
        int width = heldOut.width();
        Map<String, TrainingOptions> runs = new LinkedHashMap<>();
        runs.put("topk", recipe("topk", k, seed).build(width));
        for (float beta : BETAS) {
            runs.put(
                    String.format(Locale.ROOT, "gradient-topk, β=%.0f", beta),
                    recipe("gradient-topk", k, seed).beta(beta).build(width));
        }
        Map<String, Measured> measured = new LinkedHashMap<>();
        try (Trainer trainer = new Trainer(experiment.device(), training, summary, List.copyOf(runs.values()))) {
            trainer.train();
            int run = 0;
            for (Map.Entry<String, TrainingOptions> entry : runs.entrySet()) {
                try (Sae sae = trainer.sae(run++)) {
                    measured.put(entry.getKey(), measure(sae, entry.getValue()));
                }
            }
        }
        return measured;
    }

    private Recipe recipe(String architecture, int k, long seed) {
        return Recipe.of(architecture)
                .latents(plan.latents())
                .batch(plan.batch())
                .tokens(plan.tokens())
                .k(k)
                .seed(seed);
    }

    private Measured measure(Sae sae, TrainingOptions options) {
        Map<String, Sae> rules = new LinkedHashMap<>();
        rules.put("free", sae);
        if (options.sparsity() instanceof GradientTopK byGradients) {
            rules.put("threshold", sae.with(new JumpRelu(0)));
            rules.put("exact", sae.with(byGradients));
        }
        Map<String, DownstreamEvaluation> spliced = spliced(rules);
        Rule free = rule(rules, "free", spliced);
        return new Measured(
                free, rule(rules, "threshold", spliced), rule(rules, "exact", spliced), logitChange(sae, options));
    }

    private Map<String, DownstreamEvaluation> spliced(Map<String, Sae> rules) {
        try (OnnxModel model = OnnxModel.open(suffix);
                DownstreamEvaluator evaluator = DownstreamEvaluator.ofSuffix(
                        model, List.of(heldOutFile), ActivationSources.DEFAULT_TENSOR, GRADIENTS, 1)) {
            return evaluator.evaluate(rules, SaeSplice::reconstruction);
        }
    }

    private Rule rule(Map<String, Sae> rules, String name, Map<String, DownstreamEvaluation> spliced) {
        Sae sae = rules.get(name);
        if (sae == null) {
            return Rule.ABSENT;
        }
        DownstreamEvaluation.Loss loss =
                Objects.requireNonNull(Objects.requireNonNull(spliced.get(name)).loss());
        clean = loss.clean();
        return Rule.of(Evaluator.evaluate(sae, heldOut, name.equals("exact") ? heldOutGradients : null), loss);
    }

    /** Mean over some latents, evenly spaced, of how far adding each to the first sequences moves all logits. */
    private double logitChange(Sae sae, TrainingOptions options) {
        double variance = summary.columns(0, sae.width()).totalVariance();
        double c = Math.sqrt(variance / options.sparsity().k());
        Map<String, Splice> splices = new LinkedHashMap<>();
        try (HostWeights host = HostWeights.of(sae)) {
            for (int at = 0; at < plan.steered(); at++) {
                int latent = (int) ((long) at * sae.latents() / plan.steered());
                splices.put("latent " + latent, add(host.weights().decoder().toArray(latent), c));
            }
        }
        double sum = 0;
        try (OnnxModel model = OnnxModel.open(suffix);
                DownstreamEvaluator evaluator = DownstreamEvaluator.ofSuffix(
                        model, List.of(steeredFile), ActivationSources.DEFAULT_TENSOR, 1)) {
            for (DownstreamEvaluation evaluation : evaluator.evaluate(splices).values()) {
                sum += Objects.requireNonNull(evaluation.loss()).logitChange();
            }
        }
        return sum / splices.size();
    }

    private static Splice add(float[] direction, double by) {
        double squares = 0;
        for (float value : direction) {
            squares += (double) value * value;
        }
        return Splice.adding(direction, squares == 0 ? 0 : by / Math.sqrt(squares));
    }

    @Override
    public void close() {
        heldOutGradients.close();
        heldOut.close();
        training.close();
    }
}
