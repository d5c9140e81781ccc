// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.DataException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Text as the sequences that a model sees: each line one text of its own, or all text as one stream in stretches of a
 * fixed number of tokens.
 */
final class SequenceReader implements AutoCloseable {
    private final TextBlocks blocks;
    private final TextTokenizer tokenizer;
    private final int context;
    private final boolean keepSpecial;
    private int[] stream = new int[1 << 16];
    private int streamed;
    private long lines;
    private long sequences;
    private long skipped;

    /**
     * Opens texts for a model.
     *
     * @param longest to which texts are cut, for texts line by line
     * @param context tokens in a stretch; 0 for texts line by line
     * @throws DataException if a file can't be read or the tokenizer can't be the model's
     */
    SequenceReader(
            List<Path> texts,
            TokenizerFile file,
            OptionalLong vocabulary,
            int longest,
            int context,
            boolean keepSpecial) {
        requireMatch(file, vocabulary);
        this.context = context;
        this.keepSpecial = keepSpecial;
        this.blocks = new TextBlocks(texts);
        this.tokenizer = TextTokenizer.open(file, context > 0 ? 0 : longest);
    }

    /** A table has at least a row for each token; models pad theirs a little, never to double. */
    private static void requireMatch(TokenizerFile file, OptionalLong vocabulary) {
        int tokens = file.tokens().size();
        if (vocabulary.isPresent() && (tokens > vocabulary.getAsLong() || 2L * tokens < vocabulary.getAsLong())) {
            throw new DataException(file.path() + " has " + tokens + " tokens, but the model's table of tokens has "
                    + vocabulary.getAsLong() + " rows; name the tokenizer that belongs to the model with --tokenizer");
        }
    }

    /** Further sequences; none at the end. */
    List<TokenSequence> next() {
        List<TokenSequence> found = new ArrayList<>();
        while (found.isEmpty()) {
            @Nullable String block = blocks.next();
            if (block == null) {
                return found;
            }
            if (context > 0) {
                stretches(block, found);
            } else {
                texts(block, found);
            }
        }
        sequences += found.size();
        return found;
    }

    private void texts(String block, List<TokenSequence> found) {
        List<String> texts = new ArrayList<>();
        List<Long> numbers = new ArrayList<>();
        for (String line : block.lines().toList()) {
            if (!line.isBlank()) {
                texts.add(line);
                numbers.add(lines);
            }
            lines++;
        }
        if (texts.isEmpty()) {
            return;
        }
        List<TokenSequence> encoded = tokenizer.encode(texts, numbers, keepSpecial);
        for (TokenSequence sequence : encoded) {
            if (sequence.rows() > 0) {
                found.add(sequence);
            } else {
                skipped++;
            }
        }
    }

    private void stretches(String block, List<TokenSequence> found) {
        long[] ids = tokenizer.ids(block);
        if (streamed + ids.length > stream.length) {
            stream = Arrays.copyOf(stream, Math.max(2 * stream.length, streamed + ids.length));
        }
        for (long id : ids) {
            stream[streamed++] = Math.toIntExact(id);
        }
        boolean[] kept = new boolean[context];
        Arrays.fill(kept, true);
        int start = 0;
        // One more, which the last token's target is.
        while (start + context + 1 <= streamed) {
            found.add(new TokenSequence(
                    sequences + found.size(),
                    Arrays.copyOfRange(stream, start, start + context),
                    Arrays.copyOfRange(stream, start + 1, start + context + 1),
                    kept));
            start += context;
        }
        System.arraycopy(stream, start, stream, 0, streamed - start);
        streamed -= start;
    }

    /** How much of the text has been read, from 0 to 1. */
    double share() {
        return blocks.share();
    }

    /** Texts without a token that counts. */
    long skipped() {
        return skipped;
    }

    /** Texts that were longer than the longest. */
    long truncated() {
        return tokenizer.truncated();
    }

    @Override
    public void close() {
        tokenizer.close();
        blocks.close();
    }
}
