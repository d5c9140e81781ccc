// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

/** What to do with rows that hold NaN or an infinity. */
public enum OnNan {
    /** Refuse the data and say where the first such row is. */
    FAIL,
    /** Leave such rows out, and say how many there were. */
    SKIP
}
