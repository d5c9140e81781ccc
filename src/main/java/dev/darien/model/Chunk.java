// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.DataException;
import dev.darien.data.SafetensorsWriter;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The activations of one file before it is written. Each sequence has its place, so that batches may be of any order and
 * from several threads at once.
 */
final class Chunk implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final List<TokenSequence> sequences;
    private final int[] firstRow;
    private final Matrix activations;
    private final @Nullable Matrix gradients;

    Chunk(List<TokenSequence> sequences, int width, DType dtype, boolean withGradients) {
        this.sequences = sequences;
        this.firstRow = new int[sequences.size() + 1];
        for (int i = 0; i < sequences.size(); i++) {
            firstRow[i + 1] = firstRow[i] + sequences.get(i).rows();
        }
        this.activations = matrix(dtype, rows(), width);
        this.gradients = withGradients ? matrix(dtype, rows(), width) : null;
    }

    private Matrix matrix(DType dtype, int rows, int columns) {
        return Matrix.of(arena.allocate(Math.max(1, (long) rows * columns * dtype.bytes())), dtype, rows, columns);
    }

    int rows() {
        return firstRow[sequences.size()];
    }

    List<TokenSequence> sequences() {
        return sequences;
    }

    /**
     * Numbers of sequences that are to be run together: of like length, so that little is padded, or of the same where
     * padding can't be marked.
     */
    List<List<Integer>> batches(int most, boolean padding) {
        List<Integer> order = IntStream.range(0, sequences.size())
                .boxed()
                .sorted(Comparator.comparingInt(i -> sequences.get(i).length()))
                .toList();
        List<List<Integer>> batches = new ArrayList<>();
        List<Integer> batch = new ArrayList<>();
        for (int i : order) {
            boolean unlike = !batch.isEmpty()
                    && !padding
                    && sequences.get(batch.getFirst()).length()
                            != sequences.get(i).length();
            if (batch.size() == most || unlike) {
                batches.add(batch);
                batch = new ArrayList<>();
            }
            batch.add(i);
        }
        if (!batch.isEmpty()) {
            batches.add(batch);
        }
        return batches;
    }

    /**
     * Puts what the model computed into its place.
     *
     * @param batch numbers of the sequences that were run together
     * @param computed F32[sequences · tokens, width]
     * @param what for messages
     * @throws DataException if a number is beyond what the type of storage holds
     */
    void put(List<Integer> batch, Matrix computed, @Nullable Matrix computedGradients, String what) {
        int tokens = computed.intRows() / batch.size();
        for (int i = 0; i < batch.size(); i++) {
            TokenSequence sequence = sequences.get(batch.get(i));
            int row = firstRow[batch.get(i)];
            for (int position = 0; position < sequence.length(); position++) {
                if (sequence.isKept(position)) {
                    copy(computed, (long) i * tokens + position, activations, row, what);
                    if (gradients != null && computedGradients != null) {
                        copy(
                                computedGradients,
                                (long) i * tokens + position,
                                gradients,
                                row,
                                "the gradient of " + what);
                    }
                    row++;
                }
            }
        }
    }

    private static void copy(Matrix from, long fromRow, Matrix to, int toRow, String what) {
        long source = from.rowOffset(fromRow);
        long target = to.rowOffset(toRow);
        int width = to.columns();
        if (to.dtype() == DType.F32) {
            MemorySegment.copy(from.segment(), source, to.segment(), target, (long) width * Float.BYTES);
            return;
        }
        boolean half = to.dtype() == DType.F16;
        for (int i = 0; i < width; i++) {
            float value = from.segment().get(Matrix.FLOAT, source + (long) i * Float.BYTES);
            short stored = half ? Float.floatToFloat16(value) : DType.floatToBfloat16(value);
            if (half && Float.isFinite(value) && (stored & 0x7C00) == 0x7C00) {
                throw new DataException(
                        what + " reaches " + value + ", beyond what f16 holds; collect it as f32 or bf16");
            }
            to.segment().set(Matrix.SHORT, target + (long) i * Short.BYTES, stored);
        }
    }

    /** Adds what was collected, and which tokens it belongs to. */
    void write(SafetensorsWriter writer, Path file) {
        Matrix tokens = matrix(DType.I32, 1, rows());
        Matrix targets = matrix(DType.I32, 1, rows());
        Matrix numbers = matrix(DType.I32, 1, rows());
        int row = 0;
        for (TokenSequence sequence : sequences) {
            for (int position = 0; position < sequence.length(); position++) {
                if (sequence.isKept(position)) {
                    tokens.setLong(0, row, sequence.id(position));
                    targets.setLong(0, row, sequence.target(position));
                    numbers.setLong(0, row, sequence.number());
                    row++;
                }
            }
        }
        writer.tensor("activations", activations);
        if (gradients != null) {
            writer.tensor("gradients", gradients);
        }
        writer.tensor("tokens", tokens, rows())
                .tensor("targets", targets, rows())
                .tensor("sequences", numbers, rows())
                .write(file);
    }

    @Override
    public void close() {
        arena.close();
    }
}
