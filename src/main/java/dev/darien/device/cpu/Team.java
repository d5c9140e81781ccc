// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Threads that work on the chunks of one task together. Chunks are handed out in ascending order to whoever is free, so
 * a task whose chunks don't touch each other's results computes the same bits on any number of threads. The caller
 * works too, as worker 0. A run allocates nothing.
 *
 * <p>One task runs at a time. Workers wait by spinning for some microseconds, in which the next task of a training step
 * usually arrives, and by parking after that.
 */
final class Team implements AutoCloseable {
    /** Work cut into chunks. */
    @FunctionalInterface
    interface Task {
        /**
         * Does one chunk.
         *
         * @param worker who does it, from 0 to {@link #threads()} - 1, for scratch space of its own
         */
        void run(int chunk, int worker);
    }

    private static final int SPINS = 2_000;

    private final Thread[] workers;
    private final AtomicBoolean[] parked;
    private final int spins;
    private final AtomicBoolean busy = new AtomicBoolean();
    private final AtomicInteger unclaimed = new AtomicInteger();
    private final AtomicInteger unfinished = new AtomicInteger();
    private final Object failureLock = new Object();
    private volatile boolean closed;
    private volatile @Nullable Thread waitingCaller;

    // Written before `unclaimed` makes a run visible, and not again before its last chunk has finished; read only by
    // whoever holds a chunk.
    private @Nullable Task task;
    private int chunks;
    private @Nullable Throwable failure;
    private int failedChunk;

    /**
     * Starts {@code threads - 1} daemon threads; the caller of {@link #run} is the remaining one.
     *
     * @throws IllegalArgumentException if there is less than one
     */
    Team(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("a team needs at least 1 thread, not " + threads);
        }
        // With more threads than cores, one that spins keeps another from working.
        spins = threads <= Runtime.getRuntime().availableProcessors() ? SPINS : 0;
        workers = new Thread[threads - 1];
        parked = new AtomicBoolean[threads - 1];
        for (int at = 0; at < workers.length; at++) {
            int worker = at + 1;
            parked[at] = new AtomicBoolean();
            workers[at] =
                    Thread.ofPlatform().daemon().name("darien-worker-" + worker).unstarted(() -> work(worker));
        }
        for (Thread worker : workers) {
            worker.start();
        }
    }

    /** How many threads work, the caller's included. */
    int threads() {
        return workers.length + 1;
    }

    /**
     * Runs chunks 0 to {@code count - 1} and returns when all have finished. If one throws, no further ones are begun,
     * and what was thrown for the lowest chunk is thrown here once the others have stopped.
     *
     * @throws IllegalStateException if a task is running, on whatever thread, or the team is closed
     */
    void run(int count, Task work) {
        if (!busy.compareAndSet(false, true)) {
            throw new IllegalStateException("a team runs one task at a time, and a task can't run another on its team");
        }
        try {
            if (closed) {
                throw new IllegalStateException("the team is closed");
            }
            if (count > 0) {
                start(count, work);
                takePart(0);
                await();
            }
            rethrow();
        } finally {
            task = null;
            failure = null;
            busy.set(false);
        }
    }

    private void start(int count, Task work) {
        task = work;
        chunks = count;
        unfinished.set(count);
        unclaimed.set(count);
        // The caller takes one chunk itself.
        for (int at = 0, wanted = count - 1; at < workers.length && wanted > 0; at++, wanted--) {
            if (parked[at].get()) {
                LockSupport.unpark(workers[at]);
            }
        }
    }

    /** Does chunks until none is left to begin. */
    private void takePart(int worker) {
        int left = unclaimed.get();
        while (left > 0) {
            if (unclaimed.compareAndSet(left, left - 1)) {
                runChunk(chunks - left, worker);
            }
            left = unclaimed.get();
        }
    }

    private void runChunk(int chunk, int worker) {
        int finished = 1;
        try {
            Task current = task;
            if (current != null) {
                current.run(chunk, worker);
            }
        } catch (Throwable thrown) {
            synchronized (failureLock) {
                if (failure == null || chunk < failedChunk) {
                    failure = thrown;
                    failedChunk = chunk;
                }
            }
            finished += unclaimed.getAndSet(0);
        }
        // From here on the caller may return and begin another run: nothing of this one may be touched.
        if (unfinished.addAndGet(-finished) == 0) {
            LockSupport.unpark(waitingCaller);
        }
    }

    private void await() {
        for (int spin = 0; spin < spins && unfinished.get() > 0; spin++) {
            Thread.onSpinWait();
        }
        if (unfinished.get() > 0) {
            waitingCaller = Thread.currentThread();
            while (unfinished.get() > 0) {
                LockSupport.park(this);
            }
            waitingCaller = null;
        }
    }

    private void rethrow() {
        Throwable thrown;
        synchronized (failureLock) {
            thrown = failure;
        }
        if (thrown instanceof RuntimeException exception) {
            throw exception;
        }
        if (thrown instanceof Error error) {
            throw error;
        }
    }

    private void work(int worker) {
        AtomicBoolean asleep = parked[worker - 1];
        while (!closed) {
            takePart(worker);
            for (int spin = 0; spin < spins && unclaimed.get() == 0 && !closed; spin++) {
                Thread.onSpinWait();
            }
            // Whoever brings work sets `unclaimed` first and looks at `asleep` second; the other way round here, so
            // that one of the two sees the other.
            asleep.set(true);
            if (unclaimed.get() == 0 && !closed) {
                LockSupport.park(this);
            }
            asleep.set(false);
        }
    }

    /**
     * Ends the threads; idempotent.
     *
     * @throws IllegalStateException if a task is running
     */
    @Override
    public void close() {
        if (!busy.compareAndSet(false, true)) {
            throw new IllegalStateException("a team can't be closed while it runs a task");
        }
        try {
            closed = true;
            boolean interrupted = false;
            for (Thread worker : workers) {
                LockSupport.unpark(worker);
                while (worker.isAlive()) {
                    try {
                        worker.join();
                    } catch (InterruptedException e) {
                        interrupted = true;
                    }
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        } finally {
            busy.set(false);
        }
    }
}
