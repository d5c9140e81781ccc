// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import java.util.Arrays;

/**
 * How many neurons are dead, their ReLU 0: the mean over inputs of the share of neurons that are dead for that input
 * (Liu et al. 2023). Each position of a convolution's channel counts as a neuron.
 *
 * @param total the static and the dynamic part together
 * @param staticPart the share of neurons that are dead for all inputs
 * @param dynamicPart what those that are dead for some inputs only add: the sparsity that ReLU brings in
 */
public record DeadNeuronRate(double total, double staticPart, double dynamicPart) {

    /**
     * From how often each neuron was active.
     *
     * @param active for each neuron, the number of inputs for which its output was above 0
     * @param inputs number of inputs
     */
    static DeadNeuronRate of(int[] active, long inputs) {
        long always = Arrays.stream(active).filter(count -> count == 0).count();
        long sometimes = Arrays.stream(active)
                .filter(count -> count > 0)
                .mapToLong(count -> inputs - count)
                .sum();
        double staticPart = always / (double) active.length;
        double dynamicPart = sometimes / ((double) active.length * inputs);
        return new DeadNeuronRate(staticPart + dynamicPart, staticPart, dynamicPart);
    }
}
