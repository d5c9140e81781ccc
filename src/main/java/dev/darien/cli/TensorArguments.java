// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.sae.Mapping;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which tensors {@code train} reads, and so what is mapped to what. */
final class TensorArguments {
    private List<String> tensors = List.of();

    @Option(
            names = "--tensor",
            paramLabel = "NAME",
            description = "Tensor to read from safetensors files (default: activations); several, with commas, train a"
                    + " crosscoder on all of them.")
    void tensors(String names) {
        tensors = List.of(names.split(",", -1));
    }

    @Option(
            names = "--target",
            paramLabel = "NAME",
            description =
                    "Train a transcoder that decodes to this tensor of the same files. Here and with several --tensor,"
                            + " NAME@FILE is a tensor of another file of the same tokens.")
    @Nullable
    String target;

    @Option(names = "--skip", description = "Give the transcoder a linear skip connection.")
    boolean skip;

    /** The activations, of all tensors side by side, with the target last. */
    ActivationSource open(List<String> data) {
        List<String> read = new ArrayList<>(read());
        if (target == null) {
            require(!skip, "--skip is for transcoders; name what they decode to with --target");
        } else {
            require(
                    read.size() == 1,
                    "--target trains a transcoder, which reads one tensor, but --tensor names "
                            + String.join(", ", read));
            require(!read.contains(target), "--target must be another tensor than --tensor, not " + target);
            read.add(target);
        }
        for (String name : read) {
            require(!name.isBlank(), "--tensor has an empty name; a crosscoder needs the names of two tensors or more");
        }
        require(
                read.stream().distinct().count() == read.size(),
                "--tensor names a tensor twice; a crosscoder needs different ones");
        return ActivationSources.parse(data, read);
    }

    /** The activations with the loss's gradients beside them, for {@code gradient-topk}. */
    ActivationSource openWithGradients(List<String> data, String gradients) {
        require(
                target == null && read().size() == 1,
                "gradient-topk is for autoencoders, whose gradients are by what they encode; leave out --target, and name"
                        + " one --tensor");
        return ActivationSources.parseWithGradients(data, read().getFirst(), gradients);
    }

    private List<String> read() {
        return tensors.isEmpty() ? List.of(ActivationSources.DEFAULT_TENSOR) : tensors;
    }

    /** What is to be trained on {@code source}, which {@link #open} has opened. */
    Mapping mapping(ActivationSource source) {
        List<Integer> widths = source.widths();
        if (target != null) {
            return new Mapping.Transcoder(widths.getLast(), skip);
        }
        if (read().size() == 1) {
            return new Mapping.Identity();
        }
        List<Mapping.Part> parts = new ArrayList<>();
        for (int part = 0; part < widths.size(); part++) {
            parts.add(new Mapping.Part(read().get(part), widths.get(part), 1));
        }
        return new Mapping.Crosscoder(parts);
    }

    /** Width of what the encoder sees. */
    int inputWidth(ActivationSource source) {
        return target == null ? source.width() : source.widths().getFirst();
    }

    /** Adds the names to a record of the data. */
    void describe(Map<String, Object> data) {
        data.put("tensor", read().size() == 1 ? read().getFirst() : read());
        if (target != null) {
            data.put("target", target);
        }
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new UsageException(otherwise);
        }
    }
}
