// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import java.util.List;

/**
 * Finds devices of one kind; found itself by {@link java.util.ServiceLoader}. Making one and asking for its kind must
 * touch no library and no device: only {@link #candidates} looks for them, which is called only where devices of this
 * kind come into question.
 */
public interface DeviceProvider {

    /**
     * A device that might be opened.
     *
     * @param name what it is opened by, {@code cpu:vector}: the kind, alone or before a colon
     * @param available whether it can be opened here
     * @param priority the highest available one is what {@code auto} takes
     * @param detail a description if available, else why not and what would change that
     */
    record Candidate(String name, boolean available, int priority, String detail) {}

    /** What the names of its devices begin with: {@code cpu}, {@code cuda}. */
    String kind();

    /**
     * Every device of this kind, those that can't be had included; where there is none at all, one that isn't available
     * and says why. Must not fail.
     */
    List<Candidate> candidates();

    /**
     * Opens a candidate of this provider by its name.
     *
     * @throws DeviceUnavailableException if it can't be had after all
     * @throws IllegalArgumentException if it can't be opened with these options; says which
     */
    Device open(String name, DeviceOptions options);
}
