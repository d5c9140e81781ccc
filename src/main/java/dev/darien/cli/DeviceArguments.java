// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.Precision;
import picocli.CommandLine.Option;

/** Where to compute. */
final class DeviceArguments {
    @Option(
            names = "--device",
            paramLabel = "NAME",
            defaultValue = "auto",
            description = "auto, cpu, cpu:vector, cpu:scalar, cuda or cuda:N; anything but auto is never replaced by"
                    + " another (default: ${DEFAULT-VALUE}).")
    private String device = "auto";

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "CPU threads; results don't depend on it (default: one for each core).")
    private int threads;

    /** Threads to scan data with. */
    int resolvedThreads() {
        return options().resolvedThreads();
    }

    Device open() {
        return open(Precision.FP32);
    }

    /** @throws UsageException if the device doesn't compute with this precision */
    Device open(Precision precision) {
        DeviceOptions options = new DeviceOptions(options().threads(), precision);
        return UsageException.check(() -> Devices.open(device, options));
    }

    private DeviceOptions options() {
        return UsageException.check(() -> new DeviceOptions(threads));
    }
}
