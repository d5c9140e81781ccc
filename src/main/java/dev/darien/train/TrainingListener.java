// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

/** Watches a run; the only way to extend the loop. Called on the training thread. */
public interface TrainingListener extends AutoCloseable {

    /** After a report's worth of steps of one of the run's SAEs, {@code 0} the first. */
    void onReport(int run, TrainingMetrics metrics);

    /** After a checkpoint of all SAEs at {@code step} is safely on disk. */
    default void onCheckpoint(long step) {}

    /** When the run is over. */
    @Override
    default void close() {}
}
