// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

/**
 * How a run ended.
 *
 * @param finished whether all steps were done; false if it was interrupted, with a checkpoint written where there is a
 *     folder for it
 * @param steps steps done in all
 * @param tokens tokens seen in all
 * @param seconds that the run took, with its earlier parts up to the checkpoint it was resumed from
 * @param tokensPerSecond batch divided by the median step time, reading the data included, the first fifth of the steps
 *     left out
 */
public record TrainingResult(boolean finished, long steps, long tokens, double seconds, double tokensPerSecond) {}
