// SPDX-License-Identifier: Apache-2.0
package dev.darien.bindings;

import dev.darien.bindings.LibraryStatus.Absent;
import dev.darien.bindings.LibraryStatus.Open;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Opens each native library once, when it is first asked for. A library that isn't there is an answer, not an error;
 * only calling one of its functions is.
 *
 * <p>Ask here before touching a generated class, its constants included: where native access isn't enabled, the answer
 * says so, while the class would make the JVM warn, or refuse, when it is initialised.
 */
public final class NativeLibraries {
    private static final Map<NativeLibrary, LibraryStatus> SETTLED = new ConcurrentHashMap<>();

    private NativeLibraries() {}

    /** The library, or why it can't be had. The first answer stays. */
    public static LibraryStatus find(NativeLibrary library) {
        return find(library, 0);
    }

    /**
     * The same, preferring a library of the CUDA version that the driver supports, where several can be had.
     *
     * @param cudaMajor 12 or 13, say; ignored when the library has been asked for before
     */
    public static LibraryStatus find(NativeLibrary library, int cudaMajor) {
        return SETTLED.computeIfAbsent(library, absent -> search(absent, cudaMajor));
    }

    /**
     * Its functions, for the generated classes. Opens the library when the first function is looked for; if it isn't
     * there, {@code find} answers empty and {@code findOrThrow}, which every generated method starts with, throws an
     * {@link UnsatisfiedLinkError} with the reason.
     */
    public static SymbolLookup symbols(NativeLibrary library) {
        return new LazySymbols(library);
    }

    private static LibraryStatus search(NativeLibrary library, int cudaMajor) {
        Module module = NativeLibraries.class.getModule();
        // Otherwise the JVM prints a warning, on every machine, for a library that few have; some day it will refuse.
        if (!module.isNativeAccessEnabled()) {
            return new Absent(library.title() + " was not looked for, because native access is not enabled: start Java"
                    + " with --enable-native-access=" + (module.isNamed() ? module.getName() : "ALL-UNNAMED"));
        }
        return new LibrarySearch(System::getProperty, System::getenv, Path.of("/"), DynamicLoader::open)
                .find(library, cudaMajor);
    }

    private record LazySymbols(NativeLibrary library) implements SymbolLookup {
        @Override
        public Optional<MemorySegment> find(String name) {
            return NativeLibraries.find(library) instanceof Open open
                    ? open.symbols().find(name)
                    : Optional.empty();
        }

        /** An Error, because an exception would reach the caller as an ExceptionInInitializerError without a message. */
        @Override
        public MemorySegment findOrThrow(String name) {
            return switch (NativeLibraries.find(library)) {
                case Absent absent -> throw new UnsatisfiedLinkError(name + " can't be called: " + absent.reason());
                case Open open ->
                    open.symbols()
                            .find(name)
                            .orElseThrow(() -> new UnsatisfiedLinkError(
                                    name + " can't be called: this version of " + open.path() + " doesn't have it"));
            };
        }
    }
}
