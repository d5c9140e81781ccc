// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import dev.darien.testfiles.Bytes;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Changes a pickle instruction by instruction. */
final class PickleMutator {
    private static final byte[][] INSTRUCTIONS = {
        ascii("("),
        ascii(")"),
        ascii("N"),
        ascii("]"),
        ascii("}"),
        ascii("t"),
        ascii("a"),
        ascii("e"),
        ascii("s"),
        ascii("u"),
        ascii("Q"),
        ascii("R"),
        ascii("b"),
        ascii("."),
        {(byte) 0x85},
        {(byte) 0x86},
        {(byte) 0x87},
        {(byte) 0x88},
        {(byte) 0x89},
        ascii("ccollections\nOrderedDict\n"),
        ascii("ctorch._utils\n_rebuild_tensor_v2\n"),
        ascii("ctorch._utils\n_rebuild_parameter\n"),
        ascii("ctorch\ndevice\n"),
        ascii("ctorch\nFloatStorage\n"),
        ascii("ctorch\nfloat32\n"),
        ascii("cposix\nsystem\n"),
        ascii("c\n\n"),
        ascii("X\1\0\0\0a"),
        ascii("X\0\0\0\0"),
        ascii("0"),
        ascii("2"),
        {(byte) 0x8A, 0},
        {(byte) 0x95},
        {(byte) 0x94}
    };

    private PickleMutator() {}

    static byte[] mutate(byte[] bytes, Random random) {
        List<byte[]> code = split(bytes);
        int at = random.nextInt(code.size());
        switch (random.nextInt(9)) {
            case 0 -> code.remove(at);
            case 1 -> code.add(random.nextInt(code.size() + 1), code.get(at));
            case 2 -> code.set(at, code.get(random.nextInt(code.size())));
            case 3 -> code.add(at, INSTRUCTIONS[random.nextInt(INSTRUCTIONS.length)]);
            case 4 -> code.set(at, INSTRUCTIONS[random.nextInt(INSTRUCTIONS.length)]);
            case 5 -> {
                // A part again and again: nesting, and references to references.
                int length = Math.min(code.size() - at, 1 + random.nextInt(6));
                List<byte[]> part = List.copyOf(code.subList(at, at + length));
                for (int i = 1 << random.nextInt(10); i > 0; i--) {
                    code.addAll(at, part);
                }
            }
            case 6 ->
                code.add(
                        random.nextInt(code.size() + 1),
                        new Bytes().text("h").u8(random.nextInt(24)).array());
            case 7 -> code.set(at, integer(Limits.any(random)));
            default -> {
                // Numbers, above all: sizes, strides, offsets.
                List<Integer> numbers = new ArrayList<>();
                for (int i = 0; i < code.size(); i++) {
                    if ("KMJ".indexOf(code.get(i)[0]) >= 0 || code.get(i)[0] == (byte) 0x8A) {
                        numbers.add(i);
                    }
                }
                if (!numbers.isEmpty()) {
                    code.set(numbers.get(random.nextInt(numbers.size())), integer(Limits.any(random)));
                }
            }
        }
        Bytes out = new Bytes();
        code.forEach(out::raw);
        return out.array();
    }

    private static byte[] integer(long value) {
        return value >= 0 && value < 256
                ? new Bytes().text("K").u8((int) value).array()
                : new Bytes().u8(0x8A, 8).u64(value).array();
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static List<byte[]> split(byte[] bytes) {
        List<byte[]> code = new ArrayList<>();
        int at = 0;
        while (at < bytes.length) {
            int end = Math.min(bytes.length, at + length(bytes, at));
            code.add(Arrays.copyOfRange(bytes, at, end));
            at = end;
        }
        return code;
    }

    private static int length(byte[] bytes, int at) {
        return switch (bytes[at] & 0xFF) {
            case 0x80, 'K', 'q', 'h' -> 2;
            case 'M' -> 3;
            case 'J', 'r', 'j' -> 5;
            case 'G' -> 9;
            case 0x8A -> 2 + (at + 1 < bytes.length ? bytes[at + 1] & 0xFF : 0);
            case 'X' -> 5 + (at + 1 < bytes.length ? bytes[at + 1] & 0xFF : 0);
            case 'c' -> {
                int end = at;
                for (int lines = 0; lines < 2 && end < bytes.length; end++) {
                    lines += bytes[end] == '\n' ? 1 : 0;
                }
                yield end - at;
            }
            default -> 1;
        };
    }
}
