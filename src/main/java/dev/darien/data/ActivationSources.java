// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import java.nio.file.Path;
import java.util.List;

/** Opens activation sources. */
public final class ActivationSources {
    /** The tensor that is read unless another is named. */
    public static final String DEFAULT_TENSOR = "activations";

    private ActivationSources() {}

    /**
     * Opens what the user named: one {@code synthetic:…} specification, or files and folders as in {@link #open}.
     *
     * @throws DataException if that isn't possible, with the reason
     */
    public static ActivationSource parse(List<String> arguments, String tensor) {
        throw new UnsupportedOperationException();
    }

    /**
     * Opens safetensors and npy files as one source, in the order given; a folder stands for its {@code *.safetensors}
     * and {@code *.npy} files by name. The tensor is [tokens, d] or [sequences, context, d], of f32, f16 or bf16; files
     * must agree in width and type. Files are mapped, not copied.
     *
     * @throws DataException if a file can't be read or isn't what it should be
     */
    public static ActivationSource open(List<Path> files, String tensor) {
        throw new UnsupportedOperationException();
    }
}
