// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What was collected.
 *
 * @param tokens number of activations
 * @param sequences number of texts, or of stretches of text
 * @param width d
 * @param context tokens of each sequence; 0 for texts line by line
 * @param skipped texts without a token that counts
 * @param truncated texts that were longer than the longest, and were cut
 * @param shards files written
 * @param seconds that it took, loading the model left out
 * @param newTokens activations that were collected in that time, not by a run before
 * @param finished whether all was collected; otherwise it was stopped
 */
public record CollectResult(
        long tokens,
        long sequences,
        int width,
        int context,
        long skipped,
        long truncated,
        int shards,
        double seconds,
        long newTokens,
        boolean finished) {
    /** The numbers under the names that {@code darien collect --json} gives them, in its order. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("tokens", tokens);
        map.put("sequences", sequences);
        map.put("width", width);
        map.put("context", context);
        map.put("skipped_texts", skipped);
        map.put("truncated_texts", truncated);
        map.put("shards", shards);
        map.put("seconds", seconds);
        map.put("tokens_per_second", seconds > 0 ? newTokens / seconds : 0);
        return map;
    }
}
