// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import java.util.List;

/**
 * A tensor of a model.
 *
 * @param name as the model has it; what {@code --hook} takes
 * @param dtype element type as safetensors names it; {@code ?} if it isn't known
 * @param shape sizes, or names of open ones; empty if it isn't known
 * @param operation that makes it; empty for an input
 * @param crossing how many other tensors go past it to what follows; with none or one (the attention mask) all that the
 *     model knows goes through it
 */
public record ModelTensor(String name, String dtype, List<String> shape, String operation, int crossing) {
    public ModelTensor {
        shape = List.copyOf(shape);
    }
}
