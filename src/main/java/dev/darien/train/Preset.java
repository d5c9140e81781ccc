// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** A named set of hyper-parameters. */
public enum Preset {
    /** Works for runs of any length: warm-up, decay and the dead window scale with the run. */
    DEFAULT,
    /** What the architecture's own paper says. */
    PAPER,
    /** ReLU as in Bricken et al. 2023: unit decoder rows, plain L1. */
    BRICKEN,
    /** ReLU as in Anthropic's update of April 2024: free decoder rows, L1 weighted by their norms. */
    APRIL,
    /** SAELens's defaults. */
    SAELENS;

    /** Name as {@code --preset} takes it. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    public static Optional<Preset> find(String id) {
        return Arrays.stream(values()).filter(preset -> preset.id().equals(id)).findFirst();
    }
}
