// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One of several runs that a report compares.
 *
 * @param name by which the reader knows it
 * @param figures what it is and came to, under the names of {@code darien train --json} and {@code darien evaluate --json};
 *     {@code l0} and {@code fvu} place it in the Pareto plot
 * @param metrics the course of its training, as in {@link ReportContent}
 */
public record ReportRun(String name, Map<String, Object> figures, List<Map<String, Object>> metrics) {
    public ReportRun {
        figures = Collections.unmodifiableMap(new LinkedHashMap<>(figures));
        metrics = List.copyOf(metrics);
    }
}
