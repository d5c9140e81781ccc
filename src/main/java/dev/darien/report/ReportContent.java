// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import dev.darien.eval.Evaluation;
import java.util.List;
import java.util.Map;

/** Stand-in until the evaluation branch is merged. */
public record ReportContent(
        String title,
        Map<String, Object> training,
        List<Map<String, Object>> metrics,
        Evaluation evaluation,
        Map<String, Object> provenance) {}
