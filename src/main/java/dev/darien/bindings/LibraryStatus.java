// SPDX-License-Identifier: Apache-2.0
package dev.darien.bindings;

import java.lang.foreign.SymbolLookup;

/** Whether a native library could be opened. */
public sealed interface LibraryStatus {
    /**
     * It is open, and stays so until the process ends.
     *
     * @param path the file, as the system's loader found it
     * @param symbols its functions
     */
    record Open(String path, SymbolLookup symbols) implements LibraryStatus {}

    /**
     * It couldn't be.
     *
     * @param reason what was tried, and why each failed; without a full stop, to be put into a sentence
     */
    record Absent(String reason) implements LibraryStatus {}
}
