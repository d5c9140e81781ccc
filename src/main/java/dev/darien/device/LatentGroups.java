// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;

/**
 * The entries of sparse codes grouped by latent (compressed columns): those of latent j are
 * {@code offsets[j] … offsets[j+1]-1}, in ascending order of row, so that sums over a group have one fixed order.
 *
 * @param offsets I32[1, F + 1]
 * @param rows I32[1, capacity], the row of each grouped entry
 * @param entries I32[1, capacity], its place in the codes
 */
public record LatentGroups(Matrix offsets, Matrix rows, Matrix entries) implements AutoCloseable {
    public LatentGroups {
        offsets.require(DType.I32);
        rows.require(DType.I32);
        entries.require(DType.I32);
    }

    /** Groups for codes of {@code latents} latents with at most {@code capacity} entries. */
    public static LatentGroups allocate(Allocator allocator, int latents, int capacity) {
        return new LatentGroups(
                allocator.matrix("group offsets", DType.I32, 1, latents + 1),
                allocator.matrix("group rows", DType.I32, 1, capacity),
                allocator.matrix("group entries", DType.I32, 1, capacity));
    }

    public int latents() {
        return offsets.columns() - 1;
    }

    /** The first grouped entry of {@code latent}; {@code start(latents())} is their number. */
    public int start(int latent) {
        return offsets.segment().get(Matrix.INT, (long) latent * Integer.BYTES);
    }

    /** Row of grouped entry {@code at}. */
    public int row(int at) {
        return rows.segment().get(Matrix.INT, (long) at * Integer.BYTES);
    }

    /** Place in the codes of grouped entry {@code at}. */
    public int entry(int at) {
        return entries.segment().get(Matrix.INT, (long) at * Integer.BYTES);
    }

    @Override
    public void close() {
        offsets.close();
        rows.close();
        entries.close();
    }
}
