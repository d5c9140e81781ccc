// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One claim and what was found.
 *
 * @param claim in a sentence
 * @param setting what was measured, on what
 * @param values one for each seed; empty if it isn't testable
 * @param interval their mean; null if it isn't testable
 * @param remark a reason, or nothing
 */
public record Finding(
        String claim,
        String setting,
        List<Double> values,
        @Nullable Interval interval,
        Verdict verdict,
        String remark) {
    public Finding {
        values = List.copyOf(values);
    }

    /** A claim that a number is above 0: it holds if the whole interval is. One seed can't tell. */
    public static Finding positive(String claim, String setting, List<Double> values) {
        return of(claim, setting, values, Interval.of(values).low() > 0);
    }

    /** A claim that a number is below 0. */
    public static Finding negative(String claim, String setting, List<Double> values) {
        return of(claim, setting, values, Interval.of(values).high() < 0);
    }

    private static Finding of(String claim, String setting, List<Double> values, boolean holds) {
        Interval interval = Interval.of(values);
        if (values.size() < 2) {
            return new Finding(
                    claim, setting, values, interval, Verdict.NOT_TESTABLE, "one seed says nothing of the spread");
        }
        return new Finding(claim, setting, values, interval, holds ? Verdict.HOLDS : Verdict.DOES_NOT_HOLD, "");
    }

    /** A claim that nothing here can tell. */
    public static Finding notTestable(String claim, String setting, String reason) {
        return new Finding(claim, setting, List.of(), null, Verdict.NOT_TESTABLE, reason);
    }

    /** For JSON. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("claim", claim);
        map.put("setting", setting);
        map.put("values", values);
        if (interval != null) {
            map.put("mean", interval.mean());
            map.put("low", interval.low());
            map.put("high", interval.high());
        }
        map.put("verdict", verdict.toString());
        if (!remark.isEmpty()) {
            map.put("remark", remark);
        }
        return map;
    }
}
