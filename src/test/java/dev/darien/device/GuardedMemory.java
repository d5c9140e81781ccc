// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory between two pages that nobody may touch, flush against the one or the other: a byte beyond ends the process with
 * SIGSEGV. Linux and macOS.
 */
@SuppressWarnings("restricted")
final class GuardedMemory implements AutoCloseable {
    private static final long PAGE = 16384; // macOS on ARM; a multiple of everyone's.
    private static final int NONE = 0;
    private static final int READ_WRITE = 1 | 2;
    /** And without room set aside for it, so that it may be larger than memory. */
    private static final int PRIVATE_ANONYMOUS =
            System.getProperty("os.name").startsWith("Mac") ? 0x2 | 0x1000 | 0x40 : 0x2 | 0x20 | 0x4000;

    private static final MethodHandle MMAP = function(
            "mmap",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_LONG));
    private static final MethodHandle MPROTECT = function(
            "mprotect",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
    private static final MethodHandle MUNMAP = function(
            "munmap", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));

    /** Bytes of the largest piece. */
    long largest() {
        return mappings.stream().mapToLong(Mapping::bytes).max().orElse(0);
    }

    private record Mapping(long address, long bytes) {}

    private final boolean atEnd;
    private final Arena arena = Arena.ofShared();
    private final List<Mapping> mappings = new ArrayList<>();

    /** @param atEnd whether the page behind is the one that touches */
    GuardedMemory(boolean atEnd) {
        this.atEnd = atEnd;
    }

    private static MethodHandle function(String name, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
    }

    MemorySegment allocate(long bytes) {
        long inside = Math.max(1, Math.ceilDiv(bytes, PAGE)) * PAGE;
        try {
            long address = (long) MMAP.invokeExact(0L, inside + 2 * PAGE, NONE, PRIVATE_ANONYMOUS, -1, 0L);
            if (address == -1 || (int) MPROTECT.invokeExact(address + PAGE, inside, READ_WRITE) != 0) {
                throw new AssertionError("no memory between guard pages");
            }
            mappings.add(new Mapping(address, inside + 2 * PAGE));
            long first = address + PAGE + (atEnd ? inside - bytes : 0);
            return MemorySegment.ofAddress(first).reinterpret(bytes, arena, null);
        } catch (Error | RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        arena.close();
        for (Mapping mapping : mappings) {
            try {
                if ((int) MUNMAP.invokeExact(mapping.address(), mapping.bytes()) != 0) {
                    throw new AssertionError("munmap failed");
                }
            } catch (Error | RuntimeException e) {
                throw e;
            } catch (Throwable e) {
                throw new AssertionError(e);
            }
        }
    }
}
