// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/** What is put in the place of a model's activations. */
@FunctionalInterface
public interface Splice {
    /**
     * Computes what takes the place of activations.
     *
     * @param activations F32[tokens, d] in the host's memory
     * @param out as many, all of which are written
     */
    void apply(Matrix activations, Matrix out);

    /**
     * As above, with the loss's gradient by the activations, for those who can use it.
     *
     * @param gradients F32[tokens, d] in the host's memory, or null where the data has none
     */
    default void apply(Matrix activations, @Nullable Matrix gradients, Matrix out) {
        apply(activations, out);
    }

    /** The activations themselves: the model as it is. */
    static Splice identity() {
        return (activations, out) -> out.copyFrom(activations);
    }

    /** Zeros: all that the model had there is gone. */
    static Splice zero() {
        return (activations, out) -> out.clear();
    }

    /** The activations, and {@code factor} times {@code direction} added to each: steering. */
    static Splice adding(float[] direction, double factor) {
        float[] copy = direction.clone();
        return (activations, out) -> {
            for (long row = 0; row < activations.rows(); row++) {
                for (int t = 0; t < copy.length; t++) {
                    out.set(row, t, (float) (activations.get(row, t) + factor * copy[t]));
                }
            }
        };
    }

    /**
     * The same vector everywhere, such as the mean.
     *
     * @throws IllegalArgumentException when it is used on activations of another width
     */
    static Splice constant(float[] vector) {
        float[] copy = vector.clone();
        return (activations, out) -> {
            for (long row = 0; row < out.rows(); row++) {
                out.setRow(row, copy);
            }
        };
    }
}
