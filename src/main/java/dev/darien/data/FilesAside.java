// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Names of what is written beside its target before it takes the target's place. They hold the number of the process, so
 * that the next one that writes the same target removes what a killed one has left.
 */
public final class FilesAside {
    private FilesAside() {}

    /** A name beside {@code target} that nobody else uses. */
    public static Path of(Path target) {
        return of(target, "");
    }

    /** As above, for one of several parts. */
    static Path of(Path target, String part) {
        return target.resolveSibling("." + target.getFileName() + "." + (part.isEmpty() ? "" : part + ".")
                + ProcessHandle.current().pid() + "-" + Long.toHexString(System.nanoTime()) + ".tmp");
    }

    /** Removes what processes that are gone have left beside {@code target}, files and folders of files. */
    public static void removeAbandoned(Path target) {
        Pattern aside = Pattern.compile("\\." + Pattern.quote(String.valueOf(target.getFileName()))
                + "\\.(?:[a-z]+\\.)?(\\d{1,18})-[0-9a-f]+\\.tmp");
        Path folder = target.toAbsolutePath().getParent();
        try (Stream<Path> entries = Files.list(folder)) {
            for (Path entry : entries.toList()) {
                Matcher matcher = aside.matcher(String.valueOf(entry.getFileName()));
                if (matcher.matches()
                        && ProcessHandle.of(Long.parseLong(matcher.group(1))).isEmpty()) {
                    remove(entry);
                }
            }
        } catch (IOException e) {
            // They do no harm but take room; what is in the way of writing is said when it is written.
            System.getLogger(FilesAside.class.getName())
                    .log(System.Logger.Level.DEBUG, "what was left beside " + target + " can't be removed", e);
        }
    }

    private static void remove(Path entry) throws IOException {
        if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
            List<Path> inside;
            try (Stream<Path> files = Files.list(entry)) {
                inside = files.toList();
            }
            for (Path file : inside) {
                Files.deleteIfExists(file);
            }
        }
        Files.deleteIfExists(entry);
    }
}
