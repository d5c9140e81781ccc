// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;

/** A tensor F32[sequences, tokens, width] in memory that ONNX Runtime reads and writes where it is. */
final class HostTensor implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final Matrix rows;
    private final OnnxTensor tensor;

    HostTensor(OrtEnvironment environment, int sequences, int tokens, int width) {
        long elements = (long) sequences * tokens * width;
        MemorySegment memory = arena.allocate(elements * Float.BYTES, 64);
        this.rows = Matrix.of(memory, DType.F32, (long) sequences * tokens, width);
        try {
            this.tensor = OnnxTensor.createTensor(
                    environment,
                    memory.asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer(),
                    new long[] {sequences, tokens, width});
        } catch (OrtException e) {
            arena.close();
            throw new IllegalStateException("ONNX Runtime can't make a tensor of " + rows.shape(), e);
        }
    }

    /** Its elements, F32[sequences · tokens, width]. */
    Matrix rows() {
        return rows;
    }

    OnnxTensor tensor() {
        return tensor;
    }

    @Override
    public void close() {
        tensor.close();
        arena.close();
    }
}
