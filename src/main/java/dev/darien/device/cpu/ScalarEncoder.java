// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.PackedEncoder;
import dev.darien.device.Shapes;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.memory.Reservation;

/**
 * The scalar device's encoder: a copy of the weights as they were when packed (later changes to them show only after
 * the next pack, as on every device), the pre-activations of one row, and the selections in progress. All of it is
 * counted at the device's allocator.
 */
final class ScalarEncoder implements PackedEncoder {
    private final Matrix weights;
    private final Matrix bias;
    private final Reservation rowReservation;
    private final float[] row;
    private final float[] deadRow;
    private final LargestValues largest;
    private final LargestValues largestDead;
    private final LargestRows largestRows;
    private boolean packed;

    ScalarEncoder(Allocator allocator, int latents, int width) {
        Shapes.encoderSize(latents, width);
        weights = allocator.matrix("packed encoder weights", latents, width);
        bias = allocator.vector("packed encoder bias", latents);
        rowReservation = allocator.reserve("pre-activations of a row", 2L * latents * Float.BYTES);
        row = new float[latents];
        deadRow = new float[latents];
        largest = new LargestValues(allocator);
        largestDead = new LargestValues(allocator);
        largestRows = new LargestRows(allocator);
    }

    void pack(Matrix wEnc, Matrix bEnc) {
        weights.copyFrom(wEnc);
        bias.copyFrom(bEnc);
        packed = true;
    }

    /** Computes {@code x[row]·W_encᵀ + b_enc}, summed in double and rounded once; valid until the next call. */
    float[] preActivations(Matrix x, int inputRow) {
        requirePacked();
        for (int latent = 0; latent < row.length; latent++) {
            row[latent] = (float) (Cells.dot(x, inputRow, weights, latent) + Cells.get(bias, 0, latent));
        }
        return row;
    }

    /** The rows as they were packed. */
    Matrix weights() {
        return weights;
    }

    /** As {@link #preActivations}, without the bias and in the same place. */
    float[] products(Matrix x, int inputRow) {
        requirePacked();
        for (int latent = 0; latent < row.length; latent++) {
            row[latent] = (float) Cells.dot(x, inputRow, weights, latent);
        }
        return row;
    }

    private void requirePacked() {
        if (!packed) {
            throw new IllegalStateException("an encoder must be packed with weights before it can encode");
        }
    }

    /** Room for the pre-activations of dead latents. */
    float[] deadRow() {
        return deadRow;
    }

    LargestValues largest() {
        return largest;
    }

    LargestValues largestDead() {
        return largestDead;
    }

    LargestRows largestRows() {
        return largestRows;
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
    public void close() {
        weights.close();
        bias.close();
        rowReservation.close();
        largest.close();
        largestDead.close();
        largestRows.close();
    }
}
