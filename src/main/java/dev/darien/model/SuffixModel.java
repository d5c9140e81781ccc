// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtSession;
import dev.darien.data.DataException;
import java.nio.FloatBuffer;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/** The rest of a model behind a hook, and which of its outputs says how well it still works. */
final class SuffixModel implements AutoCloseable {
    /** What is measured. */
    enum Kind {
        /** Predictions of the next token, F32[sequences, tokens, vocabulary]. */
        LOGITS,
        /** The loss of each token, F32[sequences, tokens], from a model that keeps its predictions to itself. */
        LOSS,
        /** A vector for each token or each text. */
        EMBEDDING
    }

    /**
     * The output for one batch.
     *
     * @param values its numbers
     * @param dimensions how many it has: 3 if there is a vector for each token
     */
    record Output(FloatBuffer values, int dimensions) {}

    private final OnnxSession session;
    private final String hook;
    private final Kind kind;
    private final OnnxType output;

    /**
     * Takes ownership of {@code session}.
     *
     * @param hook the input that takes activations
     * @param vocabulary tokens of the model, if that is known
     * @throws DataException if it returns nothing that can be measured
     */
    SuffixModel(OnnxSession session, String hook, OptionalLong vocabulary) {
        this.session = session;
        this.hook = hook;
        Optional<OnnxType> logits = floats().filter(
                        type -> type.name().toLowerCase(Locale.ROOT).contains("logits") || isWide(type, vocabulary))
                .findFirst();
        Optional<OnnxType> loss = floats().filter(
                        type -> type.name().toLowerCase(Locale.ROOT).contains("loss")
                                && type.sizes().size() == 2)
                .findFirst();
        // A sentence's own embedding before those of its tokens.
        Optional<OnnxType> embedding = floats().filter(
                        type -> !type.name().toLowerCase(Locale.ROOT).contains("loss"))
                .min(Comparator.comparing(
                        (OnnxType type) -> !type.name().toLowerCase(Locale.ROOT).contains("sentence")));
        if (logits.isPresent()) {
            this.kind = Kind.LOGITS;
            this.output = logits.get();
        } else if (loss.isPresent()) {
            this.kind = Kind.LOSS;
            this.output = loss.get();
        } else if (embedding.isPresent()) {
            this.kind = Kind.EMBEDDING;
            this.output = embedding.get();
        } else {
            session.close();
            throw new DataException(session.what()
                    + " returns neither logits nor a loss nor embeddings (F32), so nothing can be measured of it");
        }
    }

    private Stream<OnnxType> floats() {
        return session.outputs().values().stream().filter(type -> type.type() == OnnxType.FLOAT);
    }

    private static boolean isWide(OnnxType type, OptionalLong vocabulary) {
        return vocabulary.isPresent()
                && type.sizes().size() == 3
                && type.sizes().getLast() == vocabulary.getAsLong();
    }

    OnnxSession session() {
        return session;
    }

    Kind kind() {
        return kind;
    }

    /** Numbers that the output has for each token; 1 if it isn't known. */
    long outputsPerToken() {
        return kind == Kind.LOGITS
                ? Math.max(1, output.sizes().isEmpty() ? 1 : output.sizes().getLast())
                : 1;
    }

    /**
     * Runs it.
     *
     * @param activations in the hook's place
     */
    Output run(HookedBatch batch, OnnxTensor activations) {
        Map<String, OnnxTensor> inputs = new LinkedHashMap<>(batch.others());
        inputs.put(hook, activations);
        try (OrtSession.Result result = session.run(inputs, Map.of())) {
            OnnxTensor tensor = (OnnxTensor) result.get(output.name()).orElseThrow();
            return new Output(tensor.getFloatBuffer(), tensor.getInfo().getShape().length);
        }
    }

    @Override
    public void close() {
        session.close();
    }
}
