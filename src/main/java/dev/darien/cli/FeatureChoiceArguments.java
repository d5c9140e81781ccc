// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.cli.TrainArguments.Real;
import dev.darien.train.FeatureBudgets;
import dev.darien.train.FeatureBudgets.Rounding;
import dev.darien.train.Recipe;
import dev.darien.train.ZipfLaw;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code --arch feature-choice}. */
final class FeatureChoiceArguments {
    @Option(
            names = "--mutual-share",
            paramLabel = "SHARE",
            converter = Real.Converter.class,
            description = "Share of a feature-choice run that begins it by mutual choice (default: 0.8).")
    @Nullable
    Real mutualShare;

    @Option(
            names = "--zipf-exponent",
            paramLabel = "EXPONENT",
            converter = Real.Converter.class,
            description = "Budgets fall with this power of the rank (feature-choice; default: fitted to densities).")
    @Nullable
    Real exponent;

    @Option(
            names = "--zipf-offset",
            paramLabel = "OFFSET",
            converter = Real.Converter.class,
            description = "Added to the rank, with --zipf-exponent (default: 0).")
    @Nullable
    Real offset;

    @Option(
            names = "--budget-cap",
            paramLabel = "SHARE",
            converter = Real.Converter.class,
            description = "Largest share of the tokens for one latent (feature-choice; default: 1).")
    @Nullable
    Real cap;

    @Option(
            names = "--budget-rounding",
            paramLabel = "NAME",
            description =
                    "Budgets as whole numbers: nearest (at least 1), stochastic or accumulated (default: stochastic).")
    @Nullable
    String rounding;

    @Option(
            names = "--budget-refresh",
            paramLabel = "STEPS",
            description = "Steps after which latents are ranked again, 0 for never (feature-choice; default: 0).")
    @Nullable
    Integer refresh;

    @Option(
            names = "--keep-non-positive",
            description =
                    "Latents take tokens that they don't respond to, too, to fill their budgets (feature-choice).")
    boolean keepNonPositive;

    private boolean given() {
        return mutualShare != null
                || exponent != null
                || offset != null
                || cap != null
                || rounding != null
                || refresh != null;
    }

    /** @throws UsageException if they contradict each other */
    void addTo(Recipe recipe) {
        if (keepNonPositive) {
            recipe.keepNonPositive();
        }
        if (!given()) {
            return;
        }
        if (offset != null && exponent == null) {
            throw new UsageException("--zipf-offset needs --zipf-exponent; without it both are fitted");
        }
        FeatureBudgets usual = FeatureBudgets.DEFAULT;
        UsageException.check(() -> recipe.budgets(new FeatureBudgets(
                mutualShare == null ? usual.mutualShare() : mutualShare.value(),
                exponent == null ? null : new ZipfLaw(exponent.value(), offset == null ? 0 : offset.value()),
                cap == null ? usual.cap() : cap.value(),
                rounding == null ? usual.rounding() : Choices.pick("rounding", rounding, Choices.of(Rounding.values())),
                refresh == null ? usual.refresh() : refresh)));
    }
}
