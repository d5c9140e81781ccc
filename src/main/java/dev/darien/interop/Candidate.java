// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.Tensor;
import dev.darien.data.TensorFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A file of tensors that may be an SAE, and the configurations that lie beside it. */
final class Candidate {
    /** The key under which other formats' configurations carry ours, and ours the other. */
    private static final String DARIEN = "darien";

    /** The key of an archive's comment among the texts of a file. */
    static final String COMMENT = "comment";

    private static final String CONVERTED_FROM = "converted_from";
    private static final String CONFIGURATION = "configuration";
    private static final String METADATA = "metadata";

    private final TensorFile file;
    private final Map<?, ?> state;
    private final Map<String, Optional<Map<String, Object>>> read = new HashMap<>();

    Candidate(TensorFile file) {
        this.file = file;
        this.state = state(file);
    }

    /** The state dictionary, which may be wrapped: {@code ae} in backups of dictionary_learning, {@code state_dict}. */
    private static Map<?, ?> state(TensorFile file) {
        for (String wrapper : List.of("ae", "state_dict")) {
            if (file.content().get(wrapper) instanceof Map<?, ?> inner) {
                return inner;
            }
        }
        return file.content();
    }

    TensorFile file() {
        return file;
    }

    boolean is(TensorFile.Kind kind) {
        return file.kind() == kind;
    }

    // ---------------------------------------------------------------------------------------------------- tensors

    /** Whether there are all these tensors. */
    boolean has(String... names) {
        for (String name : names) {
            if (!(state.get(name) instanceof Tensor)) {
                return false;
            }
        }
        return true;
    }

    Tensor tensor(String name) {
        return TensorFile.tensor(state, name, file.path().toString());
    }

    Map<String, Tensor> tensors() {
        return TensorFile.tensorsOf(state);
    }

    /** What else than a tensor is there. */
    @Nullable
    Object value(String name) {
        return state.get(name);
    }

    /** A tensor of one number. */
    double number(String name) {
        Tensor tensor = tensor(name);
        double[] values = tensor.values();
        if (values.length != 1) {
            throw new DataException(tensor.what() + " has " + values.length + " elements where one was expected");
        }
        return values[0];
    }

    /** A tensor of one whole number above 0. */
    int count(String name) {
        double number = number(name);
        if (!(number >= 1) || number > Integer.MAX_VALUE || number != Math.rint(number)) {
            throw new DataException(tensor(name).what() + " is " + number + ", not a whole number of at least 1");
        }
        return (int) number;
    }

    // --------------------------------------------------------------------------------------------- configurations

    /** Where a configuration of this name is or should be: beside the weights, or where Llama Scope has it. */
    Path path(String name) {
        Path beside = file.path().toAbsolutePath().resolveSibling(name);
        Path folder = beside.getParent();
        if (!Files.exists(beside) && folder != null && folder.endsWith("checkpoints")) {
            Path above = folder.resolveSibling(name);
            return Files.exists(above) ? above : beside;
        }
        return beside;
    }

    /** The configuration of this name, if there is one. */
    Optional<Map<String, Object>> json(String name) {
        return read.computeIfAbsent(name, key -> {
            Path path = path(key);
            return Files.exists(path) ? Optional.of(JsonFile.read(path)) : Optional.empty();
        });
    }

    /** The configuration of this name. */
    Map<String, Object> requireJson(String name, String why) {
        return json(name)
                .orElseThrow(() -> new DataException(
                        file.path() + " needs its " + name + " beside it, " + why + "; copy or download that, too"));
    }

    /** An object in a configuration; empty for anything else. */
    static Map<String, Object> object(@Nullable Object value) {
        Map<String, Object> object = new LinkedHashMap<>();
        if (value instanceof Map<?, ?> map) {
            map.forEach((key, item) -> object.put(String.valueOf(key), item));
        }
        return object;
    }

    /** A whole number of at least 1 in a configuration, or null if there is none. */
    static @Nullable Integer count(Path where, Map<String, Object> entries, String key) {
        @Nullable Object value = entries.get(key);
        if (value == null) {
            return null;
        }
        if (value instanceof Number number
                && number.doubleValue() >= 1
                && number.doubleValue() <= Integer.MAX_VALUE
                && number.doubleValue() == Math.rint(number.doubleValue())) {
            return number.intValue();
        }
        throw new DataException(where + ": " + key + " is " + value + ", not a whole number of at least 1");
    }

    /** A flag in a configuration, false if there is none; as text, too, which is how some projects write it. */
    static boolean flag(Path where, Map<String, Object> entries, String key) {
        return switch (String.valueOf(entries.get(key))) {
            case "true", "True" -> true;
            case "false", "False", "null" -> false;
            default ->
                throw new DataException(where + ": " + key + " is '" + entries.get(key) + "', neither true nor false");
        };
    }

    /** Fails if a configuration says another size than the weights have. */
    static void requireSize(Path where, Map<String, Object> entries, String key, int size) {
        @Nullable Integer said = count(where, entries, key);
        if (said != null && said != size) {
            throw new DataException(where + ": " + key + " is " + said + ", but by the weights it is " + size);
        }
    }

    // --------------------------------------------------------------------------------------------------- metadata

    /**
     * What the SAE is to keep of the file, in the terms of SAELens: what Darien wrote into it, what is {@code known} of
     * the model, and the file's own configuration for when it is written in its format again.
     *
     * @param known entries of SAELens's metadata; those that are null are left out
     */
    Map<String, Object> configuration(SaeFormat format, Map<String, Object> own, Map<String, @Nullable Object> known) {
        Map<String, Object> kept = new LinkedHashMap<>(own);
        Map<String, Object> configuration = object(kept.remove(DARIEN));
        Map<String, Object> metadata = object(configuration.get(METADATA));
        known.forEach((key, value) -> {
            if (value != null) {
                metadata.putIfAbsent(key, value);
            }
        });
        Map<String, String> texts = new LinkedHashMap<>(file.metadata());
        texts.remove("format");
        if (texts.getOrDefault(COMMENT, "").startsWith("{")) {
            // Ours, and read already.
            texts.remove(COMMENT);
        }
        Map<String, Object> source = new LinkedHashMap<>();
        source.put("format", format.id());
        source.put(CONFIGURATION, kept);
        if (!texts.isEmpty()) {
            source.put(METADATA, texts);
        }
        Map<String, Object> values = values(file.content(), 0);
        if (!values.isEmpty()) {
            source.put("values", values);
        }
        metadata.put(CONVERTED_FROM, source);
        configuration.put(METADATA, metadata);
        return configuration;
    }

    /** Numbers and texts that lie among the tensors of a PyTorch file; what an optimiser left is no use without it. */
    private static Map<String, Object> values(Map<?, ?> content, int depth) {
        Map<String, Object> values = new LinkedHashMap<>();
        content.forEach((key, value) -> {
            if (value instanceof Map<?, ?> map && !key.equals("optimizer") && depth < 4) {
                Map<String, Object> inner = values(map, depth + 1);
                if (!inner.isEmpty()) {
                    values.put(String.valueOf(key), inner);
                }
            } else if (value instanceof String || value instanceof Number || value instanceof Boolean) {
                values.put(String.valueOf(key), value);
            }
        });
        return values;
    }

    /**
     * The configuration to begin with when an SAE is written in {@code format}: the one that it was read from, if that was
     * of the same format, and what Darien knows beyond it.
     */
    static Map<String, Object> written(SaeFormat format, Map<String, Object> configuration) {
        Map<String, Object> ours = new LinkedHashMap<>(configuration);
        Map<String, Object> metadata = object(ours.get(METADATA));
        Map<String, Object> source = object(metadata.get(CONVERTED_FROM));
        Map<String, Object> result = new LinkedHashMap<>();
        if (format.id().equals(source.get("format"))) {
            result.putAll(object(source.get(CONFIGURATION)));
            metadata.remove(CONVERTED_FROM);
        }
        if (metadata.isEmpty()) {
            ours.remove(METADATA);
        } else {
            ours.put(METADATA, metadata);
        }
        if (!ours.isEmpty()) {
            result.put(DARIEN, ours);
        }
        return result;
    }

    /** Texts of the weights' file that the SAE was read from, if it was of the same format. */
    static Map<String, Object> texts(SaeFormat format, Map<String, Object> configuration) {
        Map<String, Object> source = object(object(configuration.get(METADATA)).get(CONVERTED_FROM));
        return format.id().equals(source.get("format")) ? object(source.get(METADATA)) : Map.of();
    }
}
