// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Whose turn it is to use something that one thread at a time may use, and nobody once it is closed:
 *
 * <pre>{@code
 * try (Turn held = turn.take()) {
 *     …
 * }
 * }</pre>
 *
 * <p>Who comes while another thread is at it is refused, so that a mistake is an exception, and neither a wrong number nor
 * memory that is freed under a kernel. Giving memory back waits instead: it may come from any thread. A thread that has
 * the turn may take it again, and takes nothing from the heap.
 */
public final class Turn implements AutoCloseable {
    private final String what;
    private final ReentrantLock lock = new ReentrantLock();
    /** Who has taken it, and not merely waits for an end; written under the lock. */
    private volatile @Nullable Thread user;

    private boolean ended;

    /** @param what is used, for messages: {@code the device cuda:0} */
    public Turn(String what) {
        this.what = what;
    }

    /**
     * The turn, until {@link #close}.
     *
     * @throws IllegalStateException if another thread has it, or {@link #end} was called
     */
    public Turn take() {
        if (!lock.tryLock()) {
            Thread other = user;
            if (other != null) {
                throw inUse(other);
            }
            // Somebody gives memory back, which doesn't take long.
            lock.lock();
        }
        if (ended) {
            lock.unlock();
            throw closed();
        }
        user = Thread.currentThread();
        return this;
    }

    private IllegalStateException closed() {
        return new IllegalStateException(what + " is closed");
    }

    private IllegalStateException inUse(Thread other) {
        return new IllegalStateException(what + " is in use by the thread " + other.getName()
                + "; one thread at a time may use it, and it is closed when none does");
    }

    /** Gives the turn back. */
    @Override
    public void close() {
        if (lock.getHoldCount() == 1) {
            user = null;
        }
        lock.unlock();
    }

    /**
     * Nobody may take it from now on.
     *
     * @return whether this is the first time
     * @throws IllegalStateException if a thread has it, this one included; nothing has changed then
     */
    public boolean end() {
        if (!lock.tryLock()) {
            Thread other = user;
            if (other != null) {
                throw inUse(other);
            }
            lock.lock();
        }
        try {
            if (lock.getHoldCount() > 1) {
                throw inUse(Thread.currentThread());
            }
            boolean first = !ended;
            ended = true;
            return first;
        } finally {
            lock.unlock();
        }
    }

    /**
     * {@code storage}, whose memory is allocated and given back only while no other thread has the turn; none is allocated
     * after {@link #end}.
     */
    public Storage guarding(Storage storage) {
        return bytes -> {
            lock.lock();
            try {
                if (ended) {
                    throw closed();
                }
                Storage.Block block = storage.allocate(bytes);
                return new Storage.Block(block.segment(), () -> whenFree(block.release()));
            } finally {
                lock.unlock();
            }
        };
    }

    /** Runs {@code action} once no other thread has the turn; also after {@link #end}. */
    public void whenFree(Runnable action) {
        lock.lock();
        try {
            action.run();
        } finally {
            lock.unlock();
        }
    }
}
