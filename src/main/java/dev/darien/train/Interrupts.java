// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.data.DataException;
import java.nio.channels.ClosedByInterruptException;

/** Keeps the interruption of a thread from what has to be written nevertheless: the JDK closes files under it. */
final class Interrupts {
    private Interrupts() {}

    /** Does {@code work}, again if an interrupt has broken it off, so it must be able to be done twice; the thread is interrupted then. */
    static void later(Runnable work) {
        boolean interrupted = Thread.interrupted();
        try {
            while (true) {
                try {
                    work.run();
                    return;
                } catch (DataException e) {
                    if (!(e.getCause() instanceof ClosedByInterruptException)) {
                        throw e;
                    }
                    interrupted |= Thread.interrupted();
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
