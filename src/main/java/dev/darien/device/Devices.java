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

    private static final String AUTO = "auto";

    private static final System.Logger LOG = System.getLogger(Devices.class.getName());
    private static volatile boolean warned;

    private Devices() {}

    private record Found(DeviceProvider provider, DeviceProvider.Candidate candidate) {
        String text() {
            return candidate.name() + ": " + candidate.detail();
        }
    }

    /** Every device that was looked for, best first; those that can't be had say why. */
    public static List<DeviceProvider.Candidate> discover() {
        return candidates(providers()).stream().map(Found::candidate).toList();
    }

    /** The candidate that {@code auto} takes. */
    public static DeviceProvider.Candidate automatic() {
        return choose(AUTO).candidate();
    }

    /**
     * Opens a device by name, see {@link Device#open(String)}. Where a kind of device is named, those of other kinds
     * aren't looked for.
     *
     * @throws DeviceUnavailableException if it can't be had; the message holds the reason of every device of its kind
     * @throws IllegalArgumentException if it can't be opened with these options; says which
     */
    public static Device open(String name, DeviceOptions options) {
        Found found = choose(name);
        warnIfScalar(name, found);
        return found.provider().open(found.candidate().name(), options);
    }

    private static Found choose(String requested) {
        String name = requested.trim().toLowerCase(Locale.ROOT);
        @Nullable String environment = System.getenv(ENVIRONMENT);
        if (name.equals(AUTO) && environment != null && !environment.isBlank()) {
            name = environment.trim().toLowerCase(Locale.ROOT);
        }
        String wanted = name;
        String kind = name.replaceFirst(":.*", "");
        List<DeviceProvider> providers = providers();
        List<Found> all = candidates(providers.stream()
                .filter(provider -> wanted.equals(AUTO) || provider.kind().equals(kind))
                .toList());
        List<Found> matching = all.stream()
                .filter(found -> wanted.equals(AUTO)
                        || found.candidate().name().equals(wanted)
                        || found.candidate().name().startsWith(wanted + ":"))
                .toList();
        Optional<Found> best =
                matching.stream().filter(found -> found.candidate().available()).findFirst();
        if (best.isPresent()) {
            return best.get();
        }
        if (all.isEmpty()) {
            throw new DeviceUnavailableException("there is no device '" + wanted + "'; known here: auto, "
                    + providers.stream().map(DeviceProvider::kind).distinct().collect(Collectors.joining(", ")));
        }
        String reasons =
                (matching.isEmpty() ? all : matching).stream().map(Found::text).collect(Collectors.joining("; "));
        throw new DeviceUnavailableException(
                matching.isEmpty()
                                && all.stream()
                                        .anyMatch(found -> found.candidate().available())
                        ? "there is no device '" + wanted + "', only " + reasons
                        : "device '" + wanted + "' can't be used: " + reasons);
    }

    private static List<DeviceProvider> providers() {
        List<DeviceProvider> all = new ArrayList<>();
        Iterator<DeviceProvider> providers = ServiceLoader.load(DeviceProvider.class, Devices.class.getClassLoader())
                .iterator();
        while (true) {
            try {
                if (!providers.hasNext()) {
                    return all;
                }
                all.add(providers.next());
            } catch (ServiceConfigurationError | LinkageError e) {
                // One provider that can't be loaded must not hide the others.
                LOG.log(System.Logger.Level.WARNING, "a device provider could not be loaded: " + e.getMessage());
            }
        }
    }

    private static List<Found> candidates(List<DeviceProvider> providers) {
        List<Found> all = new ArrayList<>();
        for (DeviceProvider provider : providers) {
            try {
                provider.candidates().forEach(candidate -> all.add(new Found(provider, candidate)));
            } catch (LinkageError e) {
                all.add(new Found(
                        provider,
                        new DeviceProvider.Candidate(
                                provider.kind(), false, Integer.MIN_VALUE, "can't be loaded: " + e.getMessage())));
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
        candidates(List.of(chosen.provider())).stream()
                .filter(found -> found.candidate().name().equals("cpu:vector"))
                .findFirst()
                .ifPresent(vector -> LOG.log(
                        System.Logger.Level.WARNING,
                        "computing with the slow scalar kernels; cpu:vector: "
                                + vector.candidate().detail()));
    }
}
