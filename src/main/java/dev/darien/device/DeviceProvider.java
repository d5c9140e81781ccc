// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import java.util.List;

/** Finds devices of one kind; found itself by {@link java.util.ServiceLoader}. */
public interface DeviceProvider {

    /**
     * A device that might be opened.
     *
     * @param name what it is opened by, {@code cpu:vector}
     * @param available whether it can be opened here
     * @param priority the highest available one is what {@code auto} takes
     * @param detail a description if available, else why not and what would change that
     */
    record Candidate(String name, boolean available, int priority, String detail) {}

    /** Every device of this kind, those that can't be had included. Must not fail. */
    List<Candidate> candidates();

    /** Opens a candidate of this provider by its name. */
    Device open(String name, DeviceOptions options);
}
