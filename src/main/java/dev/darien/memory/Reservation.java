// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Bytes that an {@link Allocator} counts as held; closing gives them back, once. */
public final class Reservation implements AutoCloseable {
    private final Allocator owner;
    private final String label;
    private final long bytes;
    private final @Nullable Throwable site;
    private final AtomicBoolean closed = new AtomicBoolean();
    private volatile @Nullable Runnable release;

    Reservation(Allocator owner, String label, long bytes) {
        this.owner = owner;
        this.label = label;
        this.bytes = bytes;
        this.site = Allocator.debugging() ? new Throwable("allocated here") : null;
    }

    void onRelease(Runnable action) {
        release = action;
    }

    String label() {
        return label;
    }

    /** Bytes held. */
    public long bytes() {
        return bytes;
    }

    String site() {
        if (site == null) {
            return "";
        }
        // Frames of this package are ours; the first outside it is where a reader will look.
        return Arrays.stream(site.getStackTrace())
                .filter(frame ->
                        !frame.getClassName().matches("dev\\.darien\\.memory\\.(Allocator|Reservation|SparseCodes)"))
                .limit(6)
                .map(frame -> System.lineSeparator() + "      at " + frame)
                .collect(Collectors.joining());
    }

    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        Runnable action = release;
        try {
            if (action != null) {
                action.run();
            }
        } finally {
            owner.released(this);
        }
    }
}
