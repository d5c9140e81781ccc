// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import dev.darien.data.DataException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What {@code --as} says where a file alone doesn't: a format, a selection rule, or both as {@code FORMAT:RULE}.
 *
 * @param rule one of {@link #RULES}
 */
record ReadAs(@Nullable SaeFormat format, @Nullable String rule) {
    static final List<String> RULES = List.of("relu", "topk", "batchtopk", "jumprelu", "gated");
    static final ReadAs NOTHING = new ReadAs(null, null);

    /** Everything that may be given. */
    static List<String> names() {
        List<String> names = new ArrayList<>();
        Arrays.stream(SaeFormat.values()).map(SaeFormat::id).forEach(names::add);
        names.addAll(RULES);
        return names;
    }

    /** {@code text}, if it is one of {@link #names()} or two of them. */
    static Optional<ReadAs> parse(String text) {
        int colon = text.indexOf(':');
        Optional<SaeFormat> format = SaeFormat.named(colon < 0 ? text : text.substring(0, colon));
        String rule = text.substring(colon + 1);
        if (colon < 0 && format.isPresent()) {
            return Optional.of(new ReadAs(format.get(), null));
        }
        if (!RULES.contains(rule) || (colon >= 0 && format.isEmpty())) {
            return Optional.empty();
        }
        return Optional.of(new ReadAs(format.orElse(null), rule));
    }

    /**
     * The rule to read with.
     *
     * @param own what the file says
     * @param others what it can be read as, too
     * @throws DataException if another was asked for
     */
    String rule(Candidate candidate, String own, String... others) {
        if (rule == null || rule.equals(own)) {
            return own;
        }
        if (List.of(others).contains(rule)) {
            return rule;
        }
        throw new DataException(candidate.file().path() + " holds a " + own + " SAE, which can't be read as " + rule
                + "; leave out --as " + rule);
    }
}
