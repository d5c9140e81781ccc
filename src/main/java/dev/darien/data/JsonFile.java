// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** JSON objects as files and as lines. */
public final class JsonFile {
    /** Far deeper than anybody's configuration; every level costs as much as all that is in it when it is shown. */
    private static final int DEEPEST = 64;

    private static final ObjectMapper MAPPER = new ObjectMapper(JsonFactory.builder()
            .streamReadConstraints(
                    StreamReadConstraints.builder().maxNestingDepth(DEEPEST).build())
            .build());
    private static final ObjectMapper PRETTY = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private static final long LONGEST = 1 << 30;

    private JsonFile() {}

    /**
     * Reads one JSON object.
     *
     * @throws DataException if the file can't be read or holds something else
     */
    public static Map<String, Object> read(Path file) {
        // Opening a pipe would wait for a writer.
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new DataException(file + " isn't a regular file, where a JSON object was expected");
        }
        try {
            if (Files.size(file) > LONGEST) {
                throw new DataException(file + " has " + Files.size(file) + " bytes, but a JSON object of at most "
                        + LONGEST + " can be read");
            }
            return parse(Files.readString(file), file.toString());
        } catch (CharacterCodingException e) {
            throw new DataException(file + " is not a JSON object: it isn't text in UTF-8", e);
        } catch (IOException e) {
            throw new DataException(file + " can't be read: " + MappedFile.reason(e), e);
        }
    }

    /** Parses one JSON object; {@code where} is named when it isn't one. */
    public static Map<String, Object> parse(String text, String where) {
        try {
            @Nullable
            Map<String, Object> object = MAPPER.readValue(text, new TypeReference<LinkedHashMap<String, Object>>() {});
            // The text "null" is valid JSON, and Jackson returns just that.
            if (object == null) {
                throw new DataException(where + " is not a JSON object but null");
            }
            return object;
        } catch (JsonProcessingException e) {
            throw new DataException(where + " is not a JSON object: " + e.getOriginalMessage(), e);
        }
    }

    /** Writes an object, indented, aside and then renamed: the file is whole or not there. */
    public static void write(Path file, Map<String, ?> object) {
        try {
            writeText(file, PRETTY.writeValueAsString(finite(object)) + "\n");
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("not writable as JSON: " + e.getOriginalMessage(), e);
        }
    }

    /**
     * Writes text in UTF-8, aside and then renamed.
     *
     * @throws DataException if it can't be written
     */
    public static void writeText(Path file, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try (AtomicFile aside = AtomicFile.create(file)) {
            aside.put(MemorySegment.ofArray(bytes), 0, bytes.length);
            aside.commit();
        } catch (IOException e) {
            throw new DataException(file + " can't be written: " + MappedFile.reason(e), e);
        }
    }

    /** An object as one line. NaN and infinities, which JSON lacks, become null. */
    public static String line(Map<String, ?> object) {
        try {
            return MAPPER.writeValueAsString(finite(object));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("not writable as JSON: " + e.getOriginalMessage(), e);
        }
    }

    private static @Nullable Object finite(@Nullable Object value) {
        if (value instanceof Map<?, ?> map) {
            Map<Object, @Nullable Object> copy = new LinkedHashMap<>();
            map.forEach((key, item) -> copy.put(key, finite(item)));
            return copy;
        }
        if (value instanceof Collection<?> items) {
            List<@Nullable Object> copy = new ArrayList<>();
            items.forEach(item -> copy.add(finite(item)));
            return copy;
        }
        boolean infinite = value instanceof Double number && !Double.isFinite(number);
        boolean infiniteSingle = value instanceof Float single && !Float.isFinite(single);
        return infinite || infiniteSingle ? null : value;
    }
}
