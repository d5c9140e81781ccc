// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Sequences that a model sees at once, padded to the longest, as the tensors that it takes. */
final class TokenBatch implements AutoCloseable {
    /** Unlike the sizes that models have. */
    private static final int TRIAL_LENGTH = 7;

    private final List<TokenSequence> sequences;
    private final int length;
    private final Map<String, OnnxTensor> tensors = new LinkedHashMap<>();

    TokenBatch(OrtEnvironment environment, ModelInputs inputs, List<TokenSequence> sequences) {
        this.sequences = sequences;
        this.length = sequences.stream().mapToInt(TokenSequence::length).max().orElseThrow();
        try {
            for (ModelInputs.Input input : inputs.all()) {
                tensors.put(input.type().name(), tensor(environment, input));
            }
        } catch (OrtException e) {
            close();
            throw new IllegalStateException(
                    "ONNX Runtime can't make a tensor of " + sequences.size() + " sequences", e);
        }
    }

    /** Two short sequences, to see which shapes a model's tensors have. */
    static TokenBatch trial(OrtEnvironment environment, ModelInputs inputs) {
        int length = inputs.fixedLength() > 0 ? inputs.fixedLength() : TRIAL_LENGTH;
        boolean[] kept = new boolean[length];
        Arrays.fill(kept, true);
        TokenSequence sequence = new TokenSequence(0, new int[length], new int[length], kept);
        return new TokenBatch(
                environment, inputs, inputs.fixedBatch() == 1 ? List.of(sequence) : List.of(sequence, sequence));
    }

    /** Whether a tensor of this shape holds a vector for each token. */
    boolean isHook(long[] shape) {
        return shape.length == 3 && shape[0] == sequences.size() && shape[1] == length && shape[2] > 1;
    }

    private OnnxTensor tensor(OrtEnvironment environment, ModelInputs.Input input) throws OrtException {
        long[] shape = {sequences.size(), length};
        boolean wide = input.type().type() == OnnxType.INT64;
        int elements = sequences.size() * length;
        ByteBuffer bytes = ByteBuffer.allocateDirect(elements * (wide ? Long.BYTES : Integer.BYTES))
                .order(ByteOrder.nativeOrder());
        LongBuffer longs = bytes.asLongBuffer();
        IntBuffer ints = bytes.asIntBuffer();
        for (int sequence = 0; sequence < sequences.size(); sequence++) {
            for (int position = 0; position < length; position++) {
                int value = value(sequences.get(sequence), position, input.role());
                if (wide) {
                    longs.put(value);
                } else {
                    ints.put(value);
                }
            }
        }
        return wide
                ? OnnxTensor.createTensor(environment, longs.flip(), shape)
                : OnnxTensor.createTensor(environment, ints.flip(), shape);
    }

    private static int value(TokenSequence sequence, int position, ModelInputs.Role role) {
        boolean token = position < sequence.length();
        return switch (role) {
            case IDS -> token ? sequence.id(position) : 0;
            case MASK -> token ? 1 : 0;
            case TYPES -> 0;
            case POSITIONS -> position;
            case TARGETS -> token ? Math.max(0, sequence.target(position)) : 0;
        };
    }

    List<TokenSequence> sequences() {
        return sequences;
    }

    /** Tokens of each sequence, padding included. */
    int length() {
        return length;
    }

    /** Inputs by name. */
    Map<String, OnnxTensor> tensors() {
        return tensors;
    }

    @Override
    public void close() {
        tensors.values().forEach(OnnxTensor::close);
        tensors.clear();
    }
}
