// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** Names that someone may have meant. Tensors have long names that differ in little, so several are offered. */
final class NearestNames {
    private static final int OFFERED = 3;

    private NearestNames() {}

    static List<String> of(String typed, Collection<String> names) {
        String lower = typed.toLowerCase(Locale.ROOT);
        return names.stream()
                .sorted(Comparator.comparingInt(
                        (String name) -> distance(lower, name.toLowerCase(Locale.ROOT)))) // stable: the model's order
                .limit(OFFERED)
                .toList();
    }

    /** Fewest insertions, deletions and replacements, an insertion counting less: names are typed shortened. */
    private static int distance(String typed, String name) {
        int[] row = new int[name.length() + 1];
        for (int j = 0; j <= name.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= typed.length(); i++) {
            int diagonal = row[0];
            row[0] = 3 * i;
            for (int j = 1; j <= name.length(); j++) {
                int replaced = diagonal + (typed.charAt(i - 1) == name.charAt(j - 1) ? 0 : 3);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j] + 3, row[j - 1] + 1));
            }
        }
        return row[name.length()];
    }
}
