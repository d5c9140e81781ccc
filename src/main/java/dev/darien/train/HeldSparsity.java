// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.train.StepWorkspace.Chunk;

/** Thresholds that give the latents of a batch a wanted L0: where training starts, or what a benchmark holds. */
final class HeldSparsity {
    static final float SMALLEST_THRESHOLD = 1e-6f;

    private HeldSparsity() {}

    /** JumpReLU's first thresholds, which fit the data: where a batch-wide selection of four times the wanted L0 ends. */
    static void fitFirstThresholds(StepContext context) {
        TrainingOptions options = context.options();
        int wanted = (int) Math.max(1, Math.min(options.latents() / 4.0, 4 * Math.max(16, options.targetL0())));
        Parameter thresholds = context.state().thresholds;
        if (thresholds != null) {
            context.kernels().fill(thresholds.value(), Math.max(SMALLEST_THRESHOLD, thresholdFor(context, wanted)));
        }
    }

    /** Where a selection of {@code l0} latents for each row of the packed input ends, over the rows of the first chunk. */
    private static float thresholdFor(StepContext context, double l0) {
        Chunk chunk = context.workspace().chunks.getFirst();
        Matrix smallest = context.workspace().smallestKept;
        SparseCodes codes = chunk.selection().codes();
        context.kernels()
                .encodeBatchTopK(
                        chunk.selection().input(),
                        context.workspace().encoder,
                        Math.max(1, Math.round(l0 * codes.rows())),
                        null,
                        codes,
                        smallest);
        try (Matrix host = context.device().staging("threshold", DType.F32, 1, 1)) {
            context.device().download(smallest, host);
            return host.get(0, 0);
        }
    }

    /** Has latents without a k fire {@code l0} times for each row of {@code batch}, by one threshold or bias for all. */
    static void hold(StepContext context, Matrix batch, double scale, double l0) {
        if (context.options().sparsity().bounded()) {
            return;
        }
        LearnerState state = context.state();
        Kernels kernels = context.kernels();
        Matrix centre = context.options().subtractDecoderBias() ? state.weights.decoderBias() : null;
        kernels.convert(batch, (float) scale, centre, context.workspace().input);
        kernels.pack(state.weights.encoder(), state.weights.encoderBias(), context.workspace().encoder);
        float threshold = thresholdFor(context, l0);
        if (state.thresholds != null) {
            kernels.fill(state.thresholds.value(), threshold);
        } else {
            kernels.fill(state.encoderBias.value(), -threshold);
        }
    }

    /** How full the codes of the last chunk are. */
    static StepBenchmark.Codes lastCodes(StepContext context) {
        SparseCodes codes = context.workspace().chunks.getLast().terms().codes();
        Device device = context.device();
        int rows = codes.rows();
        try (Matrix offsets = device.staging("offsets", DType.I64, 1, rows + 1);
                Matrix values = device.staging("values", DType.F32, 1, codes.capacity())) {
            device.download(codes.offsets().prefix(rows + 1), offsets);
            device.download(codes.values(), values);
            long entries = offsets.getLong(0, rows);
            long active = 0;
            for (int entry = 0; entry < entries; entry++) {
                active += values.get(0, entry) != 0 ? 1 : 0;
            }
            return new StepBenchmark.Codes((double) entries / rows, (double) active / rows);
        }
    }
}
