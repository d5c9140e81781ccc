// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/** Changes a protobuf message field by field, on any level: whatever can be read as a message is taken for one. */
final class ProtoMutator {
    private static final int DEEPEST = 8;

    /** A field: its tag, a number if it is one, else its bytes. */
    private record Field(long tag, long number, byte[] bytes) {
        int wire() {
            return (int) (tag & 7);
        }
    }

    private ProtoMutator() {}

    static byte[] mutate(byte[] bytes, Random random) {
        return mutate(bytes, random, 0);
    }

    private static byte[] mutate(byte[] bytes, Random random, int depth) {
        Optional<List<Field>> parsed = parse(bytes);
        if (parsed.isEmpty()) {
            return Mutator.raw(bytes, random);
        }
        List<Field> fields = parsed.get();
        int at = random.nextInt(fields.size());
        Field field = fields.get(at);
        if (depth < DEEPEST && field.wire() == 2 && field.bytes().length > 1 && random.nextInt(4) > 0) {
            fields.set(at, new Field(field.tag(), 0, mutate(field.bytes(), random, depth + 1)));
            return encode(fields);
        }
        switch (random.nextInt(9)) {
            case 0 -> fields.remove(at);
            case 1 -> {
                int times = random.nextInt(6) == 0 ? Math.min(2000, 1 + 200_000 / (1 + field.bytes().length)) : 1;
                for (int i = 0; i < times; i++) {
                    fields.add(random.nextInt(fields.size() + 1), field);
                }
            }
            case 2 -> fields.set(at, fields.get(random.nextInt(fields.size())));
            case 3 ->
                fields.set(at, new Field(field.tag() & 7 | random.nextInt(20) << 3, field.number(), field.bytes()));
            case 4 -> fields.set(at, new Field(field.tag() & ~7L | random.nextInt(8), field.number(), field.bytes()));
            case 5 -> fields.set(at, new Field(field.tag() & ~7L, Limits.near(random, field.number()), field.bytes()));
            case 6 -> fields.set(at, new Field(field.tag() & ~7L | 2, 0, deep(field.bytes(), random)));
            case 7 -> {
                byte[] packed = new byte[1 << random.nextInt(17)];
                Arrays.fill(packed, (byte) random.nextInt(256));
                fields.set(at, new Field(field.tag() & ~7L | 2, 0, packed));
            }
            default -> {
                byte[] whole = encode(fields);
                return Mutator.raw(whole, random);
            }
        }
        return encode(fields);
    }

    /** A node in an attribute's graph, in a node in an attribute's graph, and so on. */
    private static byte[] deep(byte[] bytes, Random random) {
        byte[] inner = bytes;
        int[] around = random.nextBoolean() ? new int[] {1, 6, 5} : new int[] {1 + random.nextInt(12)};
        for (int i = 1 << random.nextInt(10); i > 0 && inner.length < 1 << 18; i--) {
            for (int number : around) {
                inner = encode(List.of(new Field((long) number << 3 | 2, 0, inner)));
            }
        }
        return inner;
    }

    private static Optional<List<Field>> parse(byte[] bytes) {
        List<Field> fields = new ArrayList<>();
        int[] at = {0};
        while (at[0] < bytes.length) {
            long tag = varint(bytes, at);
            long number = 0;
            int length = 0;
            switch ((int) (tag & 7)) {
                case 0 -> number = varint(bytes, at);
                case 1 -> length = 8;
                case 2 -> length = (int) Math.min(Integer.MAX_VALUE, varint(bytes, at) & Long.MAX_VALUE);
                case 5 -> length = 4;
                default -> length = Integer.MAX_VALUE;
            }
            if (tag >>> 3 == 0 || tag >>> 3 > 100 || length > bytes.length - at[0]) {
                return Optional.empty();
            }
            fields.add(new Field(tag, number, Arrays.copyOfRange(bytes, at[0], at[0] + length)));
            at[0] += length;
        }
        return fields.isEmpty() ? Optional.empty() : Optional.of(fields);
    }

    private static long varint(byte[] bytes, int[] at) {
        long value = 0;
        for (int shift = 0; at[0] < bytes.length && shift < 70; shift += 7) {
            byte next = bytes[at[0]++];
            value |= (next & 0x7FL) << shift;
            if (next >= 0) {
                break;
            }
        }
        return value;
    }

    private static byte[] encode(List<Field> fields) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Field field : fields) {
            put(out, field.tag());
            if (field.wire() == 0) {
                put(out, field.number());
            } else {
                if (field.wire() == 2) {
                    put(out, field.bytes().length);
                }
                out.writeBytes(field.bytes());
            }
        }
        return out.toByteArray();
    }

    private static void put(ByteArrayOutputStream out, long value) {
        long rest = value;
        while ((rest & ~0x7FL) != 0) {
            out.write((int) (rest | 0x80));
            rest >>>= 7;
        }
        out.write((int) rest);
    }
}
