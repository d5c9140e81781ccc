// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.PackedEncoder;
import dev.darien.device.Precision;
import dev.darien.device.Shapes;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/**
 * What the encode kernels multiply with: in single precision the weights themselves, where they lie, since a GPU needs no
 * other layout; with {@link Precision#BF16} a rounded copy.
 */
final class CudaEncoder implements PackedEncoder {
    private final int latents;
    private final int width;
    private final @Nullable Matrix rounded;
    private @Nullable Matrix weights;
    private @Nullable Matrix bias;
    private boolean closed;

    CudaEncoder(Allocator memory, int latents, int width, Precision precision) {
        Shapes.encoderSize(latents, width);
        this.latents = latents;
        this.width = width;
        this.rounded = precision == Precision.BF16
                ? memory.matrix("rounded encoder weights", DType.BF16, latents, width)
                : null;
    }

    void pack(Matrix wEnc, Matrix bEnc) {
        requireOpen();
        weights = wEnc;
        bias = bEnc;
    }

    Matrix weights() {
        return packed(weights);
    }

    Matrix bias() {
        return packed(bias);
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("this encoder of " + latents + " latents is closed");
        }
    }

    private Matrix packed(@Nullable Matrix matrix) {
        requireOpen();
        if (matrix == null) {
            throw new IllegalStateException("an encoder must be packed with weights before it can encode");
        }
        return matrix;
    }

    /** The copy in bfloat16, if there is one. */
    @Nullable
    Matrix rounded() {
        return rounded;
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
    public void close() {
        closed = true;
        weights = null;
        bias = null;
        if (rounded != null) {
            rounded.close();
        }
    }
}
