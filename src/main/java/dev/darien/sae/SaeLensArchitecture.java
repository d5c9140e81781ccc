// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.data.DataException;
import dev.darien.data.Tensor;
import dev.darien.data.TensorFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an {@code architecture} of {@code cfg.json} says: a rule, and what is mapped to what. SAELens has {@code transcoder},
 * {@code skip_transcoder}, {@code jumprelu_transcoder} and {@code jumprelu_skip_transcoder}; transcoders of other rules, and
 * crosscoders, have names of Darien's own, which SAELens refuses.
 *
 * @param rule as SAELens names it for autoencoders
 * @param kind what is mapped to what
 */
record SaeLensArchitecture(String rule, Kind kind) {
    static final String SKIP_WEIGHTS = "W_skip";
    static final String OUTPUT_WIDTH = "d_out";
    private static final String STANDARD = "standard";
    private static final String TENSORS = "tensors";

    /** The kinds, by the end of their names; those with the longer end first. */
    enum Kind {
        SKIP_TRANSCODER("skip_transcoder"),
        TRANSCODER("transcoder"),
        CROSSCODER("crosscoder"),
        AUTOENCODER("");

        private final String suffix;

        Kind(String suffix) {
            this.suffix = suffix;
        }

        static Kind of(Mapping mapping) {
            return switch (mapping) {
                case Mapping.Identity ignored -> AUTOENCODER;
                case Mapping.Transcoder transcoder -> transcoder.skip() ? SKIP_TRANSCODER : TRANSCODER;
                case Mapping.Crosscoder ignored -> CROSSCODER;
            };
        }
    }

    static SaeLensArchitecture parse(String name) {
        for (Kind kind : Kind.values()) {
            if (kind == Kind.AUTOENCODER) {
                break;
            }
            if (name.equals(kind.suffix)) {
                return new SaeLensArchitecture(STANDARD, kind);
            }
            if (name.endsWith("_" + kind.suffix)) {
                return new SaeLensArchitecture(name.substring(0, name.length() - kind.suffix.length() - 1), kind);
            }
        }
        return new SaeLensArchitecture(name, Kind.AUTOENCODER);
    }

    /** As {@code cfg.json} has it. */
    String name() {
        if (kind == Kind.AUTOENCODER) {
            return rule;
        }
        return rule.equals(STANDARD) ? kind.suffix : rule + "_" + kind.suffix;
    }

    boolean isTranscoder() {
        return kind == Kind.TRANSCODER || kind == Kind.SKIP_TRANSCODER;
    }

    /** Adds what a mapping needs beside the name. */
    static void write(Mapping mapping, Map<String, Object> configuration) {
        switch (mapping) {
            case Mapping.Identity ignored -> {
                // Nothing.
            }
            case Mapping.Transcoder transcoder -> configuration.put(OUTPUT_WIDTH, transcoder.width());
            case Mapping.Crosscoder crosscoder -> {
                List<Map<String, Object>> tensors = new ArrayList<>();
                for (Mapping.Part part : crosscoder.parts()) {
                    Map<String, Object> tensor = new LinkedHashMap<>();
                    tensor.put("name", part.tensor());
                    tensor.put("width", part.width());
                    tensor.put("scale", part.scale());
                    tensors.add(tensor);
                }
                configuration.put(TENSORS, tensors);
            }
        }
    }

    /**
     * The mapping of an encoder of {@code width}.
     *
     * @throws DataException if the configuration and the weights contradict each other, or something is missing
     */
    Mapping mapping(Path file, Map<String, Object> entries, TensorFile weights, int width) {
        if (kind == Kind.AUTOENCODER) {
            return new Mapping.Identity();
        }
        if (kind == Kind.CROSSCODER) {
            Mapping.Crosscoder crosscoder = crosscoder(file, entries);
            if (crosscoder.width() != width) {
                throw new DataException(file + ": the widths of " + TENSORS + " add up to " + crosscoder.width()
                        + ", but by the tensor 'W_enc' in " + weights.path() + " it is " + width);
            }
            return crosscoder;
        }
        Tensor decoder = weights.tensor("W_dec");
        List<Long> shape = decoder.shape();
        if (shape.size() != 2 || shape.getLast() < 1 || shape.getLast() > Integer.MAX_VALUE - 8) {
            throw new DataException(decoder.what() + " has the shape " + shape + ", which isn't that of a decoder");
        }
        int outputs = shape.getLast().intValue();
        @Nullable Object said = entries.get(OUTPUT_WIDTH);
        if (said != null && !(said instanceof Integer number && number == outputs)) {
            throw new DataException(file + ": " + OUTPUT_WIDTH + " is " + said + ", but by the tensor 'W_dec' in "
                    + weights.path() + " it is " + outputs);
        }
        return new Mapping.Transcoder(outputs, kind == Kind.SKIP_TRANSCODER);
    }

    private static Mapping.Crosscoder crosscoder(Path file, Map<String, Object> entries) {
        List<Mapping.Part> parts = new ArrayList<>();
        if (entries.get(TENSORS) instanceof List<?> tensors) {
            for (Object tensor : tensors) {
                if (tensor instanceof Map<?, ?> map
                        && map.get("name") instanceof String name
                        && map.get("width") instanceof Integer wide
                        && map.get("scale") instanceof Number scale) {
                    parts.add(part(file, name, wide, scale.doubleValue()));
                } else {
                    throw new DataException(
                            file + ": one of " + TENSORS + " is " + tensor + ", without name, width or scale");
                }
            }
        }
        try {
            return new Mapping.Crosscoder(parts);
        } catch (IllegalArgumentException e) {
            throw new DataException(file + ": " + e.getMessage(), e);
        }
    }

    private static Mapping.Part part(Path file, String name, int width, double scale) {
        try {
            return new Mapping.Part(name, width, scale);
        } catch (IllegalArgumentException e) {
            throw new DataException(file + ": " + e.getMessage(), e);
        }
    }
}
