// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;

/**
 * Changes a file as its format is built: told apart by its content, since an archive's entries are files themselves. One
 * in four changes takes the file for mere bytes.
 */
final class Mutator {
    private static final int MOST_BYTES = 1 << 20;

    private Mutator() {}

    /** {@code seed} with one to four changes. */
    static byte[] mutate(byte[] seed, Random random) {
        byte[] bytes = seed;
        int changes = 1 + Integer.numberOfTrailingZeros(random.nextInt() | 8);
        for (int i = 0; i < changes; i++) {
            bytes = random.nextInt(4) == 0 ? raw(bytes, random) : structured(bytes, random);
        }
        return bytes.length > MOST_BYTES ? Arrays.copyOf(bytes, MOST_BYTES) : bytes;
    }

    /** One change that respects the format, or as much of it as it can still make out. */
    static byte[] structured(byte[] bytes, Random random) {
        if (startsWith(bytes, 'P', 'K', 3, 4)) {
            return ZipMutator.mutate(bytes, random);
        }
        if (startsWith(bytes, 0x93, 'N', 'U', 'M', 'P', 'Y')) {
            return NpyMutator.mutate(bytes, random);
        }
        if (bytes.length > 8 && bytes[8] == '{') {
            return SafetensorsMutator.mutate(bytes, random);
        }
        if (startsWith(bytes, '{')) {
            return new JsonMutator(text(bytes), random).mutate().getBytes(StandardCharsets.UTF_8);
        }
        if (startsWith(bytes, 0x80, 2)) {
            return PickleMutator.mutate(bytes, random);
        }
        if (startsWith(bytes, 8)) {
            return ProtoMutator.mutate(bytes, random);
        }
        return raw(bytes, random);
    }

    static boolean startsWith(byte[] bytes, int... magic) {
        for (int i = 0; i < magic.length; i++) {
            if (bytes.length <= i || bytes[i] != (byte) magic[i]) {
                return false;
            }
        }
        return true;
    }

    static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** One change of mere bytes. */
    static byte[] raw(byte[] bytes, Random random) {
        if (bytes.length == 0) {
            return new byte[] {(byte) random.nextInt(256)};
        }
        byte[] changed = bytes.clone();
        int at = random.nextInt(bytes.length);
        int length = Math.min(bytes.length - at, 1 + random.nextInt(random.nextBoolean() ? 8 : 64));
        return switch (random.nextInt(9)) {
            case 0 -> {
                changed[at] ^= (byte) (1 << random.nextInt(8));
                yield changed;
            }
            case 1 -> {
                changed[at] = (byte) random.nextInt(256);
                yield changed;
            }
            case 2 -> {
                number(changed, at, random.nextInt(4), Limits.any(random));
                yield changed;
            }
            case 3 -> Arrays.copyOf(bytes, at);
            case 4 -> splice(bytes, at, at + length, new byte[0]);
            case 5 -> splice(bytes, at, at, Arrays.copyOfRange(bytes, at, at + length));
            case 6 -> {
                byte[] inserted = new byte[length];
                random.nextBytes(inserted);
                yield splice(bytes, at, at, inserted);
            }
            case 7 -> {
                int from = random.nextInt(bytes.length - length + 1);
                System.arraycopy(bytes, from, changed, at, length);
                yield changed;
            }
            default -> splice(bytes, bytes.length, bytes.length, Arrays.copyOfRange(bytes, at, at + length));
        };
    }

    /** Writes the low bytes of {@code value}, little-endian: 1, 2, 4 or 8 of them, as far as there is room. */
    static void number(byte[] bytes, int at, int sizeLog, long value) {
        for (int i = 0; i < 1 << sizeLog && at + i < bytes.length; i++) {
            bytes[at + i] = (byte) (value >> (8 * i));
        }
    }

    /** {@code bytes} with those from {@code from} to {@code to} replaced. */
    static byte[] splice(byte[] bytes, int from, int to, byte[] part) {
        byte[] result = new byte[bytes.length - (to - from) + part.length];
        System.arraycopy(bytes, 0, result, 0, from);
        System.arraycopy(part, 0, result, from, part.length);
        System.arraycopy(bytes, to, result, from + part.length, bytes.length - to);
        return result;
    }
}
