// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Closes several things, each whatever happens to the others: what a failed device won't close must not keep the rest. */
public final class Closing {
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
