// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import java.util.function.Supplier;

/** Options that can't be used together or at all; the message is one sentence for the person who typed them. */
final class UsageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UsageException(String message) {
        super(message);
    }

    private UsageException(Throwable cause) {
        super(cause.getMessage(), cause);
    }

    /** The library says what is wrong with options by an exception that, elsewhere, would be our own mistake. */
    static <T> T check(Supplier<T> options) {
        try {
            return options.get();
        } catch (IllegalArgumentException e) {
            throw new UsageException(e);
        }
    }
}
