// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.DataException;
import dev.darien.data.SyntheticSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Files of activations that hold other tensors beside them: labels, tokens. */
final class DataFiles {
    private DataFiles() {}

    /** The files named, in the order of their activations; a folder stands for the safetensors files in it, by name. */
    static List<Path> of(List<String> data) {
        List<Path> files = new ArrayList<>();
        for (String argument : data) {
            if (argument.startsWith(SyntheticSource.PREFIX)) {
                throw new UsageException(
                        "synthetic data has neither labels nor tokens; name safetensors files that do");
            }
            Path path = path(argument);
            if (!Files.isDirectory(path)) {
                files.add(path);
                continue;
            }
            try (Stream<Path> entries = Files.list(path)) {
                entries.filter(entry -> entry.getFileName().toString().matches("[^.].*\\.safetensors"))
                        .sorted()
                        .forEach(files::add);
            } catch (IOException e) {
                throw new DataException(path + " can't be listed; check its permissions", e);
            }
        }
        return files;
    }

    private static Path path(String argument) {
        try {
            return Path.of(argument);
        } catch (InvalidPathException e) {
            throw new UsageException("'" + argument.replace('\0', ' ') + "' can't be the name of a file");
        }
    }
}
