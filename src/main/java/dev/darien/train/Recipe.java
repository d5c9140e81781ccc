// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.sae.BatchTopK;
import dev.darien.sae.JumpRelu;
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
    public static final List<String> ARCHITECTURES = List.of("relu", "topk", "batchtopk", "mutual-choice", "jumprelu");

    /** JumpReLU's window in units of inputs with mean squared norm 1; see {@code docs/architecture.md} for why. */
    static final float DEFAULT_BANDWIDTH = 0.1f;

    private static final int DEFAULT_K = 32;
    private static final int DEFAULT_EXPANSION = 8;

    private final String architecture;
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

    public Recipe preset(Preset value) {
        preset = value;
        return this;
    }

    public Recipe latents(int value) {
        latents = value;
        return this;
    }

    /** Latents as a multiple of the width, unless {@link #latents} says how many. */
    public Recipe expansion(int value) {
        expansion = value;
        return this;
    }

    public Recipe k(int value) {
        k = value;
        return this;
    }

    /** Coefficient of the L1 penalty (relu). */
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

    /** Steps over which the penalty rises. */
    public Recipe sparsityWarmup(long steps) {
        sparsityWarmup = steps;
        return this;
    }

    /** Width of JumpReLU's window. */
    public Recipe bandwidth(double value) {
        bandwidth = value;
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
     * The options for activations of {@code width}.
     *
     * @throws IllegalArgumentException if choices contradict each other; says which
     */
    public TrainingOptions build(int width) {
        checkChoices();
        int f = latents != null ? latents : expanded(width);
        int b = batch != null ? batch : presetBatch();
        long steps = Math.max(1, tokens / Math.max(1, b));
        boolean april = preset == Preset.APRIL;
        double rate = learningRate != null ? learningRate : presetLearningRate(f);
        return new TrainingOptions(
                sparsity(),
                penalty(),
                targetL0,
                auxiliary != null ? auxiliary : presetAuxiliary(),
                f,
                b,
                tokens,
                rate,
                presetBeta1(),
                architecture.equals("batchtopk") && preset == Preset.PAPER ? 0.99 : 0.999,
                architecture.equals("topk") && preset == Preset.PAPER ? 6.25e-10 : 1e-8,
                warmup != null ? warmup : presetWarmup(steps),
                architecture.equals("jumprelu") && preset == Preset.PAPER
                        ? Schedule.Shape.COSINE
                        : Schedule.Shape.LINEAR,
                decay != null ? decay : presetDecay(),
                clip != null ? clip : presetClip(),
                sparsityWarmup != null ? sparsityWarmup : presetSparsityWarmup(steps),
                kWarmup,
                presetDeadTokens(b),
                scaling != null ? scaling : presetScaling(),
                biasInit != null ? biasInit : presetBiasInit(),
                april || preset == Preset.SAELENS ? 0.1 : 1,
                !april && preset != Preset.SAELENS,
                !(architecture.equals("jumprelu") && preset == Preset.PAPER),
                presetThreshold(),
                0.99,
                seed);
    }

    private int expanded(int width) {
        long wanted = (long) expansion * width;
        if (wanted > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "an expansion of " + expansion + " makes too many latents, " + wanted + ", of a width of " + width);
        }
        return (int) wanted;
    }

    private void checkChoices() {
        boolean hasK = architecture.equals("topk") || architecture.equals("batchtopk");
        if (k != null && !hasK) {
            throw new IllegalArgumentException(architecture + " has no k; " + penaltyHint());
        }
        if (l1 != null && !architecture.equals("relu")) {
            throw new IllegalArgumentException("l1 is relu's penalty, " + architecture + " has none");
        }
        if ((l0 != null || bandwidth != null) && !architecture.equals("jumprelu")) {
            throw new IllegalArgumentException("l0 and bandwidth belong to jumprelu, not to " + architecture);
        }
        if ((preset == Preset.BRICKEN || preset == Preset.APRIL) && !architecture.equals("relu")) {
            throw new IllegalArgumentException("preset " + preset.id() + " is for relu, not for " + architecture);
        }
    }

    private String penaltyHint() {
        return architecture.equals("relu") ? "set --l1 or --target-l0" : "set --target-l0";
    }

    private Sparsity sparsity() {
        int wanted = k != null ? k : preset == Preset.SAELENS ? 100 : DEFAULT_K;
        return switch (architecture) {
            case "relu" -> new Relu();
            case "topk" -> new TopK(wanted);
            case "batchtopk" -> new BatchTopK(wanted);
            default -> new JumpRelu((float) (bandwidth != null ? bandwidth : presetBandwidth()));
        };
    }

    private double presetBandwidth() {
        return switch (preset) {
            case PAPER -> 0.001;
            case SAELENS -> 0.05;
            default -> DEFAULT_BANDWIDTH;
        };
    }

    /** 0: fitted to the first batch. */
    private double presetThreshold() {
        return switch (preset) {
            case PAPER -> 0.001;
            case SAELENS -> 0.01;
            default -> 0;
        };
    }

    private Penalty penalty() {
        return switch (architecture) {
            case "relu" ->
                new Penalty.L1(l1 != null ? l1 : presetL1(), preset == Preset.APRIL || preset == Preset.SAELENS);
            case "jumprelu" -> new Penalty.L0(l0 != null ? l0 : preset == Preset.SAELENS ? 1 : 6e-4);
            default -> new Penalty.None();
        };
    }

    private double presetL1() {
        return switch (preset) {
            case APRIL -> 5;
            case SAELENS -> 1;
            default -> 0.02;
        };
    }

    private Auxiliary presetAuxiliary() {
        if (!architecture.equals("topk") && !architecture.equals("batchtopk")) {
            return new Auxiliary.None();
        }
        return new Auxiliary.AuxK(preset == Preset.SAELENS ? 1 : 1.0 / 32, 0);
    }

    private int presetBatch() {
        return preset == Preset.DEFAULT ? 1024 : 4096;
    }

    private double presetLearningRate(int f) {
        // Gao et al. 2024, figure 3: the best rate falls with the root of the number of latents.
        double scaled = 2e-4 / Math.sqrt(f / 16384.0);
        return switch (preset) {
            case DEFAULT, BRICKEN -> scaled;
            case APRIL -> 5e-5;
            case SAELENS -> 3e-4;
            case PAPER ->
                switch (architecture) {
                    case "batchtopk" -> 3e-4;
                    case "jumprelu" -> 7e-5;
                    default -> scaled;
                };
        };
    }

    private double presetBeta1() {
        return architecture.equals("jumprelu") && preset == Preset.PAPER ? 0 : 0.9;
    }

    private long presetWarmup(long steps) {
        return switch (preset) {
            case DEFAULT, BRICKEN -> Math.min(1000, steps / 20);
            case PAPER -> architecture.equals("jumprelu") ? 1000 : 0;
            case APRIL, SAELENS -> 0;
        };
    }

    private double presetDecay() {
        return preset == Preset.PAPER || preset == Preset.SAELENS ? 0 : 0.2;
    }

    private double presetClip() {
        return preset == Preset.PAPER && !architecture.equals("topk") ? 0 : 1;
    }

    private long presetSparsityWarmup(long steps) {
        if (architecture.equals("jumprelu") && preset == Preset.PAPER) {
            return 10_000;
        }
        return preset == Preset.SAELENS ? 0 : steps / 20;
    }

    private long presetDeadTokens(int b) {
        long tenth = Math.max(b, tokens / 10);
        return switch (preset) {
            case PAPER -> architecture.equals("batchtopk") ? 5L * b : 10_000_000;
            case SAELENS -> 1000L * b;
            default -> Math.min(10_000_000, tenth);
        };
    }

    private InputScaling presetScaling() {
        return switch (preset) {
            case APRIL -> InputScaling.WIDTH;
            case SAELENS -> InputScaling.NONE;
            default -> InputScaling.UNIT_MEAN_SQUARE;
        };
    }

    private BiasInit presetBiasInit() {
        boolean paperJumpRelu = architecture.equals("jumprelu") && preset == Preset.PAPER;
        if (preset == Preset.APRIL || preset == Preset.SAELENS || paperJumpRelu) {
            return BiasInit.ZERO;
        }
        return preset == Preset.PAPER ? BiasInit.GEOMETRIC_MEDIAN : BiasInit.MEAN;
    }
}
