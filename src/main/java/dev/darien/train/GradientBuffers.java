// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.LatentRows;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;

/**
 * Stored gradients of the weights, for runs whose step needs them before it is taken (clipping) or in parts.
 *
 * @param rows gradients
 * @param touched I32[1, F], which rows hold one
 * @param squaredNorm F64[1, 1]
 * @param scale F32[1, 1], what clipping multiplies by
 */
record GradientBuffers(LatentRows rows, Matrix touched, Matrix squaredNorm, Matrix scale) implements AutoCloseable {

    static GradientBuffers allocate(Allocator memory, int latents, int width, int outputWidth) {
        return new GradientBuffers(
                new LatentRows(
                        memory.matrix("encoder gradient", latents, width),
                        memory.matrix("decoder gradient", latents, outputWidth)),
                memory.matrix("touched", DType.I32, 1, latents),
                memory.matrix("squared gradient norm", DType.F64, 1, 1),
                memory.vector("gradient scale", 1));
    }

    @Override
    public void close() {
        rows.close();
        touched.close();
        squaredNorm.close();
        scale.close();
    }
}
