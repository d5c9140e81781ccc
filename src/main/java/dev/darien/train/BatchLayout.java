// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.DataSummary;
import dev.darien.device.Kernels;
import dev.darien.device.Product;
import dev.darien.memory.Matrix;
import dev.darien.sae.Mapping;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which columns of a batch are encoded, which are the target, and what each is multiplied by in training.
 *
 * @param inputs what the encoder sees, side by side
 * @param target what is to be decoded, where that isn't what the encoder sees
 */
record BatchLayout(List<Columns> inputs, @Nullable Columns target) {

    /** {@code width} columns from {@code first}. */
    record Columns(int first, int width, double scale) {
        Matrix of(Matrix batch) {
            return width == batch.columns() ? batch : batch.columnSlice(first, width);
        }

        DataSummary of(DataSummary summary) {
            return summary.columns(first, width);
        }
    }

    BatchLayout {
        inputs = List.copyOf(inputs);
    }

    /** An autoencoder's. */
    static BatchLayout plain(int width, double scale) {
        return new BatchLayout(List.of(new Columns(0, width, scale)), null);
    }

    /**
     * The layout of rows of {@code width}.
     *
     * @throws IllegalArgumentException if rows of that width don't hold what the mapping needs
     */
    static BatchLayout of(TrainingOptions options, int width, DataSummary summary) {
        Mapping mapping = options.mapping();
        return switch (mapping) {
            case Mapping.Identity ignored ->
                plain(width, columns(options, 0, width, summary).scale());
            case Mapping.Transcoder transcoder -> {
                int inputs = width - transcoder.width();
                require(inputs >= 1, width, mapping);
                yield new BatchLayout(
                        List.of(columns(options, 0, inputs, summary)),
                        columns(options, inputs, transcoder.width(), summary));
            }
            case Mapping.Crosscoder crosscoder -> {
                require(crosscoder.width() == width, width, mapping);
                List<Columns> inputs = new ArrayList<>();
                for (int part = 0; part < crosscoder.parts().size(); part++) {
                    inputs.add(columns(
                            options,
                            crosscoder.firstColumn(part),
                            crosscoder.parts().get(part).width(),
                            summary));
                }
                if (options.scaling() == InputScaling.UNIT_MEAN_SQUARE) {
                    // Of all tensors together the mean squared norm is 1, and of each as much as of another.
                    double share = 1 / Math.sqrt(inputs.size());
                    inputs.replaceAll(one -> new Columns(one.first(), one.width(), one.scale() * share));
                }
                yield new BatchLayout(inputs, null);
            }
        };
    }

    private static void require(boolean fits, int width, Mapping mapping) {
        if (!fits) {
            throw new IllegalArgumentException("rows of width " + width + " don't fit a " + mapping);
        }
    }

    private static Columns columns(TrainingOptions options, int first, int width, DataSummary summary) {
        double meanSquare = summary.columns(first, width).meanSquaredNorm();
        return new Columns(first, width, options.scaling().factor(meanSquare, width));
    }

    int inputWidth() {
        return inputs.stream().mapToInt(Columns::width).sum();
    }

    /** What is compared with reconstructions. */
    List<Columns> outputs() {
        return target == null ? inputs : List.of(target);
    }

    /** Mean squared distance of what is reconstructed from its mean, scaled. */
    double totalVariance(DataSummary summary) {
        double sum = 0;
        for (Columns columns : outputs()) {
            sum += columns.of(summary).totalVariance() * columns.scale() * columns.scale();
        }
        return sum;
    }

    /** Sets a transcoder's target, less what its skip connection gives for the input. */
    void convertTarget(Kernels kernels, Matrix batch, StepWorkspace workspace, @Nullable Parameter negatedSkip) {
        if (target != null) {
            kernels.convert(target.of(batch), (float) target.scale(), null, workspace.target);
            if (negatedSkip != null) {
                kernels.multiply(Product.NT, workspace.input, negatedSkip.value(), workspace.target, true);
            }
        }
    }

    /** {@code out = scale · x - offset} of what the encoder sees, for rows of a batch. */
    void convertInputs(Kernels kernels, Matrix batch, @Nullable Matrix offset, Matrix out) {
        int at = 0;
        for (Columns columns : inputs) {
            Matrix part = inputs.size() == 1 ? out : out.columnSlice(at, columns.width());
            @Nullable
            Matrix shift = offset == null || inputs.size() == 1 ? offset : offset.columnSlice(at, columns.width());
            kernels.convert(columns.of(batch), (float) columns.scale(), shift, part);
            at += columns.width();
        }
    }
}
