// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import java.util.ArrayList;
import java.util.List;

/**
 * The devices that kernel tests run on: every CPU device that can be had here, and whatever {@code darien.test.require}
 * names (comma-separated). A required device that is missing fails the tests; it never skips them.
 */
public final class TestDevices {
    /** System property with the devices that must be there. */
    public static final String REQUIRE = "darien.test.require";

    private static final String DEFAULT_REQUIRED = "cpu:scalar,cpu:vector";

    private TestDevices() {}

    public static List<String> all() {
        List<DeviceProvider.Candidate> candidates = Devices.discover();
        List<String> names = new ArrayList<>();
        for (DeviceProvider.Candidate candidate : candidates) {
            if (candidate.available() && candidate.name().startsWith("cpu:")) {
                names.add(candidate.name());
            }
        }
        for (String required : System.getProperty(REQUIRE, DEFAULT_REQUIRED).split(",", -1)) {
            String name = required.trim();
            if (candidates.stream()
                    .noneMatch(one -> one.available() && one.name().equals(name))) {
                throw new AssertionError(
                        "the tests need device '" + name + "' (" + REQUIRE + "), which can't be had: " + candidates);
            }
            if (!names.contains(name)) {
                names.add(name);
            }
        }
        return names;
    }
}
