// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.darien.data.DataException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** A model's own tokenizer, by DJL's tokenizers. */
final class TextTokenizer implements AutoCloseable {
    private final HuggingFaceTokenizer tokenizer;
    private long truncated;

    private TextTokenizer(HuggingFaceTokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /**
     * Loads a tokenizer.
     *
     * @param longest to which texts are cut, special tokens included; 0 for no cutting and no special tokens
     * @throws DataException if the file holds no tokenizer, or the native library can't be loaded
     */
    static TextTokenizer open(TokenizerFile file, int longest) {
        stayLocal();
        try {
            HuggingFaceTokenizer.Builder builder = HuggingFaceTokenizer.builder()
                    .optTokenizerPath(file.path())
                    .optPadding(false)
                    .optTruncation(longest > 0)
                    .optAddSpecialTokens(longest > 0);
            if (longest > 0) {
                builder.optMaxLength(longest);
            }
            return new TextTokenizer(builder.build());
        } catch (IOException | RuntimeException e) {
            throw new DataException(file.path() + " can't be used as a tokenizer: " + firstLine(e), e);
        } catch (UnsatisfiedLinkError | NoClassDefFoundError | ExceptionInInitializerError e) {
            throw new DataException(
                    "the native library of DJL's tokenizers can't be loaded (" + firstLine(e)
                            + "); it unpacks into DJL_CACHE_DIR, by default .djl.ai in the home folder",
                    e);
        }
    }

    /** DJL would ask the network for a library for GPUs, and whether it runs on Amazon's machines to report that. */
    private static void stayLocal() {
        setUnlessSet("ai.djl.offline", "true");
        setUnlessSet("OPT_OUT_TRACKING", "true");
        setUnlessSet("RUST_FLAVOR", "cpu");
    }

    private static void setUnlessSet(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    private static String firstLine(Throwable e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("it gave no reason");
    }

    /** Tokens of each text, as a sequence of the number that stands at the same place in {@code numbers}. */
    List<TokenSequence> encode(List<String> texts, List<Long> numbers, boolean keepSpecial) {
        Encoding[] encodings = tokenizer.batchEncode(texts);
        List<TokenSequence> sequences = new ArrayList<>(encodings.length);
        for (int i = 0; i < encodings.length; i++) {
            truncated += encodings[i].exceedMaxLength() ? 1 : 0;
            sequences.add(sequence(encodings[i], numbers.get(i), keepSpecial));
        }
        return sequences;
    }

    private static TokenSequence sequence(Encoding encoding, long number, boolean keepSpecial) {
        long[] ids = encoding.getIds();
        long[] special = encoding.getSpecialTokenMask();
        int[] tokens = new int[ids.length];
        int[] targets = new int[ids.length];
        boolean[] kept = new boolean[ids.length];
        for (int i = 0; i < ids.length; i++) {
            tokens[i] = Math.toIntExact(ids[i]);
            targets[i] = i + 1 < ids.length ? Math.toIntExact(ids[i + 1]) : -1;
            kept[i] = keepSpecial || special[i] == 0;
        }
        return new TokenSequence(number, tokens, targets, kept);
    }

    /** How many texts were cut. */
    long truncated() {
        return truncated;
    }

    /** Numbers of the tokens of a text. */
    long[] ids(String text) {
        return tokenizer.encode(text).getIds();
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}
