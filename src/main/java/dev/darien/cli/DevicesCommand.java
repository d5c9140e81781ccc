// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.DeviceProvider.Candidate;
import dev.darien.device.DeviceUnavailableException;
import dev.darien.device.Devices;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code darien devices}. */
@Command(
        name = "devices",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        description = {
            "Lists the devices that can compute, which one --device auto takes, and why others were passed over.",
            "",
            "The environment variable DARIEN_DEVICE says what auto means.",
            ""
        })
final class DevicesCommand implements Callable<Integer> {
    private static final Pattern VECTOR = Pattern.compile("vector-(\\d+)");

    private final Console console;

    @Option(names = "--json", description = "Print the list as one JSON object.")
    private boolean json;

    DevicesCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        String chosen = chosen();
        List<Map<String, Object>> devices = new ArrayList<>();
        for (Candidate candidate : Devices.discover()) {
            Map<String, Object> device = new LinkedHashMap<>();
            device.put("name", candidate.name());
            device.put("available", candidate.available());
            device.put("chosen", candidate.name().equals(chosen));
            device.put("detail", candidate.detail());
            devices.add(device);
        }
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("devices", devices);
        all.put("simd_bits", simdBits());
        all.put("threads", DeviceOptions.DEFAULT.resolvedThreads());
        all.put("java", Runtime.version().toString());
        all.put("darien", Version.text());
        if (json) {
            console.json(all);
        } else {
            List<List<String>> rows = devices.stream()
                    .map(device -> List.of(
                            Boolean.TRUE.equals(device.get("chosen")) ? "*" : "",
                            String.valueOf(device.get("name")),
                            Boolean.TRUE.equals(device.get("available")) ? "yes" : "no",
                            String.valueOf(device.get("detail"))))
                    .toList();
            console.print(Texts.grid(List.of("", "device", "available", "detail"), rows));
            console.println("* is what --device auto takes. Java " + all.get("java") + ", " + all.get("threads")
                    + " threads, SIMD " + all.get("simd_bits") + " bits.");
        }
        return 0;
    }

    /** What auto takes; nothing where DARIEN_DEVICE names what can't be had, which is worth a list all the more. */
    private String chosen() {
        try {
            return Devices.automatic().name();
        } catch (DeviceUnavailableException e) {
            console.notice(String.valueOf(e.getMessage()));
            return "";
        }
    }

    /** 0 where the CPU computes without the Vector API. */
    private static int simdBits() {
        boolean vector = Devices.discover().stream()
                .anyMatch(candidate -> candidate.name().equals("cpu:vector") && candidate.available());
        if (!vector) {
            return 0;
        }
        try (Device device = Device.open("cpu:vector")) {
            Matcher matcher = VECTOR.matcher(device.kernelsName());
            return matcher.matches() ? Integer.parseInt(matcher.group(1)) : 0;
        }
    }
}
