// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import ai.onnxruntime.OnnxTensor;
import dev.darien.memory.Matrix;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Sequences with their activations at a hook, and what else the rest of the model needs for them.
 *
 * @param sequences all padded to one length
 * @param hook activations F32[sequences, tokens, d]
 * @param others further inputs of the suffix
 * @param gradients of the loss by the activations that count, F32[rows, d], where the data has them
 * @param owner gives back what {@code hook} and {@code others} lie in
 */
record HookedBatch(
        List<TokenSequence> sequences,
        HostTensor hook,
        Map<String, OnnxTensor> others,
        @Nullable Matrix gradients,
        Runnable owner)
        implements AutoCloseable {
    /** Tokens of each sequence, padding included. */
    int length() {
        return hook.rows().intRows() / sequences.size();
    }

    /** How many positions count. */
    int rows() {
        return sequences.stream().mapToInt(TokenSequence::rows).sum();
    }

    /** Copies the positions that count out of the activations {@code from}. */
    void gather(Matrix from, Matrix rows) {
        move(from, rows, true);
    }

    /** Puts the positions that count back into {@code to}. */
    void scatter(Matrix rows, Matrix to) {
        move(to, rows, false);
    }

    private void move(Matrix all, Matrix rows, boolean out) {
        int row = 0;
        int length = length();
        for (int i = 0; i < sequences.size(); i++) {
            TokenSequence sequence = sequences.get(i);
            for (int position = 0; position < sequence.length(); position++) {
                if (sequence.isKept(position)) {
                    Matrix one = all.slice((long) i * length + position, 1);
                    Matrix other = rows.slice(row++, 1);
                    if (out) {
                        other.copyFrom(one);
                    } else {
                        one.copyFrom(other);
                    }
                }
            }
        }
    }

    @Override
    public void close() {
        owner.run();
    }
}
