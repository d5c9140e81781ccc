// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

/**
 * How long the benchmark measures.
 *
 * @param rounds in each of which everything is measured once
 * @param warmUpSeconds of each kernel before the first round, at least
 * @param kernelSeconds of each kernel in a round
 * @param stepSeconds of training in a round
 */
record BenchEffort(int rounds, double warmUpSeconds, double kernelSeconds, double stepSeconds) {
    static BenchEffort of(int rounds) {
        return new BenchEffort(rounds, 1.5, 0.06, 2);
    }
}
