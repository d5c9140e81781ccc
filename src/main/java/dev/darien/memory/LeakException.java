// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

/** Thrown when an {@link Allocator} is closed while memory that it handed out is still held: names owner, bytes and sites. */
public final class LeakException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    private final long leakedBytes;

    LeakException(String message, long leakedBytes) {
        super(message);
        this.leakedBytes = leakedBytes;
    }

    /** Bytes that were not given back. */
    public long leakedBytes() {
        return leakedBytes;
    }
}
