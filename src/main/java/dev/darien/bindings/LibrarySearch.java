// SPDX-License-Identifier: Apache-2.0
package dev.darien.bindings;

import dev.darien.bindings.LibraryStatus.Absent;
import dev.darien.bindings.LibraryStatus.Open;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Looks for a native library: where the user says, else where the system's loader finds it, else in the folders in
 * which toolkits, containers and Python environments keep it.
 *
 * @param properties the system properties
 * @param environment the environment variables
 * @param root the root of the file system
 * @param loader opens what was found
 */
record LibrarySearch(
        Function<String, @Nullable String> properties,
        Function<String, @Nullable String> environment,
        Path root,
        Loader loader) {

    /** Opens a library by its full path or, where the name has no slash, where the system's loader finds it. */
    interface Loader {
        LibraryStatus open(String name);
    }

    /** The cudaMajor's own library is preferred to a newer or older one; 0 for the newest. */
    LibraryStatus find(NativeLibrary library, int cudaMajor) {
        String system = properties.apply("os.name");
        if (system == null || !system.startsWith("Linux")) {
            return new Absent(library.title() + " is looked for on Linux only, and this is " + system);
        }
        List<String> names = library.fileNames(cudaMajor);
        String property = properties.apply(library.property());
        if (property != null && !property.isBlank()) {
            return named(library, names, "-D" + library.property(), property);
        }
        String variable = environment.apply(library.variable());
        if (variable != null && !variable.isBlank()) {
            return named(library, names, library.variable(), variable);
        }
        return anywhere(library, names);
    }

    /** What the user names must be right: taking another library instead would hide a mistake. */
    private LibraryStatus named(NativeLibrary library, List<String> names, String setting, String value) {
        Path path = Path.of(value).toAbsolutePath();
        boolean folder = Files.isDirectory(path);
        List<String> failures = new ArrayList<>();
        Open open = first(library, folder ? names.stream().map(path::resolve).toList() : List.of(path), failures);
        if (open != null) {
            return open;
        }
        return new Absent("%s can't be opened: %s names %s%s; %s"
                .formatted(library.title(), setting, value, folder ? ", a folder" : "", String.join("; ", failures)));
    }

    private LibraryStatus anywhere(NativeLibrary library, List<String> names) {
        List<Path> folders = new LibraryFolders(environment, root).of(library);
        List<Path> empty = new ArrayList<>(folders);
        List<String> failures = new ArrayList<>();
        // All places for one version before the next version: the one that fits the driver is worth looking for.
        for (String name : names) {
            switch (loader.open(name)) {
                case Open open -> {
                    return open;
                }
                case Absent absent -> failures.add(absent.reason());
            }
            List<Path> files = folders.stream()
                    .map(folder -> folder.resolve(name))
                    .filter(Files::exists)
                    .toList();
            Open open = first(library, files, failures);
            if (open != null) {
                return open;
            }
            files.forEach(file -> empty.remove(file.getParent()));
        }
        if (!empty.isEmpty()) {
            failures.add("not in "
                    + String.join(", ", empty.stream().map(Path::toString).toList()));
        }
        return new Absent("%s was not found: %s; -D%s or %s can name its file or folder"
                .formatted(library.title(), String.join("; ", failures), library.property(), library.variable()));
    }

    /** The first of the files that opens; null, and why each didn't, if none does. */
    private @Nullable Open first(NativeLibrary library, List<Path> files, List<String> failures) {
        for (Path file : files) {
            switch (open(library, file)) {
                case Open open -> {
                    return open;
                }
                case Absent absent -> failures.add(absent.reason());
            }
        }
        return null;
    }

    private LibraryStatus open(NativeLibrary library, Path file) {
        if (library == NativeLibrary.NVRTC) {
            // NVRTC opens this one by its bare name, but only when it compiles. The loader then finds it if it is open
            // already. Should opening it fail, NVRTC is still there and says what it misses.
            LibraryFolders.list(file.resolveSibling(""), "libnvrtc-builtins.so.*")
                    .forEach(builtins -> loader.open(builtins.toString()));
        }
        return loader.open(file.toString());
    }
}
