// SPDX-License-Identifier: Apache-2.0
package dev.darien.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.darien.bindings.LibraryStatus.Absent;
import dev.darien.bindings.LibraryStatus.Open;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * The system's loader. The JDK opens a library, since it keeps the floating-point mode safe from the library's
 * initialisers; but it says neither why a library can't be opened nor which file it took, so the loader is asked again.
 */
@SuppressWarnings("restricted")
final class DynamicLoader {
    /** Values of glibc and musl. */
    private static final int RTLD_LAZY = 1;

    private static final int RTLD_NOLOAD = 4;
    private static final int RTLD_DI_LINKMAP = 2;

    private static final MethodHandle OPEN = function("dlopen", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));
    private static final MethodHandle ERROR = function("dlerror", FunctionDescriptor.of(ADDRESS));
    private static final MethodHandle INFORMATION =
            function("dlinfo", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS));

    private DynamicLoader() {}

    /** Opens a library for the rest of the process: a driver that has started threads can't be unloaded. */
    static LibraryStatus open(String name) {
        try {
            SymbolLookup symbols = SymbolLookup.libraryLookup(name, Arena.global());
            return new Open(pathOf(name), symbols);
        } catch (IllegalArgumentException notOpened) {
            return new Absent(reasonFor(name));
        }
    }

    private static String reasonFor(String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = (MemorySegment) OPEN.invokeExact(arena.allocateFrom(name), RTLD_LAZY);
            if (handle.equals(MemorySegment.NULL)) {
                MemorySegment message = (MemorySegment) ERROR.invokeExact();
                if (!message.equals(MemorySegment.NULL)) {
                    return text(message);
                }
            }
            return name + ": the JVM can't open it";
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    /** The file behind a name without a folder; the loader's list of what is loaded has it. */
    private static String pathOf(String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = (MemorySegment) OPEN.invokeExact(arena.allocateFrom(name), RTLD_LAZY | RTLD_NOLOAD);
            MemorySegment result = arena.allocate(ADDRESS);
            if (handle.equals(MemorySegment.NULL)
                    || (int) INFORMATION.invokeExact(handle, RTLD_DI_LINKMAP, result) != 0) {
                return name;
            }
            // struct link_map: the load address, then the path.
            MemoryLayout linkMap = MemoryLayout.structLayout(ADDRESS, ADDRESS);
            MemorySegment entry = result.get(ADDRESS, 0).reinterpret(linkMap.byteSize());
            String path = text(entry.get(ADDRESS, ADDRESS.byteSize()));
            return path.isEmpty() ? name : path;
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    private static String text(MemorySegment address) {
        return address.reinterpret(Long.MAX_VALUE).getString(0);
    }

    private static MethodHandle function(String name, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
    }

    private static RuntimeException unexpected(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        return thrown instanceof RuntimeException exception ? exception : new IllegalStateException(thrown);
    }
}
