// SPDX-License-Identifier: Apache-2.0
package dev.darien.ensemble;

import dev.darien.data.ActivationSource;
import dev.darien.data.DataCheck;
import dev.darien.data.DataSummary;
import dev.darien.data.OnNan;
import dev.darien.device.Device;
import dev.darien.memory.Closing;
import dev.darien.sae.Mapping;
import dev.darien.sae.Sae;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import dev.darien.train.TrainingOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;

/**
 * Trains ensembles (Gadgil et al. 2025, section 3): the members of a bagging in one pass over the data, those of a boosting
 * one after the other, each on what the frozen ones before it leave.
 */
public final class EnsembleTrainer {
    private EnsembleTrainer() {}

    /**
     * The options of {@code count} members that differ in their seeds, see {@link EnsembleKind#seed}.
     *
     * @param width of the activations
     * @throws IllegalArgumentException if there are none, or as {@link Recipe#build}
     */
    public static List<TrainingOptions> options(Recipe recipe, long seed, int count, int width) {
        if (count < 1) {
            throw new IllegalArgumentException("an ensemble needs at least 1 member, not " + count);
        }
        List<TrainingOptions> options = new ArrayList<>();
        for (int member = 0; member < count; member++) {
            options.add(recipe.seed(EnsembleKind.seed(seed, count, member)).build(width));
        }
        if (!(options.getFirst().mapping() instanceof Mapping.Identity)) {
            throw new IllegalArgumentException("ensembles are of autoencoders, not of a "
                    + options.getFirst().mapping());
        }
        return options;
    }

    /**
     * Trains an ensemble with a member for each of {@code options}; the caller closes it.
     *
     * @throws IllegalArgumentException if there are none, or those of a bagging differ in batch or tokens
     * @throws dev.darien.data.DataException if the data holds NaN or infinities, or fewer rows than a batch
     * @throws java.util.concurrent.CancellationException if the thread is interrupted
     */
    public static Ensemble train(
            Device device, ActivationSource source, EnsembleKind kind, List<TrainingOptions> options) {
        DataSummary summary = DataCheck.scan(source, OnNan.FAIL);
        List<Sae> members = new ArrayList<>();
        try {
            switch (kind) {
                case BAGGING -> {
                    try (Trainer trainer = new Trainer(device, source, summary, options)) {
                        finish(trainer);
                        for (int member = 0; member < options.size(); member++) {
                            members.add(trainer.sae(member));
                        }
                    }
                }
                case BOOSTING ->
                    options.forEach(stage -> members.add(boosted(device, source, summary, members, stage)));
            }
            return Ensemble.of(kind, members);
        } catch (RuntimeException | Error e) {
            members.forEach(member -> Closing.after(e, member));
            throw e;
        }
    }

    private static Sae boosted(
            Device device, ActivationSource source, DataSummary summary, List<Sae> frozen, TrainingOptions options) {
        if (frozen.isEmpty()) {
            try (Trainer trainer = new Trainer(device, source, summary, List.of(options))) {
                finish(trainer);
                return trainer.sae(0);
            }
        }
        try (Residual residual = new Residual(frozen, options.batch(), source.width());
                Trainer trainer = new Trainer(
                        device,
                        source,
                        residual.summary(source, summary, options.seed()),
                        List.of(options),
                        residual)) {
            finish(trainer);
            return trainer.sae(0);
        }
    }

    private static void finish(Trainer trainer) {
        if (!trainer.train().finished()) {
            throw new CancellationException("the training of an ensemble was interrupted, of which nothing is kept");
        }
    }
}
