// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The devices that tests run on: those that {@code darien.test.devices} names (comma-separated), else every CPU device
 * and whatever {@code darien.test.require} names. A device that is missing fails the tests; it never skips them. Tests
 * that go through these devices, and mean something on any of them, are tagged {@code device}.
 */
public final class TestDevices {
    /** System property with the devices to test instead of all. */
    public static final String DEVICES = "darien.test.devices";
    /** System property with the devices that must be there. */
    public static final String REQUIRE = "darien.test.require";

    private static final String DEFAULT_REQUIRED = "cpu:scalar,cpu:vector";
    private static final String DEFAULT_TRAINING = "cpu:vector";

    private TestDevices() {}

    /** For tests of what every device must do alike. */
    public static List<String> all() {
        List<String> chosen = names(System.getProperty(DEVICES, ""));
        if (!chosen.isEmpty()) {
            chosen.forEach(TestDevices::require);
            return chosen;
        }
        List<String> names = new ArrayList<>();
        for (DeviceProvider.Candidate candidate : Devices.discover()) {
            if (candidate.available() && candidate.name().startsWith("cpu:")) {
                names.add(candidate.name());
            }
        }
        for (String required : names(System.getProperty(REQUIRE, DEFAULT_REQUIRED))) {
            require(required);
            if (!names.contains(required)) {
                names.add(required);
            }
        }
        return names;
    }

    /** For tests that one device is enough for: the first of those that were chosen, else {@code cpu:vector}. */
    public static String training() {
        List<String> chosen = names(System.getProperty(DEVICES, DEFAULT_TRAINING));
        String name = chosen.isEmpty() ? DEFAULT_TRAINING : chosen.getFirst();
        require(name);
        return name;
    }

    private static List<String> names(String list) {
        return Arrays.stream(list.split(",", -1))
                .map(String::trim)
                .filter(name -> !name.isEmpty())
                .toList();
    }

    private static void require(String name) {
        List<DeviceProvider.Candidate> candidates = Devices.discover();
        if (candidates.stream()
                .noneMatch(one -> one.available()
                        && (one.name().equals(name) || one.name().startsWith(name + ":")))) {
            throw new AssertionError(
                    "the tests need device '" + name + "' (" + DEVICES + "), which can't be had: " + candidates);
        }
    }
}
