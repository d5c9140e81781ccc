// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.ConcurrentEncoder;
import dev.darien.device.Shapes;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The scalar reference: every pre-activation as {@link ScalarEncoder} computes it, one row at a time. */
final class ScalarConcurrentEncoder implements ConcurrentEncoder {
    private final Allocator allocator;
    private final Matrix weights;
    private final Matrix bias;

    ScalarConcurrentEncoder(Allocator allocator, Matrix wEnc, Matrix bEnc) {
        Shapes.encoderSize(wEnc.intRows(), wEnc.columns());
        this.allocator = allocator;
        weights = allocator.matrix("concurrent encoder weights", wEnc.intRows(), wEnc.columns());
        bias = allocator.vector("concurrent encoder bias", wEnc.intRows());
        weights.copyFrom(wEnc);
        bias.copyFrom(bEnc);
    }

    @Override
    public int latents() {
        return weights.intRows();
    }

    @Override
    public int width() {
        return weights.columns();
    }

    @Override
    public Lane lane(int rows) {
        weights.requireAlive();
        return new ScalarLane(Math.max(1, rows));
    }

    @Override
    public void close() {
        weights.close();
        bias.close();
    }

    private final class ScalarLane implements Lane {
        private final float[] input;
        private final Matrix x;
        private final float[] row = new float[latents()];
        private final TaskEntries entries = new TaskEntries();

        ScalarLane(int rows) {
            input = new float[Math.multiplyExact(rows, width())];
            x = Matrix.of(MemorySegment.ofArray(input), DType.F32, rows, width());
        }

        @Override
        public int rows() {
            return x.intRows();
        }

        @Override
        public void set(int at, float[] values) {
            System.arraycopy(values, 0, input, at * width(), width());
        }

        @Override
        public void topK(int count, int k) {
            entries.clear(count);
            // Closed here, so that nothing is counted for a lane that nobody closes.
            try (LargestValues largest = new LargestValues(allocator)) {
                for (int at = 0; at < count; at++) {
                    preActivations(at);
                    largest.start(Math.min(k, row.length));
                    for (float value : row) {
                        largest.offer(value);
                    }
                    entries.ensure(largest.size());
                    int end = entries.end();
                    for (int latent = 0; latent < row.length; latent++) {
                        if (largest.admits(row[latent])) {
                            entries.indices[end] = latent;
                            entries.values[end++] = row[latent];
                        }
                    }
                    entries.endRun(end);
                }
            }
        }

        @Override
        public void threshold(int count, float @Nullable [] thresholds) {
            entries.clear(count);
            float[] limits = thresholds != null ? thresholds : new float[row.length];
            for (int at = 0; at < count; at++) {
                preActivations(at);
                entries.ensure(row.length);
                int end = entries.end();
                for (int latent = 0; latent < row.length; latent++) {
                    if (row[latent] > limits[latent]) {
                        entries.indices[end] = latent;
                        entries.values[end++] = row[latent];
                    }
                }
                entries.endRun(end);
            }
        }

        private void preActivations(int at) {
            for (int latent = 0; latent < row.length; latent++) {
                row[latent] = (float) (Cells.dot(x, at, weights, latent) + Cells.get(bias, 0, latent));
            }
        }

        @Override
        public int count(int at) {
            return entries.rowCount(at);
        }

        @Override
        public void copy(int at, int[] latents, float[] values) {
            entries.copyRow(at, latents, values);
        }
    }
}
