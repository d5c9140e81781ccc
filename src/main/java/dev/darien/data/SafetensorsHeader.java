// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The header of a safetensors file: a little-endian length, then a JSON object. Every rule that the format's own reader
 * enforces is enforced here, before any offset is used.
 *
 * @param tensors in the order of their data
 * @param dataBegin byte of the file where the data area begins
 */
record SafetensorsHeader(Map<String, TensorInfo> tensors, Map<String, String> metadata, long dataBegin) {
    static final String METADATA = "__metadata__";
    private static final long LONGEST = 100_000_000;
    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();
    private static final Map<String, Integer> ELEMENT_BYTES = Map.ofEntries(
            Map.entry("BOOL", 1),
            Map.entry("U8", 1),
            Map.entry("I8", 1),
            Map.entry("F8_E5M2", 1),
            Map.entry("F8_E4M3", 1),
            Map.entry("F8_E8M0", 1),
            Map.entry("I16", 2),
            Map.entry("U16", 2),
            Map.entry("F16", 2),
            Map.entry("BF16", 2),
            Map.entry("I32", 4),
            Map.entry("U32", 4),
            Map.entry("F32", 4),
            Map.entry("C64", 8),
            Map.entry("F64", 8),
            Map.entry("I64", 8),
            Map.entry("U64", 8));

    /** Whether a header may be so long. */
    static boolean isLength(long bytes) {
        return bytes >= 0 && bytes <= LONGEST;
    }

    static SafetensorsHeader parse(Path file, MemorySegment bytes) {
        if (bytes.byteSize() < Long.BYTES) {
            throw new DataException(file + " has only " + bytes.byteSize()
                    + " bytes, too few for a safetensors file; copy or download it again");
        }
        long length = bytes.get(Matrix.LONG, 0);
        if (!isLength(length)) {
            throw new DataException("%s says that its header has %s bytes, but safetensors allows at most %d; "
                            .formatted(file, Long.toUnsignedString(length), LONGEST)
                    + "it is damaged or isn't a safetensors file");
        }
        long available = bytes.byteSize() - Long.BYTES;
        if (length > available) {
            throw new DataException(
                    "%s says that its header has %d bytes but only %d follow; ".formatted(file, length, available)
                            + "it is truncated or isn't a safetensors file");
        }
        byte[] header = bytes.asSlice(Long.BYTES, length).toArray(ValueLayout.JAVA_BYTE);
        if (header.length == 0 || header[0] != '{') {
            throw new DataException(
                    file + " isn't a safetensors file: its header should be a JSON object but doesn't begin with '{'");
        }
        Map<String, TensorInfo> listed = new LinkedHashMap<>();
        Map<String, String> metadata = new LinkedHashMap<>();
        try (JsonParser parser = JSON.createParser(decode(header))) {
            new Reader(file, parser).readAll(listed, metadata);
        } catch (JsonProcessingException e) {
            throw new DataException(
                    file + " has a header that isn't valid JSON (" + e.getOriginalMessage() + "); write the file again",
                    e);
        } catch (CharacterCodingException e) {
            throw new DataException(file + " has a header that isn't valid UTF-8; write the file again", e);
        } catch (IOException e) {
            throw new DataException(file + " has a header that can't be parsed: " + MappedFile.reason(e), e);
        }
        return new SafetensorsHeader(
                inOrderOfData(file, listed, available - length),
                Collections.unmodifiableMap(metadata),
                Long.BYTES + length);
    }

    private static String decode(byte[] header) throws CharacterCodingException {
        return StandardCharsets.UTF_8
                .newDecoder()
                .decode(ByteBuffer.wrap(header))
                .toString();
    }

    private static Map<String, TensorInfo> inOrderOfData(Path file, Map<String, TensorInfo> listed, long dataBytes) {
        List<TensorInfo> ordered = new ArrayList<>(listed.values());
        ordered.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
        Map<String, TensorInfo> tensors = new LinkedHashMap<>();
        long expected = 0;
        String before = "the header";
        for (TensorInfo tensor : ordered) {
            if (tensor.begin() != expected) {
                throw new DataException(
                        ("%s: the data of tensor '%s' begins at byte %d, but %s ends at byte %d, so they "
                                        + "%s; write the file again")
                                .formatted(
                                        file,
                                        tensor.name(),
                                        tensor.begin(),
                                        before,
                                        expected,
                                        tensor.begin() < expected ? "overlap" : "leave a gap"));
            }
            tensors.put(tensor.name(), tensor);
            expected = tensor.end();
            before = "'" + tensor.name() + "'";
        }
        if (expected > dataBytes) {
            throw new DataException(("%s is truncated: its header describes %d bytes of data but only %d are there "
                            + "(tensor %s needs the most); copy or download it again")
                    .formatted(file, expected, dataBytes, before));
        }
        if (expected < dataBytes) {
            throw new DataException("%s has %d bytes after its last tensor that no tensor accounts for; write it again"
                    .formatted(file, dataBytes - expected));
        }
        return Collections.unmodifiableMap(tensors);
    }

    /** Walks the JSON without building a tree of it, so that a hostile header costs no more than its own length. */
    private record Reader(Path file, JsonParser parser) {
        void readAll(Map<String, TensorInfo> tensors, Map<String, String> metadata) throws IOException {
            expect(parser.nextToken(), JsonToken.START_OBJECT, "the header", "an object");
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                if (name.equals(METADATA)) {
                    readMetadata(metadata);
                } else {
                    tensors.put(name, readTensor(name));
                }
            }
            if (parser.nextToken() != null) {
                throw new DataException(file + " has a header with more than one JSON value; write the file again");
            }
        }

        private void readMetadata(Map<String, String> metadata) throws IOException {
            if (parser.currentToken() == JsonToken.VALUE_NULL) {
                return;
            }
            expect(parser.currentToken(), JsonToken.START_OBJECT, METADATA, "an object of strings");
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String key = parser.currentName();
                expect(parser.nextToken(), JsonToken.VALUE_STRING, METADATA + " '" + key + "'", "a string");
                metadata.put(key, parser.getText());
            }
        }

        private TensorInfo readTensor(String name) throws IOException {
            String what = "tensor '" + name + "'";
            expect(parser.currentToken(), JsonToken.START_OBJECT, what, "an object with dtype, shape and data_offsets");
            String dtype = null;
            List<Long> shape = null;
            List<Long> offsets = null;
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String key = parser.currentName();
                JsonToken value = parser.nextToken();
                switch (key) {
                    case "dtype" -> {
                        expect(value, JsonToken.VALUE_STRING, what + " dtype", "a string");
                        dtype = parser.getText();
                    }
                    case "shape" -> shape = readNumbers(what + " shape");
                    case "data_offsets" -> offsets = readNumbers(what + " data_offsets");
                    default -> parser.skipChildren();
                }
            }
            if (dtype == null || shape == null || offsets == null) {
                throw new DataException("%s: the header of %s lacks its %s; write the file again"
                        .formatted(file, what, dtype == null ? "dtype" : shape == null ? "shape" : "data_offsets"));
            }
            return checked(name, dtype, shape, offsets);
        }

        private List<Long> readNumbers(String what) throws IOException {
            expect(parser.currentToken(), JsonToken.START_ARRAY, what, "an array of whole numbers");
            List<Long> numbers = new ArrayList<>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                expect(parser.currentToken(), JsonToken.VALUE_NUMBER_INT, what, "an array of whole numbers");
                long number = parser.getLongValue();
                if (number < 0) {
                    throw new DataException(
                            file + ": " + what + " holds the negative number " + number + "; write the file again");
                }
                numbers.add(number);
            }
            return numbers;
        }

        private TensorInfo checked(String name, String dtype, List<Long> shape, List<Long> offsets) {
            if (offsets.size() != 2 || offsets.get(1) < offsets.get(0)) {
                throw new DataException("%s: tensor '%s' has the data_offsets %s where [begin, end] was expected; "
                                .formatted(file, name, offsets)
                        + "write the file again");
            }
            Integer elementBytes = ELEMENT_BYTES.get(dtype);
            long bytes = offsets.get(1) - offsets.get(0);
            if (elementBytes != null) {
                long needed;
                try {
                    needed = elementBytes;
                    for (long size : shape) {
                        needed = Math.multiplyExact(needed, size);
                    }
                } catch (ArithmeticException e) {
                    throw new DataException(
                            "%s: tensor '%s' has the shape %s, more than any file can hold; write it again"
                                    .formatted(file, name, shape),
                            e);
                }
                if (needed != bytes) {
                    throw new DataException(
                            "%s: tensor '%s' is %s %s, which takes %d bytes, but its data_offsets span %d; "
                                            .formatted(file, name, dtype, shape, needed, bytes)
                                    + "write the file again");
                }
            }
            return new TensorInfo(name, dtype, shape, offsets.get(0), offsets.get(1));
        }

        private void expect(@Nullable JsonToken found, JsonToken wanted, String what, String description) {
            if (found != wanted) {
                throw new DataException(
                        file + ": " + what + " should be " + description + " in the header; write the file again");
            }
        }
    }
}
