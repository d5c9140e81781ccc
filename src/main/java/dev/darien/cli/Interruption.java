// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Ctrl-C, or a signal that asks the process to end. A command that has something to bring to a safe end first says so
 * with {@link #onRequest}; the JVM then waits for it, though not forever.
 */
final class Interruption {
    /** Exit status of an interrupted command, as shells have it for Ctrl-C. */
    static final int STATUS = 130;

    private static final long PATIENCE_SECONDS = 300;

    private final CountDownLatch done = new CountDownLatch(1);
    private @Nullable Runnable action;
    private boolean requested;
    private volatile int status = STATUS;
    private @Nullable Thread hook;

    /** One that nothing ever triggers, for a command that runs inside another program. */
    static Interruption none() {
        return new Interruption();
    }

    /** One for this process's signals. */
    static Interruption ofThisProcess() {
        Interruption interruption = new Interruption();
        Thread hook = new Thread(interruption::stop, "darien-interrupt");
        interruption.hook = hook;
        Runtime.getRuntime().addShutdownHook(hook);
        return interruption;
    }

    /** Has {@code stop} called, on another thread, when the process is asked to end; it should make the command return. */
    synchronized void onRequest(Runnable stop) {
        action = stop;
        if (requested) {
            stop.run();
        }
    }

    synchronized boolean requested() {
        return requested;
    }

    private synchronized boolean request() {
        requested = true;
        if (action == null) {
            return false;
        }
        action.run();
        return true;
    }

    private void stop() {
        try {
            if (request() && !done.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                status = STATUS;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        // The JVM's own status would be 143 for SIGTERM.
        Runtime.getRuntime().halt(status);
    }

    /** Ends the process: at once, or by the signal that is already ending it. */
    void exit(int exitStatus) {
        status = exitStatus;
        done.countDown();
        if (hook != null) {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException alreadyStopping) {
                // System.exit below then waits for the hook, which ends the process with our status.
            }
        }
        System.exit(exitStatus);
    }
}
