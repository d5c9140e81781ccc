// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import java.lang.foreign.MemorySegment;

/** Where the bytes of a tensor come from: a part of a mapped file as it is, or a part of one that has to be inflated. */
@FunctionalInterface
interface TensorBytes {
    /** The bytes, until the loan is closed. */
    Loan borrow();

    /** Bytes for a while. */
    record Loan(MemorySegment segment, Runnable release) implements AutoCloseable {
        @Override
        public void close() {
            release.run();
        }
    }

    /** Bytes that are there anyway. */
    static TensorBytes mapped(MemorySegment segment) {
        return () -> new Loan(segment, () -> {});
    }
}
