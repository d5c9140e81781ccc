// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataException;
import dev.darien.sae.Autoencoder;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What commands that use a trained SAE share. */
final class SaeArguments {
    @Option(
            names = "--tensor",
            paramLabel = "NAME",
            description = "Tensor to read from safetensors files (default: ${DEFAULT-VALUE}).")
    String tensor = ActivationSources.DEFAULT_TENSOR;

    @Option(
            names = "--mode",
            paramLabel = "RULE",
            description = "Inference rule: topk, threshold or relu, as far as the SAE has it (default: its own).")
    @Nullable
    String mode;

    @Mixin
    SaeInput input = new SaeInput();

    @Mixin
    DeviceArguments device = new DeviceArguments();

    /** Both name their width, because which of them is the wrong one only the user knows. */
    static void requireSameWidth(Autoencoder sae, Path folder, ActivationSource source) {
        if (sae.width() != source.width()) {
            throw new DataException("the SAE in " + folder + " takes activations of width " + sae.width() + ", but "
                    + source.describe() + " holds activations of width " + source.width()
                    + "; use the data that it was trained for");
        }
    }
}
