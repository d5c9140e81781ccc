// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.Device;
import dev.darien.device.Kernels;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** A device that hands everything on to another and, when asked to, adds up how long each kernel takes. */
final class KernelTimes {
    private final Device device;
    private final Map<String, Long> nanoseconds = new HashMap<>();
    private boolean running;

    KernelTimes(Device device) {
        Kernels kernels = device.kernels();
        Kernels timed = proxy(Kernels.class, (proxy, method, arguments) -> {
            long started = System.nanoTime();
            Object result = call(method, kernels, arguments);
            if (running) {
                device.synchronize();
                nanoseconds.merge(method.getName(), System.nanoTime() - started, Long::sum);
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

    void start() {
        nanoseconds.clear();
        running = true;
    }

    /** Seconds by kernel for each of {@code steps} steps since the start, the longest first. */
    Map<String, Double> stop(int steps) {
        running = false;
        Map<String, Double> seconds = new LinkedHashMap<>();
        nanoseconds.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder())
                        .thenComparing(Map.Entry.comparingByKey()))
                .forEach(entry -> seconds.put(entry.getKey(), entry.getValue() / 1e9 / steps));
        return seconds;
    }
}
