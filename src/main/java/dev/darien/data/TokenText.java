// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The text that activations were collected on: the tokens of a data file, with a vocabulary to spell them. */
public final class TokenText {
    private final long[] tokens;
    private final int[] sequences;
    private final List<String> vocabulary;
    private final boolean wordPiece;

    private TokenText(long[] tokens, int[] sequences, List<String> vocabulary) {
        this.tokens = tokens;
        this.sequences = sequences;
        this.vocabulary = vocabulary;
        this.wordPiece = vocabulary.contains("[CLS]");
    }

    /** A token with what stands before and behind it in its sequence. */
    public record Context(String before, String token, String after) {}

    /**
     * Reads the tensor {@code tokens} of safetensors files.
     *
     * @param files in the order of the activations
     * @param activations name of the activations' tensor
     * @param vocabulary JSON: an object with a list of tokens under {@code characters}, an object of token numbers by token,
     *     or a {@code tokenizer.json}
     * @throws DataException if there are no tokens, not one for each activation, or they aren't all in the vocabulary
     */
    public static TokenText read(List<Path> files, String activations, Path vocabulary) {
        List<String> words = vocabulary(vocabulary);
        long[] tokens = new long[0];
        int[] sequences = new int[0];
        for (Path file : files) {
            try (SafetensorsFile opened = SafetensorsFile.open(file);
                    TensorFile tensors = TensorFile.open(file)) {
                double[] values = tensors.tensor("tokens").values();
                int rows = Examples.tokens(opened, activations);
                if (values.length != rows) {
                    throw new DataException(file + ", tensor 'tokens' has " + values.length
                            + " elements, but there are " + rows + " activations; collect them together");
                }
                int before = tokens.length;
                tokens = Arrays.copyOf(tokens, before + rows);
                sequences = Arrays.copyOf(sequences, before + rows);
                int[] own = Examples.sequences(opened, tensors, activations, rows);
                for (int row = 0; row < rows; row++) {
                    tokens[before + row] = (long) values[row];
                    sequences[before + row] = own.length == 0 ? 0 : own[row];
                    if (values[row] < 0 || values[row] >= words.size()) {
                        throw new DataException(file + " holds token " + (long) values[row] + ", but " + vocabulary
                                + " has only " + words.size() + " tokens; give the vocabulary of the same model");
                    }
                }
            }
        }
        return new TokenText(tokens, sequences, words);
    }

    /**
     * Text of which each character is a token.
     *
     * @param context characters in each sequence
     * @throws DataException if it can't be read
     */
    public static TokenText characters(Path text, int context) {
        String read = String.join("\n", Examples.lines(text));
        Map<Integer, Integer> numbers = new LinkedHashMap<>();
        int[] characters = read.codePoints().toArray();
        long[] tokens = new long[characters.length];
        int[] sequences = new int[characters.length];
        for (int at = 0; at < characters.length; at++) {
            numbers.putIfAbsent(characters[at], numbers.size());
            tokens[at] = numbers.get(characters[at]);
            sequences[at] = at / context;
        }
        return new TokenText(
                tokens,
                sequences,
                numbers.keySet().stream().map(Character::toString).toList());
    }

    private static List<String> vocabulary(Path file) {
        Map<String, Object> json = JsonFile.read(file);
        Object model = json.get("model");
        Object vocabulary = model instanceof Map<?, ?> map && map.containsKey("vocab")
                ? map.get("vocab")
                : json.containsKey("characters") ? json.get("characters") : json;
        List<String> words = new ArrayList<>();
        if (vocabulary instanceof List<?> list) {
            // Tokens, or pairs of a token and its score.
            list.forEach(entry -> words.add(
                    String.valueOf(entry instanceof List<?> pair && !pair.isEmpty() ? pair.getFirst() : entry)));
        } else if (vocabulary instanceof Map<?, ?> numbers) {
            int most = mostTokens(numbers.size());
            numbers.forEach((word, number) -> put(words, word, number, most));
        }
        if (json.get("added_tokens") instanceof List<?> added) {
            int most = mostTokens(words.size() + added.size());
            added.forEach(entry -> {
                if (entry instanceof Map<?, ?> token) {
                    put(words, token.get("content"), token.get("id"), most);
                }
            });
        }
        if (words.isEmpty()) {
            throw new DataException(file + " holds no vocabulary; characters, token numbers by token, or a"
                    + " tokenizer.json was expected");
        }
        return words;
    }

    /** A number far beyond that of the tokens would only fill memory: so many are bearable whatever the file's size. */
    private static int mostTokens(int listed) {
        return Math.max(1 << 16, listed > 1 << 20 ? 1 << 24 : 16 * listed);
    }

    private static void put(List<String> words, @Nullable Object word, @Nullable Object number, int most) {
        if (word != null && number instanceof Integer id && id >= 0 && id < most) {
            while (words.size() <= id) {
                words.add("");
            }
            words.set(id, String.valueOf(word));
        }
    }

    /** Number of tokens. */
    public long tokens() {
        return tokens.length;
    }

    /** Token {@code row} and up to {@code reach} tokens of its sequence on either side. */
    public Context context(long row, int reach) {
        int at = Math.toIntExact(row);
        StringBuilder before = new StringBuilder();
        StringBuilder after = new StringBuilder();
        for (int near = Math.max(0, at - reach); near < at; near++) {
            if (sequences[near] == sequences[at]) {
                before.append(spelled(near));
            }
        }
        for (int near = at + 1; near <= Math.min(tokens.length - 1, at + reach); near++) {
            if (sequences[near] == sequences[at]) {
                after.append(spelled(near));
            }
        }
        return new Context(before.toString(), spelled(at), after.toString());
    }

    /** Spaces as byte-level and SentencePiece vocabularies write them, and WordPiece's continuations. */
    private String spelled(int at) {
        String word = vocabulary.get((int) tokens[at]);
        if (word.startsWith("##")) {
            return word.substring(2);
        }
        if (word.length() == 1) {
            return word.equals("\u0120") || word.equals("\u2581") ? " " : word;
        }
        String spaced = word.replace('\u0120', ' ').replace('\u2581', ' ').replace('\u010a', '\n');
        return wordPiece ? " " + spaced : spaced;
    }
}
