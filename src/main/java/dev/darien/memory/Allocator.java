// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A named owner of memory. Allocators form a tree; every byte is counted at its owner and at all owners above, so that
 * {@link #allocatedBytes()} of the root is what the whole program holds. Closing an allocator that still has memory out
 * is a {@link LeakException} with the byte counts, and with the allocation sites when {@link #debugging()} is on.
 *
 * <p>Thread-safe. Closing is idempotent.
 */
public final class Allocator implements AutoCloseable {
    /** System property that switches on allocation sites: {@code darien.memory.debug=true}. */
    public static final String DEBUG_PROPERTY = "darien.memory.debug";

    private static final Set<Allocator> TREES = ConcurrentHashMap.newKeySet();

    private final String name;
    private final @Nullable Allocator parent;
    private final Storage storage;
    private final AtomicLong allocated = new AtomicLong();
    private final AtomicLong peak = new AtomicLong();
    private final AtomicLong allocations = new AtomicLong();
    private final Set<Reservation> live = new LinkedHashSet<>();
    private final Set<Allocator> children = new LinkedHashSet<>();
    private final AtomicBoolean closed = new AtomicBoolean();

    private Allocator(String name, @Nullable Allocator parent, Storage storage) {
        this.name = name;
        this.parent = parent;
        this.storage = storage;
    }

    /** A new tree of owners over host memory. */
    public static Allocator host(String name) {
        return over(name, Storage.HOST);
    }

    /** A new tree of owners over {@code storage}. */
    public static Allocator over(String name, Storage storage) {
        Allocator root = new Allocator(name, null, storage);
        TREES.add(root);
        return root;
    }

    /**
     * The roots of all trees that are open in this JVM, those of every device among them: what isn't there holds nothing.
     * For tests and services that watch for leaks.
     */
    public static Set<Allocator> trees() {
        return Set.copyOf(TREES);
    }

    /** An owner below this one, which must be closed before it. */
    public Allocator child(String childName) {
        Allocator child = new Allocator(childName, this, storage);
        synchronized (children) {
            requireOpen();
            children.add(child);
        }
        return child;
    }

    /** Whether new allocations remember where they were made. */
    public static boolean debugging() {
        return Boolean.getBoolean(DEBUG_PROPERTY);
    }

    /**
     * A zeroed matrix whose rows start at multiples of 64 bytes.
     *
     * @param label what it is for, shown when it leaks
     * @throws IllegalArgumentException if a size is negative or the product overflows
     * @throws OutOfMemoryError if the memory can't be had; says how much was asked for, how much is held, what the
     *     storage says (a GPU's: how much is free), and what to lower
     */
    public Matrix matrix(String label, DType dtype, long rows, int columns) {
        if (rows < 0 || columns < 0) {
            throw new IllegalArgumentException(label + " can't have " + rows + " rows and " + columns + " columns");
        }
        long perLine = Storage.ALIGNMENT / dtype.bytes();
        long stride = rows <= 1 ? columns : (columns + perLine - 1) / perLine * perLine;
        long bytes;
        try {
            bytes = Math.multiplyExact(Math.multiplyExact(rows, stride), dtype.bytes());
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(label + " of " + rows + " x " + columns + " is too large to address", e);
        }
        Reservation reservation = reserve(label, Math.max(bytes, Storage.ALIGNMENT));
        try {
            Storage.Block block = storage.allocate(Math.max(bytes, Storage.ALIGNMENT));
            reservation.onRelease(block.release());
            return new Matrix(block.segment(), dtype, rows, columns, stride, reservation);
        } catch (OutOfMemoryError e) {
            reservation.close();
            throw explained(label, bytes, e);
        } catch (RuntimeException | Error e) {
            reservation.close();
            throw e;
        }
    }

    private OutOfMemoryError explained(String label, long bytes, OutOfMemoryError cause) {
        String said = cause.getMessage() == null ? "" : cause.getMessage().strip();
        OutOfMemoryError explained = new OutOfMemoryError("%s asked for %s for %s while %s is held%s; lower the batch, "
                        .formatted(
                                name,
                                humanBytes(bytes),
                                label,
                                humanBytes(root().allocatedBytes()),
                                said.isEmpty() ? "" : " (" + said + ")")
                + "the number of latents or the number of SAEs trained at once");
        explained.initCause(cause);
        return explained;
    }

    /** A zeroed single-precision matrix. */
    public Matrix matrix(String label, long rows, int columns) {
        return matrix(label, DType.F32, rows, columns);
    }

    /** A zeroed single-precision vector, a matrix of one row. */
    public Matrix vector(String label, int length) {
        return matrix(label, DType.F32, 1, length);
    }

    /** Counts {@code bytes} that live elsewhere (heap panels, say) as held by this owner until the reservation is closed. */
    public Reservation reserve(String label, long bytes) {
        Reservation reservation = new Reservation(this, label, bytes);
        synchronized (live) {
            requireOpen();
            live.add(reservation);
        }
        allocations.incrementAndGet();
        for (Allocator owner = this; owner != null; owner = owner.parent) {
            long now = owner.allocated.addAndGet(bytes);
            owner.peak.accumulateAndGet(now, Math::max);
        }
        return reservation;
    }

    void released(Reservation reservation) {
        synchronized (live) {
            live.remove(reservation);
        }
        for (Allocator owner = this; owner != null; owner = owner.parent) {
            owner.allocated.addAndGet(-reservation.bytes());
        }
    }

    /** Gives back all that is held here and below: for a constructor that fails half-way, whose parts nobody has yet. */
    public void releaseAll() {
        List<Reservation> held;
        synchronized (live) {
            held = List.copyOf(live);
        }
        held.forEach(Reservation::close);
        List<Allocator> below;
        synchronized (children) {
            below = List.copyOf(children);
        }
        below.forEach(Allocator::releaseAll);
    }

    /** Name of this owner. */
    public String name() {
        return name;
    }

    /** Bytes held now by this owner and those below it. */
    public long allocatedBytes() {
        return allocated.get();
    }

    /** The most bytes held at any moment, or since {@link #resetPeak()}. */
    public long peakBytes() {
        return peak.get();
    }

    /** Forgets what was held at most before now. */
    public void resetPeak() {
        peak.set(allocated.get());
    }

    /** How many allocations this owner itself has made so far. */
    public long allocations() {
        return allocations.get();
    }

    /** How many allocations this owner and all those now below it have made so far. */
    public long totalAllocations() {
        long total = allocations.get();
        synchronized (children) {
            for (Allocator child : children) {
                total += child.totalAllocations();
            }
        }
        return total;
    }

    /**
     * Ends this owner.
     *
     * @throws LeakException if memory is still held here or below
     */
    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        if (parent != null) {
            synchronized (parent.children) {
                parent.children.remove(this);
            }
        } else {
            TREES.remove(this);
        }
        long leaked = allocated.get();
        if (leaked != 0) {
            List<String> lines = new ArrayList<>();
            describeLeaks(lines);
            throw new LeakException(
                    "%s was closed with %,d bytes still held:%n  %s"
                            .formatted(name, leaked, String.join(System.lineSeparator() + "  ", lines)),
                    leaked);
        }
    }

    private void describeLeaks(List<String> lines) {
        synchronized (live) {
            for (Reservation reservation : live) {
                lines.add("%s/%s: %,d bytes%s"
                        .formatted(name, reservation.label(), reservation.bytes(), reservation.site()));
            }
        }
        synchronized (children) {
            for (Allocator child : children) {
                child.describeLeaks(lines);
            }
        }
    }

    private Allocator root() {
        Allocator owner = this;
        while (owner.parent != null) {
            owner = owner.parent;
        }
        return owner;
    }

    private void requireOpen() {
        if (closed.get()) {
            throw new IllegalStateException("the allocator " + name + " is closed");
        }
    }

    /** {@code bytes} for people: {@code 1.5 GB}. */
    public static String humanBytes(long bytes) {
        if (bytes < 1000) {
            return bytes + " bytes";
        }
        String[] units = {"kB", "MB", "GB", "TB", "PB", "EB"};
        double value = bytes;
        int unit = -1;
        while (value >= 1000) {
            value /= 1000;
            unit++;
        }
        return String.format(Locale.ROOT, "%.1f %s", value, units[unit]);
    }
}
