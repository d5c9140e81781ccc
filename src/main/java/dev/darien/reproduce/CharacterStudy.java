// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataException;
import dev.darien.data.Examples;
import dev.darien.eval.ExampleSet;
import dev.darien.eval.Scr;
import dev.darien.eval.SparseProbing;
import dev.darien.model.CollectOptions;
import dev.darien.model.Collector;
import dev.darien.model.OnnxModel;
import dev.darien.sae.Autoencoder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Concepts and spurious correlations that are known exactly: activations of the small language model on its own held-out
 * text, each labelled by characters of that text. What SAEBench's sets of articles and biographies are to large models.
 */
final class CharacterStudy implements AutoCloseable {
    static final List<Integer> PROBE_LATENTS = List.of(1, 2, 5);
    static final List<Integer> ABLATED = List.of(2, 5, 10, 20, 50, 100, 500);
    private static final int CONTEXT = 64;
    /** Of the tokens, for probing: neighbours hardly differ, and the random directions of all would fill the memory. */
    private static final int EVERY = 4;

    private static final int CLASSES = 5;
    private static final int FOLDS = 5;
    private static final String MAKER = "samples/ of the source tree has it";

    private final boolean quick;
    private final Path folder;
    private final Path file;
    private final String text;
    private final ActivationSource source;
    private final Map<String, Examples> concepts = new LinkedHashMap<>();
    private final Map<String, Examples[]> pairs = new LinkedHashMap<>();

    CharacterStudy(Experiment experiment) {
        this.quick = experiment.quick();
        Path written = experiment.file("samples", "tiny-lm-heldout.txt", MAKER);
        Path model = experiment.file("samples", "tiny-lm.onnx", MAKER);
        experiment.progress().accept("activations of the held-out text");
        try {
            this.text = Files.readString(written, StandardCharsets.UTF_8);
            this.folder = Files.createTempDirectory("darien-");
        } catch (IOException e) {
            throw new UncheckedIOException("the held-out text can't be read: " + e.getMessage(), e);
        }
        this.file = folder.resolve("heldout.safetensors");
        try (OnnxModel opened = OnnxModel.open(model)) {
            CollectOptions options =
                    CollectOptions.of("residual", List.of(written)).withSequences(CONTEXT, 0, false);
            new Collector(opened, options).collect(file, false, (done, share, seconds) -> true);
        }
        this.source = ActivationSources.open(List.of(file), ActivationSources.DEFAULT_TENSOR);
        if (text.length() <= source.rows()) {
            throw new DataException(written + " has " + text.length() + " characters for " + source.rows()
                    + " activations; each needs its own and the next one");
        }
        label();
    }

    private void label() {
        concepts.put("kind of the character", concept(at -> kind(text.charAt(at))));
        concepts.put("kind of the next character", concept(at -> kind(text.charAt(at + 1))));
        concepts.put("place in the word", concept(this::place));
        pairs.put(
                "vowel; next is a vowel",
                pair(this::isVowel, at -> isVowel(at + 1), at -> isLetter(at) && isLetter(at + 1)));
        pairs.put(
                "vowel; in the first half of the context",
                pair(this::isVowel, at -> at % CONTEXT < CONTEXT / 2, this::isLetter));
        pairs.put("vowel; starts a word", pair(this::isVowel, at -> !isLetter(at - 1), at -> at > 0 && isLetter(at)));
        pairs.put(
                "starts a word; next is a vowel",
                pair(at -> !isLetter(at - 1), at -> isVowel(at + 1), at -> at > 0 && isLetter(at) && isLetter(at + 1)));
    }

    private static String kind(char character) {
        if (Character.isUpperCase(character)) {
            return "upper case";
        }
        if (Character.isLetter(character)) {
            return "aeiou".indexOf(character) >= 0 ? "vowel" : "consonant";
        }
        return Character.isWhitespace(character) ? "space" : "punctuation";
    }

    private @Nullable String place(int at) {
        if (at == 0 || !isLetter(at)) {
            return null;
        }
        boolean first = !isLetter(at - 1);
        boolean last = !isLetter(at + 1);
        return first ? (last ? "only" : "first") : last ? "last" : "inside";
    }

    private boolean isLetter(int at) {
        return Character.isLetter(text.charAt(at));
    }

    private boolean isVowel(int at) {
        return "aeiou".indexOf(Character.toLowerCase(text.charAt(at))) >= 0;
    }

    private Examples concept(IntFunction<@Nullable String> label) {
        return examples(at -> at % EVERY == 0 ? label.apply(at) : null);
    }

    private Examples[] pair(IntPredicate wanted, IntPredicate spurious, IntPredicate counts) {
        return new Examples[] {
            examples(at -> counts.test(at) ? String.valueOf(wanted.test(at)) : null),
            examples(at -> counts.test(at) ? String.valueOf(spurious.test(at)) : null)
        };
    }

    /** An example for each token that has a label. */
    private Examples examples(IntFunction<@Nullable String> label) {
        int[] exampleOf = new int[Math.toIntExact(source.rows())];
        List<String> labels = new ArrayList<>();
        for (int token = 0; token < exampleOf.length; token++) {
            String text = label.apply(token);
            exampleOf[token] = text == null ? -1 : labels.size();
            if (text != null) {
                labels.add(text);
            }
        }
        return new Examples(exampleOf, labels);
    }

    /** Accuracy with few latents by their number, the mean over concepts and their classes. */
    Map<Integer, Double> probe(Autoencoder sae, long seed) {
        SparseProbing.Options options =
                new SparseProbing.Options(PROBE_LATENTS, FOLDS, CLASSES, quick ? 50 : 1000, seed);
        Map<Integer, Double> means = new LinkedHashMap<>();
        concepts.values().forEach(examples -> SparseProbing.of(ExampleSet.of(sae, source, examples), options)
                .accuracy()
                .getOrDefault("sae", Map.of())
                .forEach((number, accuracy) -> means.merge(number, accuracy / concepts.size(), Double::sum)));
        return means;
    }

    /** SCR by the number of latents taken away, the mean over the pairs of labels. */
    Map<Integer, Double> remove(Autoencoder sae, long seed) {
        Map<Integer, Double> means = new LinkedHashMap<>();
        pairs.values()
                .forEach(pair -> Scr.of(ExampleSet.of(sae, source, pair[0]), pair[1], quick ? 50 : 1000, ABLATED, seed)
                        .scores()
                        .getOrDefault("sae", Map.of())
                        .forEach((number, score) -> means.merge(number, score / pairs.size(), Double::sum)));
        return means;
    }

    /** What is told from what, and how many examples there are. */
    Results.Table table() {
        List<List<String>> rows = new ArrayList<>();
        concepts.forEach((name, examples) -> rows.add(List.of("concept", name, describe(examples))));
        pairs.forEach((name, pair) ->
                rows.add(List.of("pair of labels", name, describe(pair[0]) + "; " + describe(pair[1]))));
        return new Results.Table("Labels of the held-out text", List.of("for", "label", "examples"), rows);
    }

    private static String describe(Examples examples) {
        List<String> parts = new ArrayList<>();
        int[] sizes = examples.sizes();
        for (int label = 0; label < sizes.length; label++) {
            parts.add(String.format(Locale.ROOT, "%s %,d", examples.names().get(label), sizes[label]));
        }
        return String.join(", ", parts);
    }

    @Override
    public void close() {
        source.close();
        try {
            Files.deleteIfExists(file);
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            throw new UncheckedIOException("a temporary file can't be removed: " + e.getMessage(), e);
        }
    }
}
