// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a splice does to a model: to the loss of its next tokens, or, where it has no head for those, to its embedding of
 * a text. Ablations put zeros or the mean activation in the same places.
 *
 * @param loss the loss; null for a model without a language-model head
 * @param embedding the embedding; null for one with such a head
 */
public record DownstreamEvaluation(
        @Nullable Loss loss, @Nullable Embedding embedding) {
    /**
     * Mean cross-entropy of the next token, in nats, over all tokens that have one.
     *
     * @param tokens how many those are
     * @param clean of the model as it is
     * @param kl mean of KL(clean ‖ spliced) of the predictions, in nats; NaN where the model only returns the loss
     * @param logitChange mean over tokens of the Euclidean length of the change of all logits; NaN as kl
     * @param largestLogitChange mean over tokens of the largest absolute change of a logit; NaN as kl
     */
    public record Loss(
            long tokens,
            double clean,
            double spliced,
            double zeroAblated,
            double meanAblated,
            double kl,
            double logitChange,
            double largestLogitChange) {
        /** (zero-ablated - spliced) / (zero-ablated - clean): 1 if nothing is lost, 0 if it is as bad as zeros. */
        public double recovered() {
            return (zeroAblated - spliced) / (zeroAblated - clean);
        }
    }

    /**
     * Mean cosine distance, 1 - cos, of a text's embedding from that of the model as it is. The embedding is the model's
     * own where it returns one for a text, otherwise the mean over the text's tokens.
     *
     * @param texts how many
     */
    public record Embedding(long texts, double spliced, double zeroAblated, double meanAblated) {
        /** 1 - spliced / zero-ablated: 1 if nothing is lost, 0 if it is as bad as zeros. */
        public double recovered() {
            return 1 - spliced / zeroAblated;
        }
    }

    /** The numbers under the names that {@code darien evaluate --json} gives them, in its order. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        if (loss != null) {
            map.put("ce_tokens", loss.tokens);
            map.put("ce_clean", loss.clean);
            map.put("ce_spliced", loss.spliced);
            map.put("ce_ablated", loss.zeroAblated);
            map.put("ce_mean_ablated", loss.meanAblated);
            map.put("loss_recovered", loss.recovered());
            if (!Double.isNaN(loss.kl)) {
                map.put("kl", loss.kl);
            }
        }
        if (embedding != null) {
            map.put("texts", embedding.texts);
            map.put("cosine_distance_spliced", embedding.spliced);
            map.put("cosine_distance_ablated", embedding.zeroAblated);
            map.put("cosine_distance_mean_ablated", embedding.meanAblated);
            map.put("embedding_recovered", embedding.recovered());
        }
        return map;
    }
}
