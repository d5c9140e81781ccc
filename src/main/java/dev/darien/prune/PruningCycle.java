// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One cycle: pruning, and training anew from the first weights. Cycle 0 trains all weights.
 *
 * @param number from 0
 * @param mask which weights are left; biases are never pruned
 * @param accuracy of the trained network, on images it hasn't seen
 * @param dead its dead neurons, over the training images
 * @param pruning what was pruned before it was trained; null in cycle 0
 */
public record PruningCycle(
        int number,
        PruningMask mask,
        double accuracy,
        DeadNeuronRate dead,
        @Nullable Pruned pruning) {

    /**
     * What a cycle pruned, and what that did to the trained network before it was rewound.
     *
     * @param byBase weights pruned by the base method
     * @param byActivating weights pruned by the activating step
     * @param afterBase dead neurons after the base method
     * @param afterAll dead neurons after the activating step too
     */
    public record Pruned(int byBase, int byActivating, DeadNeuronRate afterBase, DeadNeuronRate afterAll) {}

    /** For JSON; the rates as {@code dead_neuron_rate}, {@code static_dead_neuron_rate}, {@code dynamic_dead_neuron_rate}. */
    public Map<String, Object> asMap() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("cycle", number);
        map.put("weights", mask.surviving());
        map.put("sparsity", mask.sparsity());
        map.put("accuracy", accuracy);
        map.put("dead_neuron_rate", dead.total());
        map.put("static_dead_neuron_rate", dead.staticPart());
        map.put("dynamic_dead_neuron_rate", dead.dynamicPart());
        if (pruning != null) {
            map.put("pruned_by_base", pruning.byBase());
            map.put("pruned_by_ap", pruning.byActivating());
            map.put("dynamic_dead_neuron_rate_after_base", pruning.afterBase().dynamicPart());
            map.put("dynamic_dead_neuron_rate_after_ap", pruning.afterAll().dynamicPart());
        }
        return map;
    }
}
