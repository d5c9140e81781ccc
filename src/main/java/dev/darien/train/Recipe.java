// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.sae.AbsTopK;
import dev.darien.sae.BatchTopK;
import dev.darien.sae.FeatureChoice;
import dev.darien.sae.Gated;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.GroupMax;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Mapping;
import dev.darien.sae.MatchingPursuit;
import dev.darien.sae.Relu;
import dev.darien.sae.Sparsity;
import dev.darien.sae.TopK;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Makes {@link TrainingOptions} from a preset and the choices that differ from it.
 *
 * <pre>{@code
 * TrainingOptions options = Recipe.of("topk").latents(1024).k(16).tokens(3_072_000).build(128);
 * }</pre>
 */
public final class Recipe {
    /** Names that {@link #of} takes; {@code mutual-choice} is another name of {@code batchtopk}. */
    public static final List<String> ARCHITECTURES = List.of(
            "relu",
            "p-anneal",
            "gated",
            "topk",
            "gradient-topk",
            "multi-topk",
            "batchtopk",
            "mutual-choice",
            "feature-choice",
            "matryoshka",
            "groupmax",
            "abs-topk",
            "matching-pursuit",
            "jumprelu");

    private static final List<String> WITH_K = List.of(
            "topk",
            "gradient-topk",
            "multi-topk",
            "batchtopk",
            "mutual-choice",
            "feature-choice",
            "matryoshka",
            "groupmax",
            "abs-topk",
            "matching-pursuit");
    private static final List<String> WITH_L1 = List.of("relu", "p-anneal", "gated");

    /** Multi-TopK's second selection, and its weight (Gao et al. 2024). */
    private static final Objective MULTI_TOP_K = new Objective.TwoSelections(4, 1.0 / 8);

    /** Where P-annealing ends, and the share of the run with p = 1 before it. */
    private static final double LAST_POWER = 0.2;

    private static final double POWER_START = 0.2;

    private static final int DEFAULT_EXPANSION = 8;

    private final String architecture;
    private Mapping mapping = new Mapping.Identity();
    private Preset preset = Preset.DEFAULT;
    private @Nullable Integer latents;
    private int expansion = DEFAULT_EXPANSION;
    private @Nullable Integer k;
    private @Nullable Double l1;
    private @Nullable Double l0;
    private double targetL0;
    private @Nullable Auxiliary auxiliary;
    private @Nullable Integer batch;
    private long tokens = 2_000_000;
    private @Nullable Double learningRate;
    private @Nullable Long warmup;
    private @Nullable Double decay;
    private @Nullable Double clip;
    private @Nullable Long sparsityWarmup;
    private @Nullable Double bandwidth;
    private @Nullable BiasInit biasInit;
    private @Nullable InputScaling scaling;
    private @Nullable List<Integer> groups;
    private boolean biasLevel;
    private @Nullable Double tanhSlope;
    private @Nullable Double beta;
    private boolean rawBeta;
    private @Nullable FeatureBudgets budgets;
    private boolean keepNonPositive;
    private boolean resample;
    private double preActivationLoss;
    private long kWarmup;
    private long seed;

    private Recipe(String architecture) {
        this.architecture = architecture;
    }

    /**
     * Starts from the default preset of {@code architecture}.
     *
     * @throws IllegalArgumentException if it isn't one of {@link #ARCHITECTURES}
     */
    public static Recipe of(String architecture) {
        if (!ARCHITECTURES.contains(architecture)) {
            throw new IllegalArgumentException(
                    "unknown architecture '" + architecture + "'; known are " + String.join(", ", ARCHITECTURES));
        }
        return new Recipe(architecture.equals("mutual-choice") ? "batchtopk" : architecture);
    }

    /** Whether {@code architecture} selects by a k; the others have a penalty that {@link #targetL0} can steer. */
    public static boolean hasK(String architecture) {
        return WITH_K.contains(architecture);
    }

    /** Whether {@code architecture} has an {@link #l1} penalty. */
    public static boolean hasL1(String architecture) {
        return WITH_L1.contains(architecture);
    }

    /** What is encoded and decoded; without it, activations to themselves. */
    public Recipe mapping(Mapping value) {
        mapping = value;
        return this;
    }

    public Recipe preset(Preset value) {
        preset = value;
        return this;
    }

    public Recipe latents(int value) {
        latents = value;
        return this;
    }

    /** Latents as a multiple of the width, of a crosscoder that of its widest tensor, unless {@link #latents} says how many. */
    public Recipe expansion(int value) {
        expansion = value;
        return this;
    }

    public Recipe k(int value) {
        k = value;
        return this;
    }

    /** Coefficient of the L1 penalty (relu, gated), or of the penalty that is annealed from it (p-anneal). */
    public Recipe l1(double value) {
        l1 = value;
        return this;
    }

    /** Coefficient of the L0 penalty (jumprelu). */
    public Recipe l0(double value) {
        l0 = value;
        return this;
    }

    /** L0 that the penalty is steered to. */
    public Recipe targetL0(double value) {
        targetL0 = value;
        return this;
    }

    public Recipe auxiliary(Auxiliary value) {
        auxiliary = value;
        return this;
    }

    public Recipe batch(int value) {
        batch = value;
        return this;
    }

    public Recipe tokens(long value) {
        tokens = value;
        return this;
    }

    public Recipe learningRate(double value) {
        learningRate = value;
        return this;
    }

    /** Steps over which the learning rate rises. */
    public Recipe warmup(long steps) {
        warmup = steps;
        return this;
    }

    /** Share of the run, at its end, over which the learning rate falls to 0. */
    public Recipe decay(double fraction) {
        decay = fraction;
        return this;
    }

    /** Largest global gradient norm; 0 for none. */
    public Recipe clip(double norm) {
        clip = norm;
        return this;
    }

    /** Steps over which the penalty rises, or gradient-topk's β. */
    public Recipe sparsityWarmup(long steps) {
        sparsityWarmup = steps;
        return this;
    }

    /** Width of JumpReLU's window. */
    public Recipe bandwidth(double value) {
        bandwidth = value;
        return this;
    }

    /** Latents in each of Matryoshka's groups. */
    public Recipe groups(List<Integer> sizes) {
        groups = List.copyOf(sizes);
        return this;
    }

    /** Has matryoshka's loss count the error of the decoder bias alone too. */
    public Recipe biasLevel() {
        biasLevel = true;
        return this;
    }

    /** How feature-choice begins, and what its latents may take. */
    public Recipe budgets(FeatureBudgets value) {
        budgets = value;
        return this;
    }

    /** Has feature-choice's latents take tokens that they don't respond to as well, where their budgets ask for them. */
    public Recipe keepNonPositive() {
        keepNonPositive = true;
        return this;
    }

    /** Gives dead latents a new start in the first half of the run. */
    public Recipe resample() {
        resample = true;
        return this;
    }

    /** Coefficient of the loss that pulls dead latents up to their thresholds (jumprelu); SAELens has 3e-6. */
    public Recipe preActivationLoss(double coefficient) {
        preActivationLoss = coefficient;
        return this;
    }

    /** Has jumprelu's penalty be {@code Σ tanh(slope·f)} instead of the L0. */
    public Recipe tanhPenalty(double slope) {
        tanhSlope = slope;
        return this;
    }

    /** How much gradients count in gradient-topk's selection; 1 if it isn't said. */
    public Recipe beta(double value) {
        beta = value;
        return this;
    }

    /** Has gradient-topk take attributions as they are, rather than over their mean magnitude in the batch. */
    public Recipe rawBeta() {
        rawBeta = true;
        return this;
    }

    public Recipe biasInit(BiasInit value) {
        biasInit = value;
        return this;
    }

    public Recipe scaling(InputScaling value) {
        scaling = value;
        return this;
    }

    /** Steps over which k falls from the width to its value. */
    public Recipe kWarmup(long steps) {
        kWarmup = steps;
        return this;
    }

    public Recipe seed(long value) {
        seed = value;
        return this;
    }

    /**
     * The options for an encoder that sees activations of {@code width}.
     *
     * @throws IllegalArgumentException if choices contradict each other; says which
     */
    public TrainingOptions build(int width) {
        checkChoices();
        int f = latents != null ? latents : expanded(width);
        int b = batch != null ? batch : defaults().batch();
        RecipeDefaults defaults = defaults();
        long steps = Math.max(1, tokens / Math.max(1, b));
        return new TrainingOptions(
                mapping,
                sparsity(),
                penalty(),
                targetL0,
                auxiliary != null ? auxiliary : defaults.auxiliary(),
                preActivationLoss,
                objective(f),
                budgets != null ? budgets : FeatureBudgets.DEFAULT,
                resample,
                f,
                b,
                tokens,
                learningRate != null ? learningRate : defaults.learningRate(f),
                defaults.beta1(),
                defaults.beta2(),
                defaults.epsilon(),
                warmup != null ? warmup : defaults.warmup(steps),
                defaults.warmupShape(),
                decay != null ? decay : defaults.decay(),
                clip != null ? clip : defaults.clip(),
                sparsityWarmup != null ? sparsityWarmup : defaults.sparsityWarmup(steps),
                kWarmup,
                defaults.deadTokens(b, tokens),
                scaling != null ? scaling : defaults.scaling(),
                biasInit != null ? biasInit : defaults.biasInit(),
                defaults.decoderInitNorm(),
                defaults.unitDecoder(),
                defaults.subtractDecoderBias() && !(mapping instanceof Mapping.Transcoder),
                defaults.threshold(),
                0.99,
                seed);
    }

    private RecipeDefaults defaults() {
        return new RecipeDefaults(architecture, preset);
    }

    private int expanded(int inputs) {
        int width = mapping instanceof Mapping.Crosscoder crosscoder
                ? crosscoder.parts().stream()
                        .mapToInt(Mapping.Part::width)
                        .max()
                        .orElse(inputs)
                : inputs;
        long wanted = (long) expansion * width;
        if (wanted > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "an expansion of " + expansion + " makes too many latents, " + wanted + ", of a width of " + width);
        }
        return (int) wanted;
    }

    private void checkChoices() {
        if (k != null && !hasK(architecture)) {
            throw new IllegalArgumentException(architecture + " has no k; " + penaltyHint());
        }
        if (l1 != null && !hasL1(architecture)) {
            throw new IllegalArgumentException(
                    "l1 is the penalty of " + String.join(", ", WITH_L1) + "; " + architecture + " has none");
        }
        if ((l0 != null || bandwidth != null || tanhSlope != null) && !architecture.equals("jumprelu")) {
            throw new IllegalArgumentException(
                    "l0, bandwidth and the tanh penalty belong to jumprelu, not to " + architecture);
        }
        if ((preset == Preset.BRICKEN || preset == Preset.APRIL) && !architecture.equals("relu")) {
            throw new IllegalArgumentException("preset " + preset.id() + " is for relu, not for " + architecture);
        }
        if ((budgets != null || keepNonPositive) && !architecture.equals("feature-choice")) {
            throw new IllegalArgumentException("budgets belong to feature-choice, not to " + architecture);
        }
        if ((beta != null || rawBeta) && !architecture.equals("gradient-topk")) {
            throw new IllegalArgumentException("beta belongs to gradient-topk, not to " + architecture);
        }
        if ((groups != null || biasLevel) && !architecture.equals("matryoshka")) {
            throw new IllegalArgumentException((groups != null ? "groups belong" : "the bias level belongs")
                    + " to matryoshka, not to " + architecture);
        }
    }

    private String penaltyHint() {
        return hasL1(architecture) ? "set --l1 or --target-l0" : "set --target-l0";
    }

    private Sparsity sparsity() {
        int wanted = k != null ? k : defaults().k();
        return switch (architecture) {
            case "relu", "p-anneal" -> new Relu();
            case "gated" -> new Gated();
            case "topk", "multi-topk" -> new TopK(wanted);
            case "gradient-topk" -> new GradientTopK(wanted, beta != null ? beta.floatValue() : 1, !rawBeta);
            case "batchtopk", "matryoshka" -> new BatchTopK(wanted);
            case "groupmax" -> new GroupMax(wanted);
            case "abs-topk" -> new AbsTopK(wanted);
            case "matching-pursuit" -> new MatchingPursuit(wanted);
            case "feature-choice" -> new FeatureChoice(wanted, keepNonPositive);
            default ->
                new JumpRelu((float) (bandwidth != null ? bandwidth : defaults().bandwidth()));
        };
    }

    private Penalty penalty() {
        double strength = l1 != null ? l1 : defaults().l1();
        return switch (architecture) {
            case "relu" ->
                new Penalty.L1(
                        strength,
                        preset == Preset.APRIL || preset == Preset.SAELENS || mapping instanceof Mapping.Crosscoder);
            case "gated" -> new Penalty.L1(strength, false);
            case "p-anneal" -> new Penalty.Power(strength, LAST_POWER, POWER_START);
            case "jumprelu" -> {
                double coefficient = l0 != null ? l0 : defaults().l0();
                yield tanhSlope != null ? new Penalty.Tanh(coefficient, tanhSlope) : new Penalty.L0(coefficient);
            }
            default -> new Penalty.None();
        };
    }

    private Objective objective(int f) {
        return switch (architecture) {
            case "matryoshka" ->
                new Objective.Nested(groups != null ? groups : Objective.Nested.sixteenths(f), biasLevel);
            case "multi-topk" -> MULTI_TOP_K;
            default -> new Objective.Whole();
        };
    }
}
