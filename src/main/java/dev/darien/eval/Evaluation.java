// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import java.util.LinkedHashMap;
import java.util.Map;

/** Stand-in until the evaluation branch is merged. */
public record Evaluation(long tokens, double l0, double mse, double fvu, long dead, double deadFraction) {
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("tokens", tokens);
        map.put("l0", l0);
        map.put("mse", mse);
        map.put("fvu", fvu);
        map.put("explained_variance", 1 - fvu);
        map.put("cosine", 0);
        map.put("l2_ratio", 0);
        map.put("relative_bias", 0);
        map.put("dead", dead);
        map.put("dead_fraction", deadFraction);
        map.put("density", Map.of());
        return map;
    }
}
