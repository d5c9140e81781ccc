// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.ensemble.EnsembleKind;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What {@code --ensemble} asks for.
 *
 * @param members J, at least 1
 */
record EnsemblePlan(EnsembleKind kind, int members) {
    private static final Pattern FORM = Pattern.compile("([a-z]+):(-?\\d{1,9})");
    private static final int MOST = 1000;

    /**
     * Reads {@code bagging:J} or {@code boosting:J}.
     *
     * @throws UsageException if it is something else
     */
    static EnsemblePlan parse(String text) {
        Matcher matcher = FORM.matcher(text.strip().toLowerCase(Locale.ROOT));
        if (!matcher.matches()) {
            throw new UsageException("--ensemble must be bagging:J or boosting:J, as bagging:8, not '" + text + "'");
        }
        EnsembleKind kind = Choices.pick("kind of ensemble", matcher.group(1), Choices.of(EnsembleKind.values()));
        int members = Integer.parseInt(matcher.group(2));
        if (members < 1 || members > MOST) {
            throw new UsageException("--ensemble takes from 1 to " + MOST + " members, not " + members);
        }
        return new EnsemblePlan(kind, members);
    }
}
