// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.Examples;
import dev.darien.eval.ExampleSet;
import dev.darien.sae.Autoencoder;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Labelled activations, as the commands that probe take them. */
final class LabelArguments {
    @Parameters(
            index = "0",
            paramLabel = "SAE",
            description = "Folder or file of the SAE, of any format, or folder of an ensemble.")
    Path sae = Path.of("");

    @Parameters(
            index = "1..*",
            arity = "1..*",
            paramLabel = "DATA",
            description = "Activations: .safetensors files or folders of them.")
    private List<String> data = List.of();

    @Option(
            names = "--labels",
            required = true,
            paramLabel = "NAME|FILE",
            description = "Tensor of whole numbers in the same files, or a text file with a label a line: one for each"
                    + " token, or for each sequence, whose tokens are then averaged.")
    private String labels = "";

    @Option(
            names = "--classes",
            paramLabel = "N",
            description = "Most classes, the most frequent ones (default: ${DEFAULT-VALUE}).")
    int classes = 5;

    @Option(
            names = "--examples",
            paramLabel = "N",
            description = "Most examples of a class, and of others beside it (default: ${DEFAULT-VALUE}).")
    int examples = 2500;

    @Option(names = "--seed", paramLabel = "N", description = "Of the choice of examples (default: ${DEFAULT-VALUE}).")
    long seed = 1;

    /** The examples with their activations and the SAE's codes. */
    ExampleSet read(Autoencoder loaded, SaeArguments arguments) {
        SaeArguments.requireAutoencoder(loaded, sae);
        SaeInput.requireDecodable(loaded, sae);
        Autoencoder mode =
                SaeModes.of(loaded, sae, arguments.mode).values().iterator().next();
        try (ActivationSource source = ActivationSources.parse(data, arguments.tensor)) {
            SaeArguments.requireSameWidth(loaded, sae, source);
            return ExampleSet.of(mode, source, labels(labels, arguments.tensor));
        }
    }

    /** Other labels of the same data. */
    Examples labels(String name, String tensor) {
        return Examples.read(DataFiles.of(data), tensor, name);
    }
}
