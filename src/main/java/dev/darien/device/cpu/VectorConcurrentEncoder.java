// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.ConcurrentEncoder;
import dev.darien.device.Shapes;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.Reservation;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Weights in the panels of the product, which nobody writes to once they are packed. */
final class VectorConcurrentEncoder implements ConcurrentEncoder {
    /** More rows than these would cost each thread more memory than they would save time. */
    private static final int MOST_ROWS = 128;

    final GemmPanels panels;
    final float[] bias;
    private final int latents;
    private final int width;
    private final Reservation reservation;
    private volatile boolean closed;

    VectorConcurrentEncoder(Allocator allocator, Matrix wEnc, Matrix bEnc) {
        latents = wEnc.intRows();
        width = wEnc.columns();
        Shapes.encoderSize(latents, width);
        bias = new float[Math.ceilDiv(latents, GemmKernel.COLUMNS) * GemmKernel.COLUMNS];
        float[] staging = new float[GemmPanels.STAGING];
        panels = new GemmPanels(allocator, "concurrent encoder", latents, width);
        reservation = allocator.reserve("bias of a concurrent encoder", (long) bias.length * Float.BYTES);
        panels.pack(wEnc.segment(), 0, wEnc.stride(), 0, panels.panelCount(), staging);
        MemorySegment.copy(bEnc.segment(), Matrix.FLOAT, 0, bias, 0, latents);
    }

    @Override
    public int latents() {
        return latents;
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public Lane lane(int rows) {
        if (closed) {
            throw new IllegalStateException("this encoder of " + latents + " latents is closed");
        }
        return new VectorLane(Math.clamp(rows, 1, MOST_ROWS));
    }

    @Override
    public void close() {
        closed = true;
        panels.close();
        reservation.close();
    }

    /** Tile by tile of latents the product, then at once the selection, as {@link VectorEncode} does it. */
    private final class VectorLane implements Lane {
        private final int rows;
        private final float[] input;
        private final float[] tile;
        private final RowTopK[] largest;
        private final TaskEntries entries = new TaskEntries();

        VectorLane(int rows) {
            this.rows = rows;
            input = new float[rows == 1 ? width : GemmKernel.packedLength(rows, width)];
            tile = new float[(rows == 1 ? 1 : GemmKernel.paddedRows(rows)) * EncodeScratch.TILE_STRIDE];
            largest = new RowTopK[rows];
            for (int row = 0; row < rows; row++) {
                largest[row] = new RowTopK();
            }
        }

        @Override
        public int rows() {
            return rows;
        }

        @Override
        public void set(int row, float[] values) {
            if (rows == 1) {
                System.arraycopy(values, 0, input, 0, width);
                return;
            }
            // The layout of GemmKernel.packRows: groups of ROWS rows, within a group by column.
            int at = row / GemmKernel.ROWS * GemmKernel.ROWS * width + row % GemmKernel.ROWS;
            for (int column = 0; column < width; column++) {
                input[at + column * GemmKernel.ROWS] = values[column];
            }
        }

        @Override
        public void topK(int count, int k) {
            for (int row = 0; row < count; row++) {
                largest[row].reset(k);
            }
            for (int first = 0; first < latents; first += EncodeScratch.TILE_COLUMNS) {
                int length = multiply(count, first);
                for (int row = 0; row < count; row++) {
                    largest[row].accept(tile, row * EncodeScratch.TILE_STRIDE, length, first);
                }
            }
            entries.clear(count);
            for (int row = 0; row < count; row++) {
                entries.ensure(k);
                entries.endRun(entries.end() + largest[row].finish(entries.indices, entries.values, entries.end()));
            }
        }

        @Override
        public void threshold(int count, float @Nullable [] thresholds) {
            entries.clear(count);
            for (int first = 0; first < latents; first += EncodeScratch.TILE_COLUMNS) {
                int length = multiply(count, first);
                for (int row = 0; row < count; row++) {
                    entries.ensure(length);
                    int offset = row * EncodeScratch.TILE_STRIDE;
                    int end = thresholds == null
                            ? TileSelect.selectAbove(
                                    tile, offset, length, 0, first, entries.indices, entries.values, entries.end())
                            : TileSelect.selectAbove(
                                    tile,
                                    offset,
                                    length,
                                    thresholds,
                                    first,
                                    entries.indices,
                                    entries.values,
                                    entries.end());
                    entries.endRun(end);
                }
            }
        }

        /** Pre-activations of a tile of latents; returns how many latents it has. */
        private int multiply(int count, int firstLatent) {
            int firstPanel = firstLatent / GemmKernel.COLUMNS;
            int lastPanel = Math.min(firstPanel + EncodeScratch.TILE_COLUMNS / GemmKernel.COLUMNS, panels.panelCount());
            if (rows == 1) {
                Gemv.multiply(input, panels, firstPanel, lastPanel, bias, tile);
            } else {
                GemmKernel.multiply(
                        input, count, panels, firstPanel, lastPanel, bias, tile, 0, EncodeScratch.TILE_STRIDE);
            }
            return Math.min(EncodeScratch.TILE_COLUMNS, latents - firstLatent);
        }

        @Override
        public int count(int row) {
            return entries.rowCount(row);
        }

        @Override
        public void copy(int row, int[] indices, float[] values) {
            entries.copyRow(row, indices, values);
        }
    }
}
