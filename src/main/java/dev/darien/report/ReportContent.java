// SPDX-License-Identifier: Apache-2.0
package dev.darien.report;

import dev.darien.eval.Evaluation;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a report shows. What is missing is left out of the page; values that aren't numbers where numbers are expected
 * are shown as missing.
 *
 * @param title of the page
 * @param training how the run ended, under the names of {@code darien train --json}
 * @param metrics the course of the run, each under the names of {@link dev.darien.train.TrainingMetrics#asMap()}
 * @param evaluation of the trained SAE; null for none
 * @param inModel what becomes of a model that runs on the SAE's reconstructions, under the names of {@code darien evaluate
 *     --json}; empty for none
 * @param provenance options, data hash, version: whatever says how to get the same result again, in this order
 * @param runs to be compared; empty for none. The rest is of the first of them.
 * @param latents single latents; null for none
 */
public record ReportContent(
        String title,
        Map<String, Object> training,
        List<Map<String, Object>> metrics,
        @Nullable Evaluation evaluation,
        Map<String, Object> inModel,
        Map<String, Object> provenance,
        List<ReportRun> runs,
        @Nullable LatentTable latents) {

    /** One run, without its latents. */
    public ReportContent(
            String title,
            Map<String, Object> training,
            List<Map<String, Object>> metrics,
            @Nullable Evaluation evaluation,
            Map<String, Object> provenance) {
        this(title, training, metrics, evaluation, Map.of(), provenance, List.of(), null);
    }

    public ReportContent {
        runs = List.copyOf(runs);
        training = copy(training);
        inModel = copy(inModel);
        provenance = copy(provenance);
        List<Map<String, Object>> copies = new ArrayList<>();
        for (Map<String, Object> one : metrics) {
            copies.add(copy(one));
        }
        metrics = List.copyOf(copies);
    }

    /** Unlike {@link Map#copyOf}, keeps the order, and nulls, which come from JSON. */
    private static Map<String, Object> copy(Map<String, Object> map) {
        return Collections.unmodifiableMap(new LinkedHashMap<>(map));
    }
}
