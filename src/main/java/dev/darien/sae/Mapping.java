// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What a sparse coder maps to what: activations to themselves, to others, or those of several tensors at once. */
public sealed interface Mapping {
    /** Width of what is decoded, for an encoder of {@code inputWidth}. */
    default int outputWidth(int inputWidth) {
        return inputWidth;
    }

    /** Width of the rows by which it is trained and evaluated, for an encoder of {@code inputWidth}. */
    default int dataWidth(int inputWidth) {
        return inputWidth;
    }

    /** Activations to themselves: an autoencoder. */
    record Identity() implements Mapping {
        @Override
        public String toString() {
            return "autoencoder";
        }
    }

    /**
     * Activations to others of the same tokens, as an MLP's input to its output (Dunefsky et al. 2024): {@code ŷ =
     * W_decᵀ·f(x) + b_dec}, and {@code + W_skip·x} with a skip connection (Paulo et al. 2025). The encoder sees x as it is.
     * Data holds x and y side by side.
     *
     * @param width of y
     * @param skip whether there is a skip connection
     */
    record Transcoder(int width, boolean skip) implements Mapping {
        public Transcoder {
            if (width < 1) {
                throw new IllegalArgumentException("a transcoder's target must be at least 1 wide, not " + width);
            }
        }

        @Override
        public int outputWidth(int inputWidth) {
            return width;
        }

        @Override
        public int dataWidth(int inputWidth) {
            return Math.addExact(inputWidth, width);
        }

        @Override
        public String toString() {
            return (skip ? "skip transcoder" : "transcoder") + " to " + width;
        }
    }

    /**
     * The activations of several tensors by one set of latents (Lindsey et al. 2024, "Sparse Crosscoders"): the encoder sums
     * over tensors, and each latent has a decoder row for each. Activations lie side by side, and so do the weights.
     */
    record Crosscoder(List<Part> parts) implements Mapping {
        public Crosscoder {
            parts = List.copyOf(parts);
            if (parts.size() < 2) {
                throw new IllegalArgumentException(
                        "a crosscoder needs at least two tensors, not " + parts.size() + "; one makes an autoencoder");
            }
            Set<String> names = new HashSet<>();
            for (Part part : parts) {
                if (!names.add(part.tensor())) {
                    throw new IllegalArgumentException(
                            "a crosscoder can't have the tensor '" + part.tensor() + "' twice");
                }
            }
        }

        /** First column of part {@code number} among those of all. */
        public int firstColumn(int number) {
            int first = 0;
            for (Part part : parts.subList(0, number)) {
                first = Math.addExact(first, part.width());
            }
            return first;
        }

        /** Sum of the widths. */
        public int width() {
            return firstColumn(parts.size());
        }

        @Override
        public String toString() {
            return "crosscoder of " + parts;
        }
    }

    /**
     * One tensor of a crosscoder.
     *
     * @param tensor its name
     * @param width of its activations
     * @param scale what its activations are multiplied by before they are compared with those of others: so that no tensor
     *     counts more because its activations are larger. The weights are for activations as they come.
     */
    record Part(String tensor, int width, double scale) {
        public Part {
            if (width < 1) {
                throw new IllegalArgumentException("tensor '" + tensor + "' must be at least 1 wide, not " + width);
            }
            if (!(scale > 0) || Double.isInfinite(scale)) {
                throw new IllegalArgumentException("tensor '" + tensor + "' must have a scale above 0, not " + scale);
            }
        }

        @Override
        public String toString() {
            return tensor + " (" + width + ")";
        }
    }
}
