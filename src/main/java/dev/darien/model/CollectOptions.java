// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.memory.DType;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What to collect from a model.
 *
 * @param hook name of the tensor, F32[sequences, tokens, d]
 * @param texts files in UTF-8, read in this order
 * @param tokenizer the model's own; null for the one that lies beside it
 * @param gradients a model that computes the loss's gradient at the hook from the hook and the next tokens; null for none
 * @param context tokens in each sequence, into which all text is cut as one stream, without special tokens; 0 for one
 *     sequence a line, or what the model demands
 * @param maxLength tokens that are kept of a line, special ones included; 0 for what the tokenizer says
 * @param batch most sequences that the model sees at once
 * @param threads that run the model, each on batches of its own
 * @param dtype how activations are stored: F32, F16 or BF16
 * @param tokens how many activations are wanted; {@link Long#MAX_VALUE} for those of all text
 * @param shardTokens about how many activations a file holds, and memory twice
 * @param specialTokens whether activations at special tokens ([CLS], [SEP]) are collected too
 */
public record CollectOptions(
        String hook,
        List<Path> texts,
        @Nullable Path tokenizer,
        @Nullable Path gradients,
        int context,
        int maxLength,
        int batch,
        int threads,
        DType dtype,
        long tokens,
        int shardTokens,
        boolean specialTokens) {
    /** What {@link #maxLength} is where the tokenizer doesn't say. */
    static final int MAX_LENGTH = 512;

    private static final int BATCH = 32;
    private static final int SHARD_TOKENS = 1 << 16;

    /** @throws IllegalArgumentException if a number is out of range */
    public CollectOptions {
        texts = List.copyOf(texts);
        if (texts.isEmpty()) {
            throw new IllegalArgumentException("name at least one file of text");
        }
        atLeast("context", context, 0);
        atLeast("maxLength", maxLength, 0);
        atLeast("batch", batch, 1);
        atLeast("threads", threads, 1);
        atLeast("tokens", tokens, 1);
        atLeast("shardTokens", shardTokens, 1);
        if (dtype != DType.F32 && dtype != DType.F16 && dtype != DType.BF16) {
            throw new IllegalArgumentException("activations are stored as F32, F16 or BF16, not " + dtype);
        }
    }

    private static void atLeast(String name, long value, long least) {
        if (value < least) {
            throw new IllegalArgumentException(name + " must be at least " + least + ", not " + value);
        }
    }

    /** The defaults: line by line, all text, F32, a thread for each core. */
    public static CollectOptions of(String hook, List<Path> texts) {
        return new CollectOptions(
                hook,
                texts,
                null,
                null,
                0,
                0,
                BATCH,
                Runtime.getRuntime().availableProcessors(),
                DType.F32,
                Long.MAX_VALUE,
                SHARD_TOKENS,
                false);
    }

    /** With another tokenizer. */
    public CollectOptions withTokenizer(@Nullable Path file) {
        return new CollectOptions(
                hook,
                texts,
                file,
                gradients,
                context,
                maxLength,
                batch,
                threads,
                dtype,
                tokens,
                shardTokens,
                specialTokens);
    }

    /** With other sequences. */
    public CollectOptions withSequences(int newContext, int newMaxLength, boolean newSpecialTokens) {
        return new CollectOptions(
                hook,
                texts,
                tokenizer,
                gradients,
                newContext,
                newMaxLength,
                batch,
                threads,
                dtype,
                tokens,
                shardTokens,
                newSpecialTokens);
    }

    /** With gradients. */
    public CollectOptions withGradients(@Nullable Path model) {
        return new CollectOptions(
                hook,
                texts,
                tokenizer,
                model,
                context,
                maxLength,
                batch,
                threads,
                dtype,
                tokens,
                shardTokens,
                specialTokens);
    }

    /** With another way to run the model. */
    public CollectOptions withBatch(int newBatch, int newThreads) {
        return new CollectOptions(
                hook,
                texts,
                tokenizer,
                gradients,
                context,
                maxLength,
                newBatch,
                newThreads,
                dtype,
                tokens,
                shardTokens,
                specialTokens);
    }

    /** With another form of storage. */
    public CollectOptions withStorage(DType newDtype, long newTokens, int newShardTokens) {
        return new CollectOptions(
                hook,
                texts,
                tokenizer,
                gradients,
                context,
                maxLength,
                batch,
                threads,
                newDtype,
                newTokens,
                newShardTokens,
                specialTokens);
    }
}
