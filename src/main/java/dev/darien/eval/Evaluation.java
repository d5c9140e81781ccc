// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * How an SAE does on data. With x an activation of width d, x̂ its reconstruction and x̄ the mean of all activations; of a
 * transcoder, x is the target. Of a crosscoder, whose tensors lie side by side in x, they are multiplied by their scales
 * first, so that none counts more because its activations are larger:
 *
 * @param tokens number of activations
 * @param l0 mean number of non-zero latents for each token
 * @param mse mean over tokens of ‖x - x̂‖², summed over d
 * @param fvu fraction of variance unexplained, Σ‖x - x̂‖² / Σ‖x - x̄‖² over all tokens. On data without variance it is
 *     0 if the reconstruction is exact, infinite otherwise.
 * @param cosine mean of cos(x, x̂) over tokens with x ≠ 0; where x̂ = 0 it counts as 0. NaN if every x is 0.
 * @param l2Ratio mean of ‖x̂‖/‖x‖ over tokens with x ≠ 0; NaN if every x is 0
 * @param relativeBias relative reconstruction bias γ = E‖x̂‖² / E[x̂·x] (Rajamanoharan et al. 2024, Gated SAEs): 1
 *     without bias, below 1 with shrinkage; NaN if every x̂ is 0
 * @param tensors of a crosscoder, how each tensor by itself is reconstructed, by its name; else empty
 * @param density how often latents fire
 * @param fires number of tokens on which each latent is active, [latents]
 */
@SuppressWarnings("ArrayRecordComponent") // copied on the way in and out
public record Evaluation(
        long tokens,
        double l0,
        double mse,
        double fvu,
        double cosine,
        double l2Ratio,
        double relativeBias,
        Map<String, TensorEvaluation> tensors,
        Density density,
        long[] fires) {
    /**
     * One tensor of a crosscoder, its activations as they come.
     *
     * @param mse as {@link Evaluation#mse()}
     * @param fvu as {@link Evaluation#fvu()}
     */
    public record TensorEvaluation(double mse, double fvu) {}

    public Evaluation {
        tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
        fires = fires.clone();
    }

    @Override
    public long[] fires() {
        return fires.clone();
    }

    /** Number of latents, F. */
    public int latents() {
        return fires.length;
    }

    /** 1 - {@link #fvu()}. */
    public double explainedVariance() {
        return 1 - fvu;
    }

    /** Number of latents that never fired on this data. */
    public int dead() {
        return density.zero();
    }

    /** Share of latents that never fired on this data. */
    public double deadFraction() {
        return (double) dead() / Math.max(1, latents());
    }

    /** The metrics under the names that {@code darien evaluate --json} gives them, in its order. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("tokens", tokens);
        map.put("l0", l0);
        map.put("mse", mse);
        map.put("fvu", fvu);
        map.put("explained_variance", explainedVariance());
        map.put("cosine", cosine);
        map.put("l2_ratio", l2Ratio);
        map.put("relative_bias", relativeBias);
        if (!tensors.isEmpty()) {
            Map<String, Object> each = new LinkedHashMap<>();
            tensors.forEach((name, tensor) -> each.put(name, Map.of("mse", tensor.mse(), "fvu", tensor.fvu())));
            map.put("tensors", each);
        }
        map.put("dead", dead());
        map.put("dead_fraction", deadFraction());
        map.put("density", density.asMap());
        return map;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Evaluation that && asMap().equals(that.asMap()) && Arrays.equals(fires, that.fires);
    }

    @Override
    public int hashCode() {
        return 31 * asMap().hashCode() + Arrays.hashCode(fires);
    }
}
