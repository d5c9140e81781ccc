// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** The command line of {@code train}, not yet checked. */
final class TrainArguments {

    /**
     * A number that is also part of a folder's name.
     *
     * @param text as typed
     */
    record Real(String text, double value) {
        /** Reads it; NaN and infinities are no settings. */
        static final class Converter implements ITypeConverter<Real> {
            @Override
            public Real convert(String text) {
                try {
                    double value = Double.parseDouble(text.strip());
                    if (Double.isFinite(value)) {
                        return new Real(text.strip(), value);
                    }
                } catch (NumberFormatException notANumber) {
                    // Said below.
                }
                throw new TypeConversionException("'" + text + "' is not a number");
            }
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Real real && real.value == value;
        }

        @Override
        public int hashCode() {
            return Double.hashCode(value);
        }
    }

    @Parameters(
            arity = "1..*",
            paramLabel = "DATA",
            description = "Activations: .safetensors or .npy files, folders of them, or synthetic:KEY=VALUE,…")
    List<String> data = List.of();

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Folder for the SAE; new or empty.")
    Path out = Path.of("");

    @Mixin
    TensorArguments tensors = new TensorArguments();

    @Option(
            names = "--on-nan",
            paramLabel = "fail|skip",
            description = "What to do with rows that hold NaN or infinities (default: ${DEFAULT-VALUE}).")
    String onNan = "fail";

    @Option(
            names = "--arch",
            split = ",",
            paramLabel = "NAME",
            description =
                    "relu, p-anneal, gated, topk, gradient-topk, multi-topk, batchtopk (= mutual-choice), feature-choice, matryoshka,"
                            + " groupmax, abs-topk, matching-pursuit or jumprelu; several, with commas, train one SAE each (default: topk).")
    List<String> architectures = List.of();

    @Option(
            names = "--preset",
            paramLabel = "NAME",
            description = "default, paper, bricken, april (both for relu) or saelens (default: ${DEFAULT-VALUE}).")
    String preset = "default";

    @Option(names = "--latents", split = ",", paramLabel = "F", description = "Latents; several with commas.")
    List<Integer> latents = List.of();

    @Option(
            names = "--expansion",
            paramLabel = "E",
            description = "Latents as a multiple of the width, instead of --latents (default: 8).")
    @Nullable
    Integer expansion;

    @Option(
            names = "--k",
            split = ",",
            paramLabel = "K",
            description =
                    "Active latents for each token (topk), or in the mean (batchtopk, feature-choice, matryoshka); several with commas"
                            + " (default: 32).")
    List<Integer> k = List.of();

    @Option(
            names = "--k-warmup",
            paramLabel = "STEPS",
            description = "Steps over which k falls from the width to its value (default: 0).")
    @Nullable
    Long kWarmup;

    @Option(
            names = "--l1",
            split = ",",
            paramLabel = "LAMBDA",
            converter = Real.Converter.class,
            description = "Coefficient of the L1 penalty (relu, gated, p-anneal); several with commas.")
    List<Real> l1 = List.of();

    @Option(
            names = "--l0",
            paramLabel = "LAMBDA",
            converter = Real.Converter.class,
            description = "Coefficient of the L0 penalty (jumprelu).")
    @Nullable
    Real l0;

    @Option(
            names = "--target-l0",
            split = ",",
            paramLabel = "L",
            converter = Real.Converter.class,
            description =
                    "L0 that the penalty of relu, gated, p-anneal or jumprelu is steered to; several with commas.")
    List<Real> targetL0 = List.of();

    @Option(
            names = "--bandwidth",
            paramLabel = "WIDTH",
            converter = Real.Converter.class,
            description = "Width of the window through which jumprelu's thresholds learn.")
    @Nullable
    Real bandwidth;

    @Option(
            names = "--tanh-penalty",
            paramLabel = "SLOPE",
            converter = Real.Converter.class,
            description = "Penalise tanh(SLOPE * f) instead of the L0, with the coefficient of --l0 (jumprelu).")
    @Nullable
    Real tanh;

    @Option(
            names = "--pre-act-loss",
            paramLabel = "LAMBDA",
            converter = Real.Converter.class,
            description = "Pull dead latents up to their thresholds, with this coefficient (jumprelu; default: 0).")
    @Nullable
    Real preActivationLoss;

    @Option(
            names = "--groups",
            split = ",",
            paramLabel = "F",
            description = "Latents in each nested group (matryoshka; default: 1, 1, 2, 4 and 8 sixteenths).")
    List<Integer> groups = List.of();

    @Option(
            names = "--bias-level",
            description = "Count the error of the decoder bias alone as one more group's (matryoshka).")
    boolean biasLevel;

    @Option(
            names = "--sparsity-warmup",
            paramLabel = "STEPS",
            description = "Steps over which the penalty rises, or gradient-topk's beta (default: 5 %% of the run).")
    @Nullable
    Long sparsityWarmup;

    @Option(
            names = "--aux",
            paramLabel = "none|auxk|zipf",
            description =
                    "Loss that revives dead latents ; zipf also those that fire too seldom for their rank (default: zipf for"
                            + " feature-choice, auxk for others with a k, else none).")
    @Nullable
    String auxiliary;

    @Option(
            names = "--resample",
            description = "Give dead latents a new start, four times in the first half of the run.")
    boolean resample;

    @Option(
            names = "--ensemble",
            paramLabel = "KIND:J",
            description =
                    "Train J SAEs that stand for one, each in a folder of its own below DIR: bagging:J, whose mean"
                            + " counts, or boosting:J, of which each is trained on what those before it leave.")
    @Nullable
    String ensemble;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            description = "Tokens to train on, in as many passes as it takes" + " (default: 2000000).")
    @Nullable
    Long tokens;

    @Option(names = "--batch", paramLabel = "B", description = "Tokens for each step (default: 1024).")
    @Nullable
    Integer batch;

    @Option(
            names = "--lr",
            split = ",",
            paramLabel = "RATE",
            converter = Real.Converter.class,
            description = "Peak learning rate of Adam; several with commas (default: 2e-4 / sqrt(F / 16384)).")
    List<Real> learningRates = List.of();

    @Option(
            names = "--warmup",
            paramLabel = "STEPS",
            description = "Steps over which the learning rate rises (default: 5 %% of the run, at most 1000).")
    @Nullable
    Long warmup;

    @Option(
            names = "--decay",
            paramLabel = "FRACTION",
            converter = Real.Converter.class,
            description = "Share of the run, at its end, over which the learning rate falls to 0 (default: 0.2).")
    @Nullable
    Real decay;

    @Option(
            names = "--clip",
            paramLabel = "none|NORM",
            description = "Largest global norm of the gradient (default: 1).")
    @Nullable
    String clip;

    @Option(
            names = "--normalize",
            paramLabel = "none|unit-norm",
            description = "Scaling of the activations in training; folded into the saved weights (default: unit-norm).")
    @Nullable
    String normalize;

    @Option(
            names = "--bias-init",
            paramLabel = "NAME",
            description = "Start of the decoder bias: zero, mean or geometric-median (default: mean).")
    @Nullable
    String biasInit;

    @Option(
            names = "--seed",
            split = ",",
            paramLabel = "N",
            description = "Seed of the first weights and of the order of the data; several with commas (default: 0).")
    List<Long> seeds = List.of();

    @Option(
            names = "--precision",
            paramLabel = "fp32|tf32|bf16",
            description =
                    "What the inputs of matrix products are rounded to; sums and weights are fp32 always, and a CPU has"
                            + " fp32 only (default: ${DEFAULT-VALUE}).")
    String precision = "fp32";

    @Option(
            names = "--checkpoint-every",
            paramLabel = "STEPS",
            description = "Steps between checkpoints, 0 for none but when interrupted (default: ${DEFAULT-VALUE}).")
    long checkpointEvery = 1000;

    @Option(names = "--resume", description = "Go on from the newest checkpoint in DIR, with the same options.")
    boolean resume;

    @Option(names = "--overwrite", description = "Replace what an earlier run left in DIR.")
    boolean overwrite;

    @Option(names = "--report", description = "Also write report.html into DIR.")
    boolean report;

    @Option(names = "--no-progress", description = "No progress on standard error.")
    boolean noProgress;

    @Mixin
    FeatureChoiceArguments featureChoice = new FeatureChoiceArguments();

    @Option(
            names = "--beta",
            paramLabel = "BETA",
            converter = Real.Converter.class,
            description =
                    "How much a latent's effect on the loss counts in the selection of gradient-topk; rises to that"
                            + " over the sparsity warm-up (default: 1).")
    @Nullable
    Real beta;

    @Option(
            names = "--raw-beta",
            description = "Take effects as they are, not over their mean magnitude in the batch (gradient-topk).")
    boolean rawBeta;

    @Mixin
    GradientArguments gradients = new GradientArguments();

    @Mixin
    DeviceArguments device = new DeviceArguments();
}
