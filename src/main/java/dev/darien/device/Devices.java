// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Discovery and selection of devices. */
public final class Devices {
    /** Environment variable that says what {@code auto} means. */
    public static final String ENVIRONMENT = "DARIEN_DEVICE";

    private static final System.Logger LOG = System.getLogger(Devices.class.getName());
    private static volatile boolean warned;

    private Devices() {}

    private record Found(DeviceProvider provider, DeviceProvider.Candidate candidate) {}

    /** Every device that was looked for, best first; those that can't be had say why. */
    public static List<DeviceProvider.Candidate> discover() {
        return find().stream().map(Found::candidate).toList();
    }

    /** The candidate that {@code auto} takes. */
    public static DeviceProvider.Candidate automatic() {
        return choose("auto").candidate();
    }

    /**
     * Opens a device by name, see {@link Device#open(String)}.
     *
     * @throws DeviceUnavailableException if it can't be had
     */
    public static Device open(String name, DeviceOptions options) {
        Found found = choose(name);
        warnIfScalar(name, found);
        return found.provider().open(found.candidate().name(), options);
    }

    private static Found choose(String requested) {
        String name = requested.trim().toLowerCase(Locale.ROOT);
        @Nullable String environment = System.getenv(ENVIRONMENT);
        if (name.equals("auto") && environment != null && !environment.isBlank()) {
            name = environment.trim().toLowerCase(Locale.ROOT);
        }
        String wanted = name;
        List<Found> all = find();
        List<Found> matching = all.stream()
                .filter(found -> wanted.equals("auto")
                        || found.candidate().name().equals(wanted)
                        || found.candidate().name().startsWith(wanted + ":"))
                .toList();
        Optional<Found> best =
                matching.stream().filter(found -> found.candidate().available()).findFirst();
        if (best.isPresent()) {
            return best.get();
        }
        if (matching.isEmpty()) {
            throw new DeviceUnavailableException("there is no device '" + wanted + "'; known here: auto, "
                    + all.stream().map(found -> found.candidate().name()).collect(Collectors.joining(", ")));
        }
        throw new DeviceUnavailableException("device '" + wanted + "' can't be used: "
                + matching.stream()
                        .map(found -> found.candidate().name() + ": "
                                + found.candidate().detail())
                        .collect(Collectors.joining("; ")));
    }

    private static List<Found> find() {
        List<Found> all = new ArrayList<>();
        Iterator<DeviceProvider> providers = ServiceLoader.load(DeviceProvider.class, Devices.class.getClassLoader())
                .iterator();
        while (true) {
            try {
                if (!providers.hasNext()) {
                    break;
                }
                DeviceProvider provider = providers.next();
                provider.candidates().forEach(candidate -> all.add(new Found(provider, candidate)));
            } catch (ServiceConfigurationError | LinkageError e) {
                // One provider that can't be loaded must not hide the others.
                LOG.log(System.Logger.Level.WARNING, "a device provider could not be loaded: " + e.getMessage());
            }
        }
        all.sort(Comparator.comparingInt((Found found) -> found.candidate().priority())
                .reversed());
        return all;
    }

    private static void warnIfScalar(String requested, Found chosen) {
        if (warned
                || requested.equals("cpu:scalar")
                || !chosen.candidate().name().equals("cpu:scalar")) {
            return;
        }
        warned = true;
        find().stream()
                .filter(found -> found.candidate().name().equals("cpu:vector"))
                .findFirst()
                .ifPresent(vector -> LOG.log(
                        System.Logger.Level.WARNING,
                        "computing with the slow scalar kernels; cpu:vector: "
                                + vector.candidate().detail()));
    }
}
