// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import java.util.Arrays;

/** One worker's lists of entries and rows of floats, which grow to the largest that was ever needed. */
final class WorkerScratch {
    /** For sums over lanes. */
    final float[] lanes = new float[VectorSpec.LANES];

    int[] indices = new int[0];
    float[] values = new float[0];
    float[] gradients = new float[0];
    int[] activeIndices = new int[0];
    float[] activeValues = new float[0];
    int[] cursors = new int[0];
    float[] row = new float[0];
    float[] otherRow = new float[0];

    /** Room for {@code entries} in the lists; what they held may be lost. */
    void entries(int entries) {
        if (indices.length < entries) {
            int size = Math.max(entries, 2 * indices.length);
            indices = new int[size];
            values = new float[size];
            gradients = new float[size];
            activeIndices = new int[size];
            activeValues = new float[size];
        }
    }

    /** Copies those of the first {@code entries} whose value isn't 0 to the active lists; returns how many there are. */
    int keepActive(int entries) {
        int active = 0;
        for (int entry = 0; entry < entries; entry++) {
            activeIndices[active] = indices[entry];
            activeValues[active] = values[entry];
            active += values[entry] != 0 ? 1 : 0;
        }
        return active;
    }

    /** Room for {@code rows} cursors. */
    void cursors(int rows) {
        if (cursors.length < rows) {
            cursors = new int[rows];
        }
    }

    /** Room for {@code columns} floats in both rows; returns {@link #row}. */
    float[] rows(int columns) {
        if (row.length < columns) {
            row = new float[columns];
            otherRow = new float[columns];
        }
        return row;
    }

    /** {@link #row} with its first {@code columns} floats 0. */
    float[] zeroedRow(int columns) {
        Arrays.fill(rows(columns), 0, columns, 0);
        return row;
    }

    static WorkerScratch[] of(int workers) {
        WorkerScratch[] all = new WorkerScratch[workers];
        Arrays.setAll(all, worker -> new WorkerScratch());
        return all;
    }
}
