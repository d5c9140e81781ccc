// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

/** What became of a claim. */
public enum Verdict {
    /** The whole interval lies on the claim's side. */
    HOLDS("holds"),
    /** It doesn't: the effect is absent, the other way round, or too small to tell from chance. */
    DOES_NOT_HOLD("does not hold"),
    /** Nothing here can tell; a reason is given. */
    NOT_TESTABLE("not testable");

    private final String text;

    Verdict(String text) {
        this.text = text;
    }

    @Override
    public String toString() {
        return text;
    }
}
