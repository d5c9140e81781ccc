// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import dev.darien.testfiles.ZipFiles;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** Changes an archive: what its entries hold, what its directory says of them, or how many there are. */
final class ZipMutator {
    private static final int[] SIGNATURES = {0x04034B50, 0x02014B50, 0x06054B50, 0x06064B50, 0x07064B50, 0x08074B50};

    private record Part(String name, byte[] data, boolean deflated) {}

    private ZipMutator() {}

    static byte[] mutate(byte[] bytes, Random random) {
        if (random.nextInt(3) == 0) {
            return field(bytes, random);
        }
        List<Part> parts = parts(bytes);
        if (parts.isEmpty()) {
            return Mutator.raw(bytes, random);
        }
        boolean torch = parts.stream().anyMatch(part -> part.name().endsWith("data.pkl"));
        int at = random.nextInt(parts.size());
        if (torch && random.nextInt(3) > 0) {
            for (int i = 0; i < parts.size(); i++) {
                at = parts.get(i).name().endsWith("data.pkl") ? i : at;
            }
        }
        Part part = parts.get(at);
        int kind = random.nextInt(10);
        switch (kind) {
            case 0 -> parts.remove(at);
            case 1 -> parts.add(new Part(part.name() + "x", part.data(), part.deflated()));
            case 2 ->
                parts.set(at, new Part(parts.get(random.nextInt(parts.size())).name(), part.data(), false));
            case 3 -> parts.set(at, new Part(name(part.name(), random), part.data(), part.deflated()));
            case 4 -> parts.set(at, new Part(part.name(), part.data(), !part.deflated()));
            case 5 -> {
                int most = Math.min(3000, 200_000 / (part.data().length + 200));
                for (int i = random.nextInt(most + 1); i > 0; i--) {
                    parts.add(new Part(i + part.name(), part.data(), part.deflated()));
                }
            }
            case 6 -> parts.set(at, new Part(part.name(), new byte[1 << random.nextInt(22)], true));
            default -> parts.set(at, new Part(part.name(), Mutator.structured(part.data(), random), part.deflated()));
        }
        ZipFiles zip = new ZipFiles(torch ? ZipFiles.Style.TORCH : ZipFiles.Style.NUMPY);
        for (Part each : parts) {
            if (each.deflated()) {
                zip.deflated(each.name(), each.data());
            } else {
                zip.stored(each.name(), each.data());
            }
        }
        if (!parts.isEmpty() && random.nextInt(4) == 0) {
            lie(zip.entry(random.nextInt(parts.size())), random);
        }
        if (random.nextInt(10) == 0) {
            zip.comment(random.nextBoolean() ? "{\"darien\":{}}" : "x".repeat(random.nextInt(70_000)));
        }
        return zip.bytes();
    }

    private static String name(String name, Random random) {
        return switch (random.nextInt(5)) {
            case 0 -> "";
            case 1 -> name.replace("/", "//");
            case 2 -> name + "\n\u001b[0m";
            case 3 -> "x".repeat(random.nextInt(60_000)) + name;
            default -> Mutator.text(Mutator.raw(name.getBytes(java.nio.charset.StandardCharsets.UTF_8), random));
        };
    }

    private static void lie(ZipFiles.Entry entry, Random random) {
        switch (random.nextInt(6)) {
            case 0 -> entry.size = Limits.near(random, entry.size);
            case 1 -> entry.compressed = Limits.near(random, entry.compressed);
            case 2 -> entry.crc = random.nextInt();
            case 3 -> entry.flags = random.nextInt(1 << 16);
            case 4 -> entry.method = random.nextInt(3) == 0 ? random.nextInt(100) : 8 - entry.method;
            default -> entry.local = random.nextInt(2000);
        }
    }

    /** A number somewhere in one of the archive's own structures. */
    private static byte[] field(byte[] bytes, Random random) {
        List<Integer> places = new ArrayList<>();
        for (int at = 0; at + 4 <= bytes.length; at++) {
            if (bytes[at] == 'P' && bytes[at + 1] == 'K') {
                int found = (int) number(bytes, at, 4);
                for (int signature : SIGNATURES) {
                    if (found == signature) {
                        places.add(at);
                    }
                }
            }
        }
        if (places.isEmpty()) {
            return Mutator.raw(bytes, random);
        }
        byte[] changed = bytes.clone();
        int at = places.get(random.nextInt(places.size())) + 4 + 2 * random.nextInt(28);
        int sizeLog = 1 + random.nextInt(3);
        long before = at + 8 <= bytes.length ? number(bytes, at, 1 << sizeLog) : 0;
        Mutator.number(changed, at, sizeLog, Limits.near(random, before));
        return changed;
    }

    private static long number(byte[] bytes, int at, int count) {
        long value = 0;
        for (int i = count - 1; i >= 0; i--) {
            value = value << 8 | (at + i < bytes.length ? bytes[at + i] & 0xFF : 0);
        }
        return value;
    }

    /** The entries that the directory lists, as far as it can be followed: the JDK's reader would take only sound ones. */
    private static List<Part> parts(byte[] bytes) {
        List<Part> parts = new ArrayList<>();
        for (int at = 0; at + 46 <= bytes.length; at++) {
            if ((int) number(bytes, at, 4) != SIGNATURES[1]) {
                continue;
            }
            int nameBytes = (int) number(bytes, at + 28, 2);
            long compressed = number(bytes, at + 20, 4);
            long local = number(bytes, at + 42, 4);
            if (compressed == 0xFFFFFFFFL) {
                compressed = number(bytes, at + 46 + nameBytes + 12, 8);
                local = number(bytes, at + 46 + nameBytes + 20, 8);
            }
            if (local < 0 || local + 30 > bytes.length || at + 46 + nameBytes > bytes.length) {
                continue;
            }
            long data = local + 30 + number(bytes, (int) local + 26, 2) + number(bytes, (int) local + 28, 2);
            if (compressed < 0 || data > bytes.length || compressed > bytes.length - data) {
                continue;
            }
            byte[] content = java.util.Arrays.copyOfRange(bytes, (int) data, (int) (data + compressed));
            boolean deflated = number(bytes, at + 10, 2) == 8;
            parts.add(new Part(
                    new String(bytes, at + 46, nameBytes, java.nio.charset.StandardCharsets.UTF_8),
                    deflated ? inflate(content) : content,
                    deflated));
        }
        return parts;
    }

    private static byte[] inflate(byte[] data) {
        Inflater inflater = new Inflater(true);
        inflater.setInput(data);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] buffer = new byte[4096];
        try {
            for (int got = inflater.inflate(buffer); got > 0 && out.size() < 1 << 22; got = inflater.inflate(buffer)) {
                out.write(buffer, 0, got);
            }
        } catch (DataFormatException damaged) {
            // As much of it as there was.
        } finally {
            inflater.end();
        }
        return out.toByteArray();
    }
}
