// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

/**
 * Tokens that a model sees together.
 *
 * <p>Not a record: its arrays are shared, not compared.
 */
final class TokenSequence {
    private final long number;
    private final int[] ids;
    private final int[] targets;
    private final boolean[] kept;
    private final int rows;

    /**
     * @param number of the text, or of the stretch of text
     * @param ids of the tokens, special ones included
     * @param targets the token that follows each, -1 where none does
     * @param kept whether a position counts: its activations are collected, replaced and measured
     */
    TokenSequence(long number, int[] ids, int[] targets, boolean[] kept) {
        this.number = number;
        this.ids = ids;
        this.targets = targets;
        this.kept = kept;
        int count = 0;
        for (boolean keep : kept) {
            count += keep ? 1 : 0;
        }
        this.rows = count;
    }

    long number() {
        return number;
    }

    int length() {
        return ids.length;
    }

    int id(int position) {
        return ids[position];
    }

    int target(int position) {
        return targets[position];
    }

    boolean isKept(int position) {
        return kept[position];
    }

    /** How many positions count. */
    int rows() {
        return rows;
    }

    /** This with only the first {@code most} of the positions that count. */
    TokenSequence first(int most) {
        boolean[] fewer = kept.clone();
        int count = 0;
        for (int position = 0; position < fewer.length; position++) {
            fewer[position] = fewer[position] && count++ < most;
        }
        return new TokenSequence(number, ids, targets, fewer);
    }
}
