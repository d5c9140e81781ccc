// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Device;
import dev.darien.device.Kernels;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A device that hands everything on to another and, when asked to, notes how long each kernel takes in a step. Of several
 * steps the median counts: on a shared machine some calls take many times as long as they should.
 */
final class KernelTimes {
    private final Device device;
    /** By kernel and step. */
    private final Map<String, long[]> nanoseconds = new HashMap<>();

    private int step;
    private int steps;

    KernelTimes(Device device) {
        Kernels kernels = device.kernels();
        Kernels timed = proxy(Kernels.class, (proxy, method, arguments) -> {
            long started = System.nanoTime();
            Object result = call(method, kernels, arguments);
            if (step < steps) {
                device.synchronize();
                nanoseconds.computeIfAbsent(method.getName(), name -> new long[steps])[step] +=
                        System.nanoTime() - started;
            }
            return result;
        });
        this.device = proxy(
                Device.class,
                (proxy, method, arguments) ->
                        method.getName().equals("kernels") ? timed : call(method, device, arguments));
    }

    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }

    /** Without the wrapping that reflection adds to failures. */
    private static Object call(Method method, Object target, Object... arguments) throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    Device device() {
        return device;
    }

    /** From now on the calls of {@code count} steps are timed; {@link #endStep} divides them. */
    void start(int count) {
        nanoseconds.clear();
        step = 0;
        steps = count;
    }

    void endStep() {
        step++;
    }

    /** Seconds of a step by kernel, the longest first. */
    Map<String, Double> medians() {
        Map<String, Double> seconds = new HashMap<>();
        nanoseconds.forEach((name, times) -> {
            long[] sorted = times.clone();
            Arrays.sort(sorted);
            seconds.put(name, sorted[sorted.length / 2] / 1e9);
        });
        Map<String, Double> ordered = new LinkedHashMap<>();
        seconds.entrySet().stream()
                .sorted(Map.Entry.<String, Double>comparingByValue(Comparator.reverseOrder())
                        .thenComparing(Map.Entry.comparingByKey()))
                .forEach(entry -> ordered.put(entry.getKey(), entry.getValue()));
        return ordered;
    }
}
