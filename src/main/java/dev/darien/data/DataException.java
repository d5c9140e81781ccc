// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

/**
 * Data that can't be used. The message is one sentence for the person who passed it: which file and tensor, what is
 * wrong, what was expected and what to do; it is shown as it is, without a stack trace.
 */
public final class DataException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DataException(String message) {
        super(message);
    }

    public DataException(String message, Throwable cause) {
        super(message, cause);
    }
}
