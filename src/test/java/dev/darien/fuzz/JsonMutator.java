// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Changes JSON by its tokens, so that what no writer would write (a key twice, endless numbers) can come out, too. */
final class JsonMutator {
    private static final Pattern TOKEN =
            Pattern.compile("\"(?:[^\"\\\\]|\\\\.)*+\"|[-+.\\w]+|[\\[\\]{}:,]|[^\\s]", Pattern.DOTALL);
    private static final String[] VALUES = {
        "null",
        "true",
        "false",
        "{}",
        "[]",
        "\"\"",
        "\"\\u0000\"",
        "\"a\\nb\\u001b[31m\"",
        "\"\\ud800\"",
        "\"../../x\"",
        "\"True\"",
        "\"1\"",
        "\"NaN\"",
        "[[]]",
        "[0,0]",
        "[1,1]",
        "{\"a\":{\"a\":1}}",
        "0.5",
        "-0.0",
        "1e308",
        "1e400",
        "-1e400",
        "1e-400",
        "4.0",
        "4.5",
        "1e9",
        "9223372036854775808",
        "NaN",
        "Infinity",
        "1E+2147483648",
        "00",
        "'a'"
    };

    private final List<String> tokens = new ArrayList<>();
    private final Random random;

    JsonMutator(String text, Random random) {
        this.random = random;
        Matcher matcher = TOKEN.matcher(text);
        while (matcher.find()) {
            tokens.add(matcher.group());
        }
    }

    String mutate() {
        if (tokens.isEmpty()) {
            return "{}";
        }
        int at = random.nextInt(tokens.size());
        while (":,]}".contains(tokens.get(at)) && at > 0) {
            at--;
        }
        int end = end(at);
        switch (random.nextInt(10)) {
            case 0, 1, 2 -> replace(at, end, value(tokens.get(at)));
            case 3 -> replace(at, end, tokens.get(random.nextInt(tokens.size())));
            case 4 -> {
                int other = random.nextInt(tokens.size());
                replace(at, end, String.join("", tokens.subList(other, end(other))));
            }
            case 5 -> {
                // A member or an item once more, many times over.
                int last = at + 1 < tokens.size() && tokens.get(at + 1).equals(":") ? end(at + 2) : end;
                String member = String.join("", tokens.subList(at, Math.min(last, tokens.size())));
                int times = random.nextInt(4) == 0 ? 1 + random.nextInt(2000) : 1;
                tokens.add(at, (member + ",").repeat(member.length() * times > 1 << 17 ? 1 : times));
            }
            case 6 -> {
                int last = Math.min(tokens.size(), end + 1);
                tokens.subList(at, last).clear();
            }
            case 7 -> {
                int depth = 1 << random.nextInt(12);
                String whole = String.join("", tokens.subList(at, end));
                boolean list = random.nextBoolean();
                replace(at, end, (list ? "[" : "{\"a\":").repeat(depth) + whole + (list ? "]" : "}").repeat(depth));
            }
            case 8 -> replace(at, end, "\"" + "x".repeat(1 << random.nextInt(17)) + "\"");
            default -> {
                int other = random.nextInt(tokens.size());
                String kept = tokens.get(other);
                tokens.set(other, tokens.get(at));
                tokens.set(at, kept);
            }
        }
        return String.join("", tokens);
    }

    private String value(String before) {
        if (before.matches("-?\\d{1,18}") && random.nextInt(4) > 0) {
            return String.valueOf(Limits.near(random, Long.parseLong(before)));
        }
        return switch (random.nextInt(6)) {
            case 0 -> String.valueOf(Limits.any(random));
            case 1 -> "\"" + Limits.any(random) + "\"";
            case 2 -> random.nextInt(3) > 0 ? "9".repeat(1 + random.nextInt(40)) : "1".repeat(1 << random.nextInt(14));
            default -> VALUES[random.nextInt(VALUES.length)];
        };
    }

    /** Where the value that begins at a token ends. */
    private int end(int at) {
        int depth = 0;
        for (int i = at; i < tokens.size(); i++) {
            switch (tokens.get(i)) {
                case "{", "[" -> depth++;
                case "}", "]" -> depth--;
                default -> {}
            }
            if (depth <= 0) {
                return i + 1;
            }
        }
        return tokens.size();
    }

    private void replace(int from, int to, String text) {
        tokens.subList(from, to).clear();
        tokens.add(from, text);
    }
}
