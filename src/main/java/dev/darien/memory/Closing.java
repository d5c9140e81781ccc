// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Closes several things, each whatever happens to the others: what a failed device won't close must not keep the rest. */
public final class Closing {
    private static final long WAIT_NANOS = 100_000;

    private Closing() {}

    /** Closes all in this order, then throws the first exception of any, with the others as suppressed ones. */
    public static void all(List<? extends AutoCloseable> resources) {
        RuntimeException first = null;
        for (AutoCloseable resource : resources) {
            RuntimeException failure = close(resource);
            if (first == null) {
                first = failure;
            } else {
                suppress(first, failure);
            }
        }
        if (first != null) {
            throw first;
        }
    }

    /** Closes all in this order because of {@code cause}, which keeps what they throw as suppressed exceptions. */
    public static void after(Throwable cause, @Nullable AutoCloseable... resources) {
        for (AutoCloseable resource : resources) {
            if (resource != null) {
                suppress(cause, close(resource));
            }
        }
    }

    /** Closes a shared arena once no thread is in native code, or in the system, with its memory, which Java won't wait for. */
    public static void whenFree(Arena arena) {
        while (true) {
            try {
                arena.close();
                return;
            } catch (IllegalStateException e) {
                if (!arena.scope().isAlive()) {
                    throw e;
                }
                LockSupport.parkNanos(WAIT_NANOS);
            }
        }
    }

    private static @Nullable RuntimeException close(AutoCloseable resource) {
        try {
            resource.close();
            return null;
        } catch (RuntimeException e) {
            return e;
        } catch (Exception e) {
            return new IllegalStateException("closing failed: " + e.getMessage(), e);
        }
    }

    private static void suppress(Throwable cause, @Nullable RuntimeException failure) {
        if (failure != null && failure != cause) {
            cause.addSuppressed(failure);
        }
    }
}
