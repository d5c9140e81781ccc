// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import java.util.ArrayList;
import java.util.List;

/**
 * An initializer: name and sizes, not its numbers.
 *
 * @param external whether its numbers are in another file
 */
record OnnxWeight(String name, List<Long> shape, boolean external) {
    private static final int DIMS = 1;
    private static final int NAME = 8;
    private static final int LOCATION = 14;

    static OnnxWeight read(ProtoReader tensor) {
        String name = "";
        List<Long> shape = new ArrayList<>();
        boolean external = false;
        while (tensor.next()) {
            switch (tensor.field()) {
                case DIMS -> {
                    for (long size : tensor.numbers()) {
                        shape.add(size);
                    }
                }
                case NAME -> name = tensor.string();
                case LOCATION -> external = tensor.number() == 1;
                default -> {}
            }
        }
        return new OnnxWeight(name, List.copyOf(shape), external);
    }
}
