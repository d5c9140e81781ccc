// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where a run stands: means over the steps since the last report.
 *
 * @param step steps done
 * @param steps steps of the run
 * @param tokens tokens seen
 * @param loss reconstruction, penalty and auxiliary loss together, in scaled units
 * @param fvu squared error over the data's variance, on training batches; on data without variance 0 if the reconstruction is
 *     exact, infinite otherwise
 * @param l0 active latents for each token
 * @param deadFraction share of latents that haven't fired for the dead window
 * @param auxiliaryLoss the auxiliary loss by itself, before its coefficient
 * @param penaltyCoefficient λ now
 * @param learningRate now
 * @param tokensPerSecond since the last report
 * @param seconds since the run began
 */
public record TrainingMetrics(
        long step,
        long steps,
        long tokens,
        double loss,
        double fvu,
        double l0,
        double deadFraction,
        double auxiliaryLoss,
        double penaltyCoefficient,
        double learningRate,
        double tokensPerSecond,
        double seconds) {

    /** Names and values in a fixed order, for files. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("step", step);
        map.put("tokens", tokens);
        map.put("loss", loss);
        map.put("fvu", fvu);
        map.put("l0", l0);
        map.put("dead_fraction", deadFraction);
        map.put("auxiliary_loss", auxiliaryLoss);
        map.put("penalty_coefficient", penaltyCoefficient);
        map.put("learning_rate", learningRate);
        map.put("tokens_per_second", tokensPerSecond);
        map.put("seconds", seconds);
        return map;
    }
}
