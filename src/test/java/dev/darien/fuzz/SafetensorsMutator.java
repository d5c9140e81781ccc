// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Changes a safetensors file: its header as JSON, or a tensor so that the file stays sound but holds something else. */
final class SafetensorsMutator {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String[] TYPES = {
        "F32", "F16", "BF16", "F64", "I64", "I32", "U8", "BOOL", "F8_E4M3", "C64", "X"
    };

    private SafetensorsMutator() {}

    static byte[] mutate(byte[] bytes, Random random) {
        int length = bytes.length < 8 ? -1 : Math.clamp(length(bytes), -1, bytes.length - 8);
        if (length < 0) {
            return Mutator.raw(bytes, random);
        }
        String header = new String(bytes, 8, length, StandardCharsets.UTF_8);
        byte[] data = Arrays.copyOfRange(bytes, 8 + length, bytes.length);
        switch (random.nextInt(8)) {
            case 0 -> {
                byte[] changed = bytes.clone();
                Mutator.number(changed, 0, 3, Limits.near(random, length));
                return changed;
            }
            case 1 -> {
                return data.length == 0 ? bytes : join(header, Mutator.raw(data, random));
            }
            case 2, 3, 4 -> {
                return sound(header, data, random);
            }
            default -> {
                return join(new JsonMutator(header, random).mutate(), data);
            }
        }
    }

    private static long length(byte[] bytes) {
        long length = 0;
        for (int i = 7; i >= 0; i--) {
            length = length << 8 | (bytes[i] & 0xFF);
        }
        return length;
    }

    private static byte[] join(String header, byte[] data) {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        byte[] all = new byte[8 + text.length + data.length];
        Mutator.number(all, 0, 3, text.length);
        System.arraycopy(text, 0, all, 8, text.length);
        System.arraycopy(data, 0, all, 8 + text.length, data.length);
        return all;
    }

    /** Another shape, type or value for one tensor, with everything behind it moved. */
    private static byte[] sound(String header, byte[] data, Random random) {
        try {
            if (!(MAPPER.readTree(header) instanceof ObjectNode root)) {
                return join(header, data);
            }
            List<String> names = new ArrayList<>();
            root.fieldNames().forEachRemaining(names::add);
            names.remove("__metadata__");
            if (names.isEmpty()
                    || !(root.get(names.get(random.nextInt(names.size()))) instanceof ObjectNode tensor)
                    || !(tensor.get("data_offsets") instanceof ArrayNode offsets)
                    || !(tensor.get("shape") instanceof ArrayNode shape)) {
                return join(header, data);
            }
            int begin = Math.clamp(offsets.path(0).asLong(), 0, data.length);
            int end = Math.clamp(offsets.path(1).asLong(), begin, data.length);
            if (random.nextInt(3) == 0 && end > begin) {
                // Extreme values: infinities, NaN, numbers at limits.
                byte[] changed = data.clone();
                for (int i = 0; i <= random.nextInt(4); i++) {
                    int at = begin + random.nextInt(end - begin) / 4 * 4;
                    Mutator.number(
                            changed,
                            at,
                            2,
                            random.nextBoolean() ? Limits.any(random) : 0x7F800000L + random.nextInt(2));
                }
                return join(header, changed);
            }
            if (random.nextInt(4) == 0) {
                tensor.put("dtype", TYPES[random.nextInt(TYPES.length)]);
            }
            shape.removeAll();
            byte[] part = new byte[0];
            if (random.nextBoolean()) {
                // Nothing at all, in as many rows as one likes.
                shape.add(Limits.any(random) & Long.MAX_VALUE).add(0);
                if (random.nextBoolean()) {
                    shape.insert(random.nextInt(3), random.nextInt(4));
                }
            } else {
                int rows = random.nextInt(4);
                int columns = random.nextInt(5);
                shape.add(rows).add(columns);
                part = new byte[rows * columns * 4];
                random.nextBytes(part);
            }
            int moved = part.length - (end - begin);
            for (JsonNode other : root) {
                if (other != tensor
                        && other.get("data_offsets") instanceof ArrayNode both
                        && both.size() == 2
                        && both.path(0).asLong() >= end) {
                    both.set(0, both.path(0).asLong() + moved);
                    both.set(1, both.path(1).asLong() + moved);
                }
            }
            offsets.removeAll().add(begin).add(begin + part.length);
            return join(MAPPER.writeValueAsString(root), Mutator.splice(data, begin, end, part));
        } catch (JsonProcessingException e) {
            return join(header, data);
        }
    }
}
