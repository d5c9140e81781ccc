// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataException;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Mapping;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What commands that use a trained SAE share. */
final class SaeArguments {
    String tensor = ActivationSources.DEFAULT_TENSOR;
    private boolean named;

    @Option(
            names = "--tensor",
            paramLabel = "NAME",
            description =
                    "Tensor to read from safetensors files (default: activations; for a transcoder or crosscoder what"
                            + " it was trained on). Of a crosscoder, several with commas.")
    void tensor(String name) {
        tensor = name;
        named = true;
    }

    @Option(
            names = "--mode",
            paramLabel = "RULE",
            description =
                    "Inference rule: topk, threshold, gradient or relu, as far as the SAE has it (default: its own).")
    @Nullable
    String mode;

    @Mixin
    SaeInput input = new SaeInput();

    @Mixin
    DeviceArguments device = new DeviceArguments();

    /** What {@code sae} encodes: the activations of one tensor, or of all that a crosscoder has, side by side. */
    ActivationSource inputs(Autoencoder sae, Path folder, List<String> data) {
        return open(data, inputTensors(sae, folder), sae, folder, List.of());
    }

    /**
     * As {@link #inputs}, with what a transcoder decodes beside it.
     *
     * @param target name of that tensor; null for the one that it was trained to
     */
    ActivationSource inputsAndTarget(Autoencoder sae, Path folder, List<String> data, @Nullable String target) {
        if (!(sae.mapping() instanceof Mapping.Transcoder)) {
            if (target != null) {
                throw new UsageException("--target is for transcoders; what the " + sae.mapping() + " in " + folder
                        + " decodes is what it encodes");
            }
            return inputs(sae, folder, data);
        }
        String name = target != null
                ? target
                : RunRecord.read(folder)
                        .flatMap(RunRecord::target)
                        .orElseThrow(() -> new UsageException("the transcoder in " + folder
                                + " decodes other activations than it encodes; name their tensor with --target"));
        List<String> tensors = new ArrayList<>(inputTensors(sae, folder));
        tensors.add(name);
        return open(data, tensors, sae, folder, List.of(sae.outputWidth()));
    }

    private List<String> inputTensors(Autoencoder sae, Path folder) {
        return switch (sae.mapping()) {
            case Mapping.Identity ignored -> List.of(tensor);
            case Mapping.Transcoder ignored ->
                List.of(
                        named
                                ? tensor
                                : RunRecord.read(folder)
                                        .flatMap(RunRecord::tensor)
                                        .orElse(tensor));
            case Mapping.Crosscoder crosscoder ->
                named
                        ? List.of(tensor.split(",", -1))
                        : crosscoder.parts().stream().map(Mapping.Part::tensor).toList();
        };
    }

    private static ActivationSource open(
            List<String> data, List<String> tensors, Autoencoder sae, Path folder, List<Integer> targetWidths) {
        List<Integer> wanted = new ArrayList<>(
                sae.mapping() instanceof Mapping.Crosscoder crosscoder
                        ? crosscoder.parts().stream().map(Mapping.Part::width).toList()
                        : List.of(sae.width()));
        wanted.addAll(targetWidths);
        ActivationSource source = ActivationSources.parse(data, tensors);
        if (source.widths().equals(wanted)) {
            return source;
        }
        try (source) {
            if (wanted.size() == 1) {
                requireWidth(sae, folder, source);
            }
            throw new DataException("the " + sae.mapping() + " in " + folder + " takes tensors of width " + wanted
                    + ", but " + tensors + " are of width " + source.widths() + "; name those that it was trained on");
        }
    }

    /** Both name their width, because which of them is the wrong one only the user knows. */
    static void requireSameWidth(Autoencoder sae, Path folder, ActivationSource source) {
        requireAutoencoder(sae, folder);
        requireWidth(sae, folder, source);
    }

    /** For commands that have no use for another mapping. */
    static void requireAutoencoder(Autoencoder sae, Path folder) {
        if (!(sae.mapping() instanceof Mapping.Identity)) {
            throw new UsageException("this command is for autoencoders, and in " + folder + " is a " + sae.mapping()
                    + "; evaluate, encode, decode, inspect and convert take it");
        }
    }

    private static void requireWidth(Autoencoder sae, Path folder, ActivationSource source) {
        if (sae.width() != source.width()) {
            throw new DataException("the SAE in " + folder + " takes activations of width " + sae.width() + ", but "
                    + source.describe() + " holds activations of width " + source.width()
                    + "; use the data that it was trained for");
        }
    }
}
