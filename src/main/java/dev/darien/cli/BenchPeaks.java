// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.Peaks;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the machine is and reaches at best. */
final class BenchPeaks {
    /** Where a device's peaks aren't measured. */
    static final Peaks UNKNOWN = new Peaks(Double.NaN, Double.NaN);

    private BenchPeaks() {}

    /** The peaks of {@code device} now. */
    static Peaks of(Device device) {
        @Nullable Peaks peaks = device.measurePeaks();
        return peaks != null ? peaks : UNKNOWN;
    }

    /** Device, JVM and the best of some measurements, with one thread too. */
    static Map<String, Object> machine(Device device, int threads, int rounds) {
        Peaks all = best(device, rounds);
        Map<String, Object> map = described(device, threads);
        map.put("fma_gflops", all.fmaGflops());
        map.put("copy_gb_per_s", all.copyGigabytesPerSecond());
        if (device.name().equals("cpu:vector") && threads > 1) {
            try (Device alone = Devices.open(device.name(), new DeviceOptions(1))) {
                Peaks one = best(alone, rounds);
                map.put("fma_gflops_1_thread", one.fmaGflops());
                map.put("copy_gb_per_s_1_thread", one.copyGigabytesPerSecond());
            }
        }
        return map;
    }

    /** Device and JVM. */
    static Map<String, Object> described(Device device, int threads) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("device", device.name());
        map.put("kernels", device.kernelsName());
        map.put("description", device.describe());
        map.put("threads", device.name().equals("cpu:scalar") ? 1 : threads);
        map.put("cores", Runtime.getRuntime().availableProcessors());
        map.put("java", Runtime.version().toString());
        map.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        return map;
    }

    private static Peaks best(Device device, int rounds) {
        // Not counted: until the compiler is done.
        Peaks best = of(device);
        for (int round = 0; round < rounds; round++) {
            Peaks now = of(device);
            best = new Peaks(
                    Math.max(best.fmaGflops(), now.fmaGflops()),
                    Math.max(best.copyGigabytesPerSecond(), now.copyGigabytesPerSecond()));
        }
        return best;
    }
}
