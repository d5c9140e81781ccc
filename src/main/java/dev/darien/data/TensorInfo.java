// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import java.util.List;

/**
 * A tensor as a safetensors header lists it.
 *
 * @param dtype as written in the file, such as {@code BF16}; may be one that Darien can't read
 * @param shape empty for a scalar
 * @param begin first byte within the data area
 * @param end byte after the last
 */
public record TensorInfo(String name, String dtype, List<Long> shape, long begin, long end) {
    public TensorInfo {
        shape = List.copyOf(shape);
    }

    /** {@code F16 [98304, 128]}. */
    public String describe() {
        return dtype + " " + shape;
    }
}
