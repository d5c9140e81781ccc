// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A {@code tokenizer.json}: which tokens there are. Needs no library. */
public final class TokenizerFile {
    private static final int LONGEST_VOCABULARY = 1 << 24;
    /** Room for so many tokens is made whatever the file says. */
    private static final int ALWAYS_ALLOWED = 1 << 16;
    /** Numbers have gaps, but not such that only one in so many is used. */
    private static final int WIDEST_GAPS = 16;

    private final Path path;
    private final List<String> tokens;
    private final int maxLength;

    private TokenizerFile(Path path, List<String> tokens, int maxLength) {
        this.path = path;
        this.tokens = tokens;
        this.maxLength = maxLength;
    }

    /**
     * Reads the vocabulary.
     *
     * @throws DataException if the file is no tokenizer.json
     */
    public static TokenizerFile open(Path path) {
        Map<String, Object> json = JsonFile.read(path);
        if (!(json.get("model") instanceof Map<?, ?> model)) {
            throw new DataException(path + " is no tokenizer.json: it has no 'model'; name the file that the model's"
                    + " tokenizer was saved as");
        }
        String[] tokens = new String[0];
        int most = most(model.get("vocab"), json.get("added_tokens"));
        if (model.get("vocab") instanceof Map<?, ?> vocabulary) {
            for (Map.Entry<?, ?> entry : vocabulary.entrySet()) {
                tokens = put(path, tokens, entry.getValue(), String.valueOf(entry.getKey()), most);
            }
        } else if (model.get("vocab") instanceof List<?> pieces) {
            // Unigram: pairs of a piece and its score, numbered as they come.
            for (int i = 0; i < pieces.size(); i++) {
                if (pieces.get(i) instanceof List<?> pair && !pair.isEmpty()) {
                    tokens = put(path, tokens, i, String.valueOf(pair.getFirst()), LONGEST_VOCABULARY);
                }
            }
        }
        if (json.get("added_tokens") instanceof List<?> added) {
            for (Object token : added) {
                if (token instanceof Map<?, ?> entry) {
                    tokens = put(path, tokens, entry.get("id"), String.valueOf(entry.get("content")), most);
                }
            }
        }
        if (tokens.length == 0) {
            throw new DataException(path + " is no tokenizer.json that can be used: its vocabulary is empty");
        }
        int longest = json.get("truncation") instanceof Map<?, ?> truncation
                        && truncation.get("max_length") instanceof Integer length
                ? length
                : 0;
        return new TokenizerFile(path, List.of(withoutGaps(tokens)), longest);
    }

    /** Above which number none is believed. */
    private static int most(@Nullable Object vocabulary, @Nullable Object added) {
        long listed = vocabulary instanceof Map<?, ?> map
                ? map.size()
                : vocabulary instanceof List<?> pieces ? pieces.size() : 0;
        listed += added instanceof List<?> more ? more.size() : 0;
        return Math.clamp(listed * WIDEST_GAPS, ALWAYS_ALLOWED, LONGEST_VOCABULARY);
    }

    private static String[] put(Path path, String[] tokens, @Nullable Object number, String text, int most) {
        if (!(number instanceof Integer id) || id < 0 || id >= most) {
            throw new DataException(
                    path + " is no tokenizer.json that can be used: the token '" + text + "' has the number " + number);
        }
        String[] room = id < tokens.length ? tokens : Arrays.copyOf(tokens, Math.max(id + 1, 2 * tokens.length));
        room[id] = text;
        return room;
    }

    private static String[] withoutGaps(@Nullable String[] tokens) {
        int length = tokens.length;
        while (tokens[length - 1] == null) {
            length--;
        }
        return Stream.of(Arrays.copyOf(tokens, length))
                .map(token -> token == null ? "" : token)
                .toArray(String[]::new);
    }

    /**
     * The tokenizer that lies beside a model: {@code tokenizer.json}, or {@code NAME-tokenizer.json} for
     * {@code NAME.onnx}.
     *
     * @throws DataException if there is none
     */
    public static TokenizerFile beside(Path model) {
        String name = String.valueOf(model.getFileName()).replaceFirst("\\.onnx$", "");
        List<Path> places = new ArrayList<>();
        places.add(model.resolveSibling(name + "-tokenizer.json"));
        places.add(model.resolveSibling("tokenizer.json"));
        Path parent = model.toAbsolutePath().getParent();
        if (parent != null && parent.getParent() != null) {
            // Exports often lie in a folder onnx/ of the model's own.
            places.add(parent.getParent().resolve("tokenizer.json"));
        }
        for (Path place : places) {
            if (Files.exists(place)) {
                return open(place);
            }
        }
        throw new DataException(
                "no tokenizer lies beside " + model + " (" + places.getFirst().getFileName() + " or "
                        + "tokenizer.json); name the model's tokenizer.json with --tokenizer");
    }

    /** The file that was read. */
    public Path path() {
        return path;
    }

    /** Texts of all tokens by number; empty for numbers that aren't used. */
    public List<String> tokens() {
        return tokens;
    }

    /** To how many tokens the tokenizer cuts texts by itself; 0 if it doesn't. */
    public int maxLength() {
        return maxLength;
    }
}
