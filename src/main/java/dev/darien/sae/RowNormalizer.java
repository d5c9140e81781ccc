// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;

/**
 * Carries out a {@link RowNormalization} batch after batch, on the host: it is d operations beside the d · F of the
 * encoder.
 */
final class RowNormalizer implements AutoCloseable {
    private static final double EPSILON = 1e-5;

    private final RowNormalization kind;
    private final Device device;
    private final Matrix buffer;
    private final float[] row;
    private final double[] scales;
    private final double[] means;
    private long rows;

    RowNormalizer(RowNormalization kind, Device device, int maxRows, int width) {
        this.kind = kind;
        this.device = device;
        this.buffer = device.staging("normalised rows", DType.F32, maxRows, width);
        this.row = new float[width];
        this.scales = new double[maxRows];
        this.means = new double[maxRows];
    }

    /** The rows of {@code x} normalised, valid until the next call. */
    Matrix apply(Matrix x) {
        if (!x.isHost()) {
            try (Matrix host = device.staging("rows", x.dtype(), x.rows(), x.columns())) {
                device.download(x, host);
                return apply(host);
            }
        }
        // Kernels may still be reading the rows before.
        device.synchronize();
        rows = x.rows();
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < row.length; c++) {
                row[c] = x.get(r, c);
            }
            normalise(r);
            MemorySegment.copy(row, 0, buffer.segment(), Matrix.FLOAT, buffer.rowOffset(r), row.length);
        }
        return buffer.slice(0, rows);
    }

    private void normalise(int r) {
        double sum = 0;
        for (float value : row) {
            sum += value;
        }
        double mean = kind == RowNormalization.LAYER_NORM ? sum / row.length : 0;
        double squares = 0;
        for (float value : row) {
            squares += (value - mean) * (value - mean);
        }
        double scale;
        double factor;
        if (kind == RowNormalization.LAYER_NORM) {
            scale = Math.sqrt(squares / (row.length - 1));
            factor = 1 / (scale + EPSILON);
        } else {
            // A row of zeros stays one.
            scale = Math.sqrt(squares / row.length);
            factor = scale == 0 ? 0 : 1 / scale;
        }
        for (int c = 0; c < row.length; c++) {
            row[c] = (float) ((row[c] - mean) * factor);
        }
        means[r] = mean;
        scales[r] = scale;
    }

    /**
     * Puts reconstructions of the rows that were normalised last back to their own scale.
     *
     * @throws IllegalArgumentException if there are not as many
     */
    void undo(Matrix reconstructions) {
        if (reconstructions.rows() != rows) {
            throw new IllegalArgumentException("only the " + rows + " rows that were encoded last can be decoded, not "
                    + reconstructions.rows() + ": each needs its own scale");
        }
        Matrix host = reconstructions.isHost() ? reconstructions : buffer.slice(0, rows);
        if (host != reconstructions) {
            device.download(reconstructions, host);
        }
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < row.length; c++) {
                host.set(r, c, (float) (host.get(r, c) * scales[r] + means[r]));
            }
        }
        if (host != reconstructions) {
            device.upload(host, reconstructions);
        }
    }

    @Override
    public void close() {
        buffer.close();
    }
}
