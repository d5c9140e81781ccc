// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import java.util.Random;

/** Every kernel on a device whose own memory is guarded. */
public final class GuardedKernels {
    private GuardedKernels() {}

    /** Runs each on {@code cases} random problems, in matrices of their own; returns how many kernels there are. */
    public static int run(String name, int cases) {
        try (Device device = Device.open(name)) {
            for (KernelId kernel : KernelId.values()) {
                for (int seed = 0; seed < cases; seed++) {
                    try (DeviceFixture fixture = DeviceFixture.on(device, null)) {
                        KernelCases.run(kernel, fixture, new Random(seed));
                        fixture.synchronize();
                    } catch (RuntimeException | AssertionError e) {
                        throw new AssertionError(kernel + ", seed " + seed + ": " + e.getMessage(), e);
                    }
                }
            }
        }
        return KernelId.values().length;
    }
}
