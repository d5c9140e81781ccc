// SPDX-License-Identifier: Apache-2.0
package dev.darien.bindings;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The folders, best first, that hold NVIDIA's libraries without the system's loader knowing it.
 *
 * @param environment the environment variables
 * @param root the root of the file system
 */
record LibraryFolders(Function<String, @Nullable String> environment, Path root) {
    /** Within a toolkit. */
    private static final List<String> TOOLKIT = List.of("lib64", "targets/x86_64-linux/lib");

    List<Path> of(NativeLibrary library) {
        if (library == NativeLibrary.CUDA) {
            // Where container runtimes and WSL put the driver. Never a toolkit: what it has is the stub.
            return List.of(root.resolve("usr/local/nvidia/lib64"), root.resolve("usr/lib/wsl/lib"));
        }
        List<Path> folders = new ArrayList<>();
        for (Path toolkit : toolkits()) {
            TOOLKIT.forEach(below -> folders.add(toolkit.resolve(below)));
        }
        Path conda = named("CONDA_PREFIX");
        if (conda != null) {
            folders.add(conda.resolve("lib"));
        }
        Path python = named("VIRTUAL_ENV");
        if (python != null) {
            for (Path version : list(python.resolve("lib"), "python3*")) {
                Path packages = version.resolve("site-packages/nvidia");
                library.pythonFolders().forEach(below -> folders.add(packages.resolve(below)));
            }
        }
        return folders.stream().distinct().toList();
    }

    private List<Path> toolkits() {
        List<Path> toolkits = new ArrayList<>();
        for (String variable : List.of("CUDA_PATH", "CUDA_HOME")) {
            Path toolkit = named(variable);
            if (toolkit != null) {
                toolkits.add(toolkit);
            }
        }
        toolkits.add(root.resolve("usr/local/cuda"));
        list(root.resolve("usr/local"), "cuda-[0-9]*").stream()
                .sorted(Comparator.comparing(LibraryFolders::version, Arrays::compare)
                        .reversed())
                .forEach(toolkits::add);
        return toolkits;
    }

    private @Nullable Path named(String variable) {
        String value = environment.apply(variable);
        return value == null || value.isBlank() ? null : Path.of(value).toAbsolutePath();
    }

    /** The numbers in a folder's name: cuda-12.10 is newer than cuda-12.9. */
    private static int[] version(Path toolkit) {
        return Arrays.stream(toolkit.getFileName().toString().split("\\D+"))
                .filter(number -> !number.isEmpty() && number.length() < 9)
                .mapToInt(Integer::parseInt)
                .toArray();
    }

    /** What matches in a folder, by name; nothing where there is no such folder or it can't be read. */
    static List<Path> list(Path folder, String pattern) {
        List<Path> found = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, pattern)) {
                entries.forEach(found::add);
            } catch (IOException | DirectoryIteratorException unreadable) {
                // As good as absent.
            }
        }
        found.sort(null);
        return found;
    }
}
