// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.DataSummary;
import dev.darien.device.Device;
import dev.darien.ensemble.Residual;
import dev.darien.memory.Closing;
import dev.darien.sae.Sae;
import dev.darien.train.Trainer;
import dev.darien.train.TrainingOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The members of a boosting that have been trained, read from their folders: so a resumed run has the same ones as a run in
 * one go.
 */
final class FrozenMembers implements AutoCloseable {
    private final Device device;
    private final ActivationSource source;
    private final DataSummary summary;
    private final List<Sae> members = new ArrayList<>();
    private @Nullable Residual residual;

    /** None yet; {@code summary} is of {@code source}. */
    FrozenMembers(Device device, ActivationSource source, DataSummary summary) {
        this.device = device;
        this.source = source;
        this.summary = summary;
    }

    void add(Path folder) {
        members.add(Sae.load(folder, device));
    }

    /** A trainer on what the members leave; close it before the next one is made. */
    Trainer trainer(List<TrainingOptions> options) {
        if (members.isEmpty()) {
            return new Trainer(device, source, summary, options);
        }
        TrainingOptions first = options.getFirst();
        closeResidual();
        Residual left = new Residual(members, first.batch(), source.width());
        residual = left;
        return new Trainer(device, source, left.summary(source, summary, first.seed()), options, left);
    }

    private void closeResidual() {
        if (residual != null) {
            residual.close();
            residual = null;
        }
    }

    @Override
    public void close() {
        List<AutoCloseable> all = new ArrayList<>(members);
        all.add(this::closeResidual);
        members.clear();
        Closing.all(all.reversed());
    }
}
