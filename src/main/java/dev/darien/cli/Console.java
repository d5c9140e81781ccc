// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.JsonFile;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * Where a command writes: results to standard output, everything else to standard error.
 *
 * @param out results
 * @param err progress, notices and errors
 * @param terminal whether {@code err} is a terminal, on which a line can be written over
 */
record Console(PrintWriter out, PrintWriter err, boolean terminal) {

    /** This process's streams, in UTF-8 whatever the locale: JSON is UTF-8. */
    static Console system() {
        return new Console(writer(FileDescriptor.out), writer(FileDescriptor.err), errorsGoToATerminal());
    }

    private static PrintWriter writer(FileDescriptor stream) {
        return new PrintWriter(new OutputStreamWriter(new FileOutputStream(stream), StandardCharsets.UTF_8), true);
    }

    /** Java only knows of standard input and output together. */
    private static boolean errorsGoToATerminal() {
        String kind = System.getenv("TERM");
        if (kind == null || kind.equals("dumb")) {
            return false;
        }
        try {
            String target = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
            return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
        } catch (IOException | UnsupportedOperationException noProc) {
            // No /proc to ask: a bar that isn't drawn is better than one that fills a log.
            return false;
        }
    }

    void print(String text) {
        out.print(text);
        out.flush();
    }

    void println(String line) {
        out.println(line);
    }

    /** The one JSON object of a command. */
    void json(Map<String, ?> object) {
        out.println(JsonFile.line(object));
    }

    /** A line that isn't a result. */
    void notice(String line) {
        err.println("darien: " + line);
    }
}
