// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Changes an npy array's header; its length follows, mostly. */
final class NpyMutator {
    private static final Pattern PIECE = Pattern.compile("\\d+|'[^']*'|\\w+|[(){},:]");
    private static final String[] PIECES = {
        "'<f4'", "'<f8'", "'<i8'", "'<i4'", "'|u1'", "'>f4'", "'|O'", "'|V2'", "[('a', '<f4')]", "True", "False",
                "None",
        "()", "(,)", "(0,)", "(1, 0)", "(4611686018427387904, 2)", "(2147483648,)", "3L", "'shape'", "'descr'", "{",
                "}", ","
    };

    private NpyMutator() {}

    static byte[] mutate(byte[] bytes, Random random) {
        int begin = bytes.length > 6 && bytes[6] == 1 ? 10 : 12;
        if (bytes.length < 16 || random.nextInt(6) == 0) {
            return Mutator.raw(bytes, random);
        }
        int length = Math.min(bytes.length - begin, (bytes[8] & 0xFF) | (bytes[9] & 0xFF) << 8);
        String header = new String(bytes, begin, length, StandardCharsets.ISO_8859_1);
        Matcher matcher = PIECE.matcher(header);
        int count = (int) matcher.results().count();
        if (count == 0) {
            return Mutator.raw(bytes, random);
        }
        int chosen = random.nextInt(count);
        matcher.reset();
        for (int i = 0; i <= chosen; i++) {
            matcher.find();
        }
        String piece = matcher.group();
        String put = piece.matches("\\d{1,18}")
                ? String.valueOf(Limits.near(random, Long.parseLong(piece)))
                : PIECES[random.nextInt(PIECES.length)];
        if (random.nextInt(12) == 0) {
            put = put.repeat(1 << random.nextInt(12));
        }
        String changed = header.substring(0, matcher.start()) + put + header.substring(matcher.end());
        byte[] result = Mutator.splice(bytes, begin, begin + length, changed.getBytes(StandardCharsets.ISO_8859_1));
        if (random.nextInt(8) > 0) {
            Mutator.number(result, 8, 1, changed.length());
        }
        return random.nextInt(6) == 0 ? Arrays.copyOf(result, random.nextInt(result.length)) : result;
    }
}
