// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;

/** A single file that a command writes. */
final class OutputFile {
    private OutputFile() {}

    /**
     * Refuses to replace what the command reads, and a folder.
     *
     * @param inputs as on the command line
     */
    static void check(Path out, List<String> inputs) {
        if (out.getFileName() == null || Files.isDirectory(out)) {
            throw new UsageException(out + " is a folder; name a file with --out");
        }
        Path parent = out.toAbsolutePath().getParent();
        if (parent != null && !Files.isDirectory(parent)) {
            throw new UsageException(
                    "the folder " + parent + " doesn't exist; create it, or name another place with --out");
        }
        for (String input : inputs) {
            try {
                if (Files.exists(out) && Files.exists(Path.of(input)) && Files.isSameFile(out, Path.of(input))) {
                    throw new UsageException(out + " is what the command reads; name another file with --out");
                }
            } catch (IOException | InvalidPathException notAFile) {
                // Opening it says what is wrong with it.
            }
        }
    }

    static void stopIf(Interruption interruption, Path out) {
        if (interruption.requested()) {
            throw new InterruptedCommandException("interrupted; " + out + " was not written");
        }
    }
}
