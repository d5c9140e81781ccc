// SPDX-License-Identifier: Apache-2.0
package dev.darien.fuzz;

import dev.darien.device.Device;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;

/**
 * Something that reads files.
 *
 * @param name for the command line, and of the folder of its findings
 * @param seeds sound inputs: the bytes of each file by its path
 * @param action reads the files in a folder
 * @param writes whether it changes them, too
 */
record FuzzReader(String name, List<SortedMap<String, byte[]>> seeds, Action action, boolean writes) {

    FuzzReader(String name, List<SortedMap<String, byte[]>> seeds, Action action) {
        this(name, seeds, action, false);
    }

    /** Reads an input. Throws nothing but what the reader throws. */
    @FunctionalInterface
    interface Action {
        void read(Path folder, Device device) throws Exception;
    }
}
