// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

/** Where the decoder bias starts. */
public enum BiasInit {
    ZERO,
    /** Mean of all activations. */
    MEAN,
    /** Point with the least sum of distances to a sample of at most 32,768 activations. */
    GEOMETRIC_MEDIAN
}
