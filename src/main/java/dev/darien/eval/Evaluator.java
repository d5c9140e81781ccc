// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.data.ActivationSource;
import dev.darien.data.DataException;
import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Inference;
import dev.darien.sae.Sae;
import dev.darien.sae.Sparsity;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Measures an SAE or an ensemble on data, in one pass over it and in memory that doesn't depend on how much of it there is. The same
 * weights, data and kernels give the same bits for any number of threads.
 */
public final class Evaluator {
    private static final int ROWS = 1024;
    /** Bounds the buffers of very wide activations: 2^22 elements are 16 MB. */
    private static final int MOST_ELEMENTS = 1 << 22;

    private Evaluator() {}

    /**
     * The metrics of {@code sae} with its own rule on all of {@code source}; for a transcoder, whose rows have the target
     * beside the input.
     *
     * @throws DataException if the source is of another width or holds NaN or infinities; says where
     */
    public static Evaluation evaluate(Autoencoder sae, ActivationSource source) {
        return evaluate(sae, source, (ActivationSource) null);
    }

    /**
     * As above by a rule that selects by gradients, {@link dev.darien.sae.GradientTopK}.
     *
     * @param gradients of a loss by the activations, as many; null for other rules
     * @throws DataException also if they are of another shape
     */
    public static Evaluation evaluate(Autoencoder sae, ActivationSource source, @Nullable ActivationSource gradients) {
        int width = sae.mapping().dataWidth(sae.width());
        if (source.width() != width) {
            throw new DataException(
                    "%s has activations of width %d, but the SAE was trained on width %d; evaluate it on what it was trained for"
                            .formatted(source.describe(), source.width(), width));
        }
        if (source.rows() < 1) {
            throw new DataException(source.describe() + " has no activations to evaluate on");
        }
        if (gradients != null && (gradients.rows() != source.rows() || gradients.width() != source.width())) {
            throw new DataException(
                    "%s hold [%d, %d] gradients, but there are [%d, %d] activations; both need one shape"
                            .formatted(
                                    gradients.describe(),
                                    gradients.rows(),
                                    gradients.width(),
                                    source.rows(),
                                    source.width()));
        }
        int rows = (int) Math.min(source.rows(), Math.clamp(MOST_ELEMENTS / source.width(), 1, ROWS));
        try (Inference inference = sae.inference(rows);
                Pass pass = new Pass(sae, source, gradients, inference)) {
            return pass.run();
        }
    }

    /**
     * The metrics of the weights of {@code sae} with another rule.
     *
     * @throws IllegalArgumentException if the rule needs thresholds that the SAE lacks, or selects over a batch
     * @throws DataException as above
     */
    public static Evaluation evaluate(Sae sae, ActivationSource source, Sparsity rule) {
        return evaluate(sae.with(rule), source);
    }

    /** One pass and its buffers. */
    private static final class Pass implements AutoCloseable {
        private final Device device;
        private final ActivationSource source;
        private final @Nullable ActivationSource gradients;
        private final Inference inference;
        private final int batchRows;
        private final Matrix batch;
        private final @Nullable Matrix slopes;
        private final Matrix reconstruction;
        private final float[][] x;
        private final float[] reconstructed;
        private final long[] fires;
        private final ReconstructionSums sums = new ReconstructionSums();
        private final VarianceSum variance;
        private final int inputs;
        private final TensorScales scales;
        private long active;

        Pass(Autoencoder sae, ActivationSource source, @Nullable ActivationSource gradients, Inference inference) {
            this.device = sae.device();
            this.source = source;
            this.gradients = gradients;
            this.inference = inference;
            this.batchRows = inference.maxRows();
            this.batch = device.staging("evaluation batch", source.dtype(), batchRows, source.width());
            this.slopes = gradients == null
                    ? null
                    : device.staging("gradients of a batch", gradients.dtype(), batchRows, source.width());
            this.reconstruction = device.staging("evaluation output", DType.F32, batchRows, sae.outputWidth());
            this.x = new float[batchRows][sae.outputWidth()];
            this.reconstructed = new float[sae.outputWidth()];
            this.fires = new long[sae.latents()];
            this.variance = new VarianceSum(sae.outputWidth());
            this.inputs = sae.width();
            this.scales = new TensorScales(sae.mapping(), batchRows);
        }

        Evaluation run() {
            for (long first = 0; first < source.rows(); first += batchRows) {
                add(first, (int) Math.min(batchRows, source.rows() - first));
            }
            return new Evaluation(
                    sums.tokens(),
                    (double) active / sums.tokens(),
                    sums.mse(),
                    sums.fvu(variance.squaredDistance()),
                    sums.cosine(),
                    sums.l2Ratio(),
                    sums.relativeBias(),
                    scales.evaluations(),
                    Density.of(fires, sums.tokens()),
                    fires);
        }

        private void add(long first, int rows) {
            source.read(first, rows, batch);
            SparseCodes codes = encode(first, rows);
            Matrix output = reconstruction.slice(0, rows);
            device.download(inference.decode(codes), output);
            try (SparseCodes host = inference.toHost(codes)) {
                countFires(host);
            }
            for (int row = 0; row < rows; row++) {
                copyRow(batch.columnSlice(batch.columns() - reconstructed.length, reconstructed.length), row, x[row]);
                copyRow(output, row, reconstructed);
                scales.apply(row, x[row], reconstructed);
                if (!sums.add(x[row], reconstructed)) {
                    throw new DataException(source.locate(first + row)
                            + " holds NaN or an infinity, with which nothing can be measured; remove such rows");
                }
            }
            variance.add(x, rows);
            scales.addVariance(rows);
        }

        private SparseCodes encode(long first, int rows) {
            if (gradients == null || slopes == null) {
                return inference.encode(batch.prefix(inputs).slice(0, rows));
            }
            gradients.read(first, rows, slopes);
            return inference.encode(batch.slice(0, rows), slopes.slice(0, rows));
        }

        private void countFires(SparseCodes codes) {
            int entries = codes.entries();
            for (int entry = 0; entry < entries; entry++) {
                if (codes.value(entry) != 0) {
                    fires[codes.latent(entry)]++;
                    active++;
                }
            }
        }

        private static void copyRow(Matrix from, int row, float[] to) {
            if (from.dtype() == DType.F32) {
                MemorySegment.copy(from.segment(), Matrix.FLOAT, from.rowOffset(row), to, 0, to.length);
                return;
            }
            for (int column = 0; column < to.length; column++) {
                to[column] = from.get(row, column);
            }
        }

        @Override
        public void close() {
            reconstruction.close();
            if (slopes != null) {
                slopes.close();
            }
            batch.close();
        }
    }
}
