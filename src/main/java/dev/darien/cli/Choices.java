// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** Options whose value is one of a few words. */
final class Choices {
    private Choices() {}

    /** What {@code text} stands for; a {@link UsageException} names the nearest word and all others. */
    static <T> T pick(String what, String text, Map<String, T> choices) {
        T choice = choices.get(text.toLowerCase(Locale.ROOT));
        if (choice == null) {
            throw new UsageException("unknown " + what + " '" + text + "'" + Suggestions.hint(text, choices.keySet())
                    + " (known: " + String.join(", ", choices.keySet()) + ")");
        }
        return choice;
    }

    /** The constants of an enum as people write them: {@code GEOMETRIC_MEDIAN} as {@code geometric-median}. */
    static <E extends Enum<E>> Map<String, E> of(E[] constants) {
        Map<String, E> choices = new LinkedHashMap<>();
        Arrays.stream(constants)
                .forEach(constant ->
                        choices.put(constant.name().toLowerCase(Locale.ROOT).replace('_', '-'), constant));
        return choices;
    }
}
