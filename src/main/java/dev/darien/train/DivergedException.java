// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

/** The loss is no longer a number; the message says when, and what to lower. */
public final class DivergedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DivergedException(String message) {
        super(message);
    }
}
