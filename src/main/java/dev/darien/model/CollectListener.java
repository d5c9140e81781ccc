// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

/** Hears how far a collection is. */
@FunctionalInterface
public interface CollectListener {
    /**
     * Called now and then, on the thread that collects.
     *
     * @param tokens activations so far
     * @param share of all that there is to do, from 0 to 1, about
     * @param seconds since it began
     * @return whether to go on; otherwise what is begun is finished and what is written stays
     */
    boolean onProgress(long tokens, double share, double seconds);
}
