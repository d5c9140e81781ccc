// SPDX-License-Identifier: Apache-2.0
package dev.darien.examples.minilm;

import dev.darien.data.SafetensorsFile;
import dev.darien.memory.Matrix;
import java.nio.file.Path;
import java.util.List;

/** Collected activations with the tokens that they belong to. */
final class Tokens implements AutoCloseable {
    private static final int AROUND = 9;

    private final SafetensorsFile file;
    private final Matrix activations;
    private final Matrix ids;
    private final Matrix texts;

    Tokens(Path path) {
        file = SafetensorsFile.open(path);
        activations = file.matrix("activations");
        ids = file.matrix("tokens");
        texts = file.matrix("sequences");
    }

    int count() {
        return activations.intRows();
    }

    int width() {
        return activations.columns();
    }

    /** Activations of {@code count} tokens from {@code first}. */
    Matrix activations(int first, int count) {
        return activations.slice(first, count);
    }

    /** Number of the line that a token is of. */
    int text(int token) {
        return (int) texts.getLong(0, token);
    }

    /** A token among its neighbours. */
    String inContext(int token, List<String> vocabulary) {
        StringBuilder text = new StringBuilder();
        for (int i = Math.max(0, token - AROUND); i < Math.min(count(), token + AROUND); i++) {
            if (text(i) == text(token)) {
                String piece = vocabulary.get((int) ids.getLong(0, i));
                boolean goesOn = piece.startsWith("##");
                text.append(goesOn || text.isEmpty() ? "" : " ");
                String plain = goesOn ? piece.substring(2) : piece;
                text.append(i == token ? "[" + plain + "]" : plain);
            }
        }
        return text.toString();
    }

    @Override
    public void close() {
        file.close();
    }
}
