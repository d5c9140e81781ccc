// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.sae.Mapping;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The tensors of a crosscoder in an evaluation: measures each by itself, then scales them to be measured together. */
final class TensorScales {
    private final List<Tensor> tensors = new ArrayList<>();

    private static final class Tensor {
        final Mapping.Part part;
        final int first;
        final float[][] x;
        final float[] reconstructed;
        final ReconstructionSums sums = new ReconstructionSums();
        final VarianceSum variance;

        Tensor(Mapping.Part part, int first, int rows) {
            this.part = part;
            this.first = first;
            this.x = new float[rows][part.width()];
            this.reconstructed = new float[part.width()];
            this.variance = new VarianceSum(part.width());
        }
    }

    /** None but for a crosscoder. */
    TensorScales(Mapping mapping, int batchRows) {
        if (mapping instanceof Mapping.Crosscoder crosscoder) {
            for (int part = 0; part < crosscoder.parts().size(); part++) {
                tensors.add(new Tensor(crosscoder.parts().get(part), crosscoder.firstColumn(part), batchRows));
            }
        }
    }

    /** Adds row number {@code row} of a batch to what is known of each tensor, and multiplies by their scales. */
    void apply(int row, float[] x, float[] reconstructed) {
        for (Tensor tensor : tensors) {
            int width = tensor.part.width();
            System.arraycopy(x, tensor.first, tensor.x[row], 0, width);
            System.arraycopy(reconstructed, tensor.first, tensor.reconstructed, 0, width);
            tensor.sums.add(tensor.x[row], tensor.reconstructed);
            float scale = (float) tensor.part.scale();
            for (int at = tensor.first; at < tensor.first + width; at++) {
                x[at] *= scale;
                reconstructed[at] *= scale;
            }
        }
    }

    /** After the {@code rows} of a batch. */
    void addVariance(int rows) {
        for (Tensor tensor : tensors) {
            tensor.variance.add(tensor.x, rows);
        }
    }

    Map<String, Evaluation.TensorEvaluation> evaluations() {
        Map<String, Evaluation.TensorEvaluation> all = new LinkedHashMap<>();
        for (Tensor tensor : tensors) {
            all.put(
                    tensor.part.tensor(),
                    new Evaluation.TensorEvaluation(
                            tensor.sums.mse(), tensor.sums.fvu(tensor.variance.squaredDistance())));
        }
        return all;
    }
}
