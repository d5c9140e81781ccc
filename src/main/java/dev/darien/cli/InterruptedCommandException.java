// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

/** A command that stopped because it was asked to; the message says what became of its work. */
final class InterruptedCommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    InterruptedCommandException(String message) {
        super(message);
    }
}
