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
        double mean = mean(kind, row);
        double scale = scale(kind, row, mean);
        normalise(kind, row, mean, scale);
        means[r] = mean;
        scales[r] = scale;
    }

    /** What {@code kind} subtracts from {@code row}. */
    static double mean(RowNormalization kind, float[] row) {
        if (kind != RowNormalization.LAYER_NORM) {
            return 0;
        }
        double sum = 0;
        for (float value : row) {
            sum += value;
        }
        return sum / row.length;
    }

    /** What the reconstruction of {@code row} is multiplied by. */
    static double scale(RowNormalization kind, float[] row, double mean) {
        double squares = 0;
        for (float value : row) {
            squares += (value - mean) * (value - mean);
        }
        return Math.sqrt(squares / (kind == RowNormalization.LAYER_NORM ? row.length - 1 : row.length));
    }

    /** Normalises {@code row} in place. */
    static void normalise(RowNormalization kind, float[] row, double mean, double scale) {
        double factor;
        if (kind == RowNormalization.LAYER_NORM) {
            factor = 1 / (scale + EPSILON);
        } else {
            // A row of zeros stays one.
            factor = scale == 0 ? 0 : 1 / scale;
        }
        for (int c = 0; c < row.length; c++) {
            row[c] = (float) ((row[c] - mean) * factor);
        }
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
