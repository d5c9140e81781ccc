// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import java.util.List;

/** Offers {@link RemoteDevice} to whoever names it; nothing takes it by itself. Counts how often it was asked. */
public final class RemoteDeviceProvider implements DeviceProvider {
    static int asked;

    /** Called by {@link java.util.ServiceLoader}. */
    public RemoteDeviceProvider() {}

    @Override
    public String kind() {
        return RemoteDevice.NAME;
    }

    @Override
    public List<Candidate> candidates() {
        asked++;
        return List.of(
                new Candidate(RemoteDevice.NAME, true, Integer.MIN_VALUE, "a stand-in for a GPU, for tests"),
                new Candidate(RemoteDevice.NAME + ":1", false, Integer.MIN_VALUE, "there is only one"));
    }

    @Override
    public Device open(String name, DeviceOptions options) {
        return new RemoteDevice(options);
    }
}
