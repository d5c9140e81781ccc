// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.JsonFile;
import dev.darien.ensemble.EnsembleFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * {@code darien.json}: what SAELens's format has no field for. It is written last, so a folder that has one holds a
 * finished run.
 *
 * @param content the object in the file
 */
record RunRecord(Map<String, Object> content) {
    /** In the record of an ensemble: what it is. */
    static final String ENSEMBLE = "ensemble";
    /** In the record of an ensemble: its members. */
    static final String MEMBERS = "members";
    /** In the record of a member: of what. */
    static final String MEMBER_OF = "member_of";

    /** The record in {@code folder}, if there is one. */
    static Optional<RunRecord> read(Path folder) {
        Path file = folder.resolve(OutputFolder.RECORD);
        return Files.exists(file) ? Optional.of(new RunRecord(JsonFile.read(file))) : Optional.empty();
    }

    /** The record of several SAEs that were trained together, still without their surroundings and result. */
    static Map<String, Object> ofSeveral(List<RunPlan> plans) {
        List<Map<String, Object>> runs = new ArrayList<>();
        for (RunPlan plan : plans) {
            Map<String, Object> run = new LinkedHashMap<>();
            run.put("name", plan.name());
            run.put("architecture", plan.architecture());
            run.put("training", plan.options().describe());
            runs.add(run);
        }
        Map<String, Object> record = new LinkedHashMap<>();
        record.put("darien", Version.text());
        record.put("runs", runs);
        return record;
    }

    void write(Path folder) {
        JsonFile.write(folder.resolve(OutputFolder.RECORD), content);
    }

    /** Names of the folders of the SAEs of the run; the empty name for an only one. */
    List<String> runNames() {
        if (!(content.get("runs") instanceof List)) {
            return List.of("");
        }
        List<String> names = new ArrayList<>();
        for (Map<String, Object> run : list(content.get("runs")).toList()) {
            if (run.get("name") instanceof String name) {
                names.add(name);
            }
        }
        return names;
    }

    /** Names of all folders with SAEs of the run: as {@link #runNames}, and for an ensemble those of its members. */
    List<String> saeNames() {
        if (object(content.get(ENSEMBLE)).get(MEMBERS) instanceof Integer count) {
            return IntStream.range(0, count)
                    .mapToObj(EnsembleFolder::memberName)
                    .toList();
        }
        return runNames();
    }

    /** What {@code train --json} printed. */
    Map<String, Object> result() {
        return object(content.get("result"));
    }

    /** The options of an SAE of the run: of the only one, or of that in the folder {@code name}. */
    Map<String, Object> training(String name) {
        if (name.isEmpty()) {
            return object(content.get("training"));
        }
        return Stream.concat(list(content.get("runs")), list(content.get(MEMBERS)))
                .filter(run -> name.equals(run.get("name")))
                .map(run -> object(run.get("training")))
                .findFirst()
                .orElse(Map.of());
    }

    /** k of a selection that has one, as trained. */
    Optional<Integer> k() {
        return content.get("k") instanceof Number k ? Optional.of(k.intValue()) : Optional.empty();
    }

    /** How gradients counted in the training of an SAE that was selected by them. */
    record Attribution(float beta, boolean normalised) {}

    Optional<Attribution> attribution() {
        return content.get("beta") instanceof Number beta && content.get("normalised") instanceof Boolean normalised
                ? Optional.of(new Attribution(beta.floatValue(), normalised))
                : Optional.empty();
    }

    /** The tensor that a transcoder was trained on. */
    Optional<String> tensor() {
        return object(content.get("data")).get("tensor") instanceof String name ? Optional.of(name) : Optional.empty();
    }

    /** The tensor that a transcoder decodes to. */
    Optional<String> target() {
        return object(content.get("data")).get("target") instanceof String name ? Optional.of(name) : Optional.empty();
    }

    Object dataHash() {
        return String.valueOf(object(content.get("data")).get("hash"));
    }

    private static Stream<Map<String, Object>> list(@Nullable Object value) {
        return value instanceof List<?> list ? list.stream().map(RunRecord::object) : Stream.of();
    }

    /** A JSON object out of a JSON value; empty for anything else. */
    static Map<String, Object> object(@Nullable Object value) {
        Map<String, Object> object = new LinkedHashMap<>();
        if (value instanceof Map<?, ?> map) {
            map.forEach((key, item) -> object.put(String.valueOf(key), item));
        }
        return object;
    }
}
