// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import dev.darien.data.DataException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A {@code cfg.json} of SAELens, of version 6 or as versions before wrote it. What belongs to the model lies under
 * {@code metadata} since version 6; older files are brought into that shape. Entries that aren't known stay.
 *
 * @param file named in messages
 */
record SaeLensConfiguration(Path file, Map<String, Object> entries) {
    static final String METADATA = "metadata";
    static final String VERSION = "sae_lens_version";
    private static final Map<String, String> RENAMED =
            Map.of("hook_point", "hook_name", "hook_point_head_index", "hook_head_index");
    private static final List<String> OF_THE_MODEL = List.of(
            "model_name",
            "hook_name",
            "model_class_name",
            "hook_head_index",
            "model_from_pretrained_kwargs",
            "prepend_bos",
            "exclude_special_tokens",
            "neuronpedia_id",
            "context_size",
            "seqpos_slice",
            "dataset_path",
            VERSION,
            "sae_lens_training_version",
            "hook_name_out",
            "hook_head_index_out");

    static SaeLensConfiguration of(Path file, Map<String, Object> read) {
        Map<String, Object> entries = new LinkedHashMap<>();
        read.forEach((key, value) -> entries.put(RENAMED.getOrDefault(key, key), value));
        Map<String, Object> metadata = metadata(entries);
        for (String key : OF_THE_MODEL) {
            if (entries.containsKey(key)) {
                metadata.putIfAbsent(key, entries.remove(key));
            }
        }
        if (!metadata.isEmpty()) {
            entries.put(METADATA, metadata);
        }
        if (String.valueOf(metadata.get("hook_name")).contains("hook_z")) {
            entries.putIfAbsent("reshape_activations", "hook_z");
        }
        return new SaeLensConfiguration(file, entries);
    }

    /** A copy of what lies under {@code metadata}. */
    static Map<String, Object> metadata(Map<String, Object> entries) {
        Map<String, Object> metadata = new LinkedHashMap<>();
        if (entries.get(METADATA) instanceof Map<?, ?> map) {
            map.forEach((key, value) -> metadata.put(String.valueOf(key), value));
        }
        return metadata;
    }

    /** SAELens's name of the architecture; before version 6 {@code topk} was an activation function. */
    String architecture() {
        String name = String.valueOf(entries.getOrDefault("architecture", "standard"));
        Object activation = entries.getOrDefault("activation_fn", entries.getOrDefault("activation_fn_str", "relu"));
        if (entries.get("activation_fn_kwargs") instanceof Map<?, ?> arguments
                && Boolean.TRUE.equals(arguments.get("signed"))) {
            throw new DataException(file + ": activation_fn_kwargs has signed = true, a selection by magnitude that"
                    + " Darien doesn't have");
        }
        if ("topk".equals(activation) && name.equals("standard")) {
            return "topk";
        }
        if (!List.of("relu", "topk").contains(String.valueOf(activation))) {
            throw new DataException(file + ": activation_fn '" + activation + "' is neither relu nor topk");
        }
        return name;
    }

    /** k of an architecture that has one. */
    int k() {
        @Nullable Object k = entries.get("k");
        if (k == null && entries.get("activation_fn_kwargs") instanceof Map<?, ?> arguments) {
            k = arguments.get("k");
        }
        if (k instanceof Integer whole && whole >= 1) {
            return whole;
        }
        // BatchTopK's is a mean, and written as 32.0.
        if (k instanceof Double number && number >= 1 && number == Math.rint(number) && number < Integer.MAX_VALUE) {
            return number.intValue();
        }
        throw new DataException(
                file + ": a topk SAE needs k, a whole number of at least 1, but k is " + entries.get("k"));
    }

    /** The rule of a {@code matching_pursuit} SAE of activations of {@code width}. */
    MatchingPursuit pursuit(int width) {
        int steps = width;
        @Nullable Object most = entries.get("max_iterations");
        if (most instanceof Integer whole && whole >= 1) {
            steps = whole;
        } else if (most != null) {
            throw new DataException(file + ": max_iterations is " + most
                    + ", but a matching pursuit needs a whole number of at least 1, or null for d_in");
        }
        @Nullable Object threshold = entries.getOrDefault("residual_threshold", 0.01);
        if (!(threshold instanceof Number number) || !Float.isFinite(number.floatValue())) {
            throw new DataException(file + ": residual_threshold is " + threshold + ", which is no number");
        }
        // SAELens takes one that isn't positive for none.
        return new MatchingPursuit(steps, Math.max(0, number.floatValue()), flag("stop_on_duplicate_support", true));
    }

    /** A flag, and what it is where it isn't given. */
    boolean flag(String name, boolean otherwise) {
        @Nullable Object value = entries.get(name);
        if (value == null) {
            return otherwise;
        }
        if (!(value instanceof Boolean flag)) {
            throw new DataException(file + ": " + name + " is '" + value + "', neither true nor false");
        }
        return flag;
    }

    /** SAELens's name of the normalisation of activations; before version 6 it was a flag. */
    String normalizeActivations() {
        @Nullable Object value = entries.get("normalize_activations");
        if (value == null || Boolean.FALSE.equals(value)) {
            return RowNormalization.NONE.id();
        }
        return Boolean.TRUE.equals(value) ? SaeFolder.EXPECTED_AVERAGE : value.toString();
    }

    void requireSize(String key, int size, String weights) {
        @Nullable Object said = entries.get(key);
        if (said != null && !(said instanceof Integer number && number == size)) {
            throw new DataException(
                    file + ": " + key + " is " + said + ", but by the tensor 'W_enc' in " + weights + " it is " + size);
        }
    }
}
