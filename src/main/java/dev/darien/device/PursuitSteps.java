// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;

/**
 * The steps of a matching pursuit in their order, which its codes don't have: in column r those of row r. Steps after the
 * last have latent 0 and value 0.
 *
 * @param latents I32[steps, rows]
 * @param values F32[steps, rows], what each step added to its latent
 */
public record PursuitSteps(Matrix latents, Matrix values) implements AutoCloseable {
    public PursuitSteps {
        latents.require(DType.I32);
        values.require(DType.F32, latents.rows(), latents.columns());
    }

    /** Room for {@code steps} steps of {@code rows} rows. */
    public static PursuitSteps allocate(Allocator allocator, int steps, int rows) {
        Matrix latents = allocator.matrix("latents of steps", DType.I32, steps, rows);
        try {
            return new PursuitSteps(latents, allocator.matrix("values of steps", steps, rows));
        } catch (RuntimeException | Error e) {
            latents.close();
            throw e;
        }
    }

    @Override
    public void close() {
        values.close();
        latents.close();
    }
}
