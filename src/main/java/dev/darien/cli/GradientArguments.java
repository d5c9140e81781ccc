// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataException;
import dev.darien.data.SafetensorsFile;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Gradients that lie in the data's files beside the activations. */
final class GradientArguments {
    /** The tensor that is read unless another is named. */
    private static final String DEFAULT = "gradients";

    @Option(
            names = "--gradients",
            paramLabel = "NAME",
            description = "Tensor with the loss's gradient by each activation, of the same shape; for gradient-topk"
                    + " (default: gradients, which darien collect --gradients writes).")
    private @Nullable String name;

    String tensor() {
        return name == null ? DEFAULT : name;
    }

    /** Whether all files hold the tensor. One that was named must be there, so that its absence is found when it is read. */
    boolean areIn(List<String> data) {
        if (name != null) {
            return true;
        }
        if (data.isEmpty() || data.stream().anyMatch(argument -> argument.startsWith("synthetic:"))) {
            return false;
        }
        for (Path path : DataFiles.of(data)) {
            if (!path.toString().endsWith(".safetensors")) {
                return false;
            }
            try (SafetensorsFile file = SafetensorsFile.open(path)) {
                if (!file.tensors().containsKey(DEFAULT)) {
                    return false;
                }
            }
        }
        return true;
    }

    /**
     * The gradients alone; the caller closes them.
     *
     * @throws DataException if they aren't of the shape of {@code activations}
     */
    ActivationSource open(List<String> data, ActivationSource activations) {
        ActivationSource gradients = ActivationSources.parse(data, tensor());
        if (gradients.width() != activations.width() || gradients.rows() != activations.rows()) {
            DataException wrong = new DataException(
                    "%s hold [%d, %d] gradients, but there are [%d, %d] activations; gradients need their shape"
                            .formatted(
                                    gradients.describe(),
                                    gradients.rows(),
                                    gradients.width(),
                                    activations.rows(),
                                    activations.width()));
            gradients.close();
            throw wrong;
        }
        return gradients;
    }
}
