// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Kernels;
import dev.darien.memory.Matrix;
import dev.darien.sae.Mapping;
import dev.darien.sae.SaeWeights;
import dev.darien.train.BatchLayout.Columns;
import java.util.ArrayList;
import java.util.List;

/**
 * What turns weights that were trained on scaled activations into weights for activations as they come. Of an autoencoder,
 * {@code relu(W(sx - sb) + sc) = s·relu(W(x - b) + c)}: biases and thresholds carry the scale, matrices don't. A transcoder's
 * codes are in units of its target, so that its decoder rows keep their norms; a crosscoder's codes are those of training,
 * since each tensor has another scale.
 */
record Unscaling(Mapping mapping, BatchLayout layout) {

    /** What biases of the encoder, and thresholds, are multiplied by. */
    float ofCodes() {
        return mapping instanceof Mapping.Crosscoder
                ? 1
                : (float) (1 / layout.outputs().getFirst().scale());
    }

    /** Everything but what {@link #ofCodes} is for. */
    void convert(Kernels kernels, SaeWeights trained, SaeWeights out) {
        int at = 0;
        for (Columns columns : layout.inputs()) {
            double ofCodes = mapping instanceof Mapping.Crosscoder
                    ? 1
                    : layout.outputs().getFirst().scale();
            float factor = (float) (columns.scale() / ofCodes);
            convert(kernels, trained.encoder(), at, columns.width(), factor, out.encoder());
            at += columns.width();
        }
        at = 0;
        for (Columns columns : layout.outputs()) {
            float unscale = (float) (1 / columns.scale());
            float ofRows = mapping instanceof Mapping.Crosscoder ? unscale : 1;
            convert(kernels, trained.decoder(), at, columns.width(), ofRows, out.decoder());
            convert(kernels, trained.decoderBias(), at, columns.width(), unscale, out.decoderBias());
            at += columns.width();
        }
        if (trained.skip() != null && out.skip() != null) {
            float factor = (float) (layout.inputs().getFirst().scale()
                    / layout.outputs().getFirst().scale());
            // What was trained is -W_skip.
            kernels.convert(trained.skip(), -factor, null, out.skip());
        }
    }

    private static void convert(Kernels kernels, Matrix from, int first, int width, float factor, Matrix to) {
        kernels.convert(from.columnSlice(first, width), factor, null, to.columnSlice(first, width));
    }

    /** The mapping, with what its tensors were multiplied by. */
    Mapping scaled() {
        if (!(mapping instanceof Mapping.Crosscoder crosscoder)) {
            return mapping;
        }
        List<Mapping.Part> parts = new ArrayList<>();
        for (int part = 0; part < crosscoder.parts().size(); part++) {
            Mapping.Part before = crosscoder.parts().get(part);
            parts.add(new Mapping.Part(
                    before.tensor(), before.width(), layout.inputs().get(part).scale()));
        }
        return new Mapping.Crosscoder(parts);
    }
}
