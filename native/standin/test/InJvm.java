// SPDX-License-Identifier: Apache-2.0
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The stand-in in a JVM: kernels that touch what they must not end in 700, again and again, while other threads live
 * off the same signals (null checks, stack overflows, divisions by zero, garbage collections).
 *
 * <p>{@code java --enable-native-access=ALL-UNNAMED InJvm.java LIBRARY PTX_FOLDER}
 */
public final class InJvm {
    private static final MemoryLayout[] NONE = {};
    private static volatile boolean stop;
    private static volatile Object sink;
    private final SymbolLookup library;
    private final Arena arena;

    private InJvm(Path path, Arena arena) {
        this.arena = arena;
        library = SymbolLookup.libraryLookup(path, arena);
    }

    public static void main(String[] arguments) throws Throwable {
        List<Thread> others = new ArrayList<>();
        for (Runnable work : List.<Runnable>of(InJvm::nullChecks, InJvm::deepCalls, InJvm::divisions, InJvm::garbage)) {
            Thread thread = new Thread(() -> {
                while (!stop) {
                    work.run();
                }
            });
            thread.setUncaughtExceptionHandler((which, failure) -> {
                failure.printStackTrace();
                System.exit(1);
            });
            thread.start();
            others.add(thread);
        }
        try (Arena arena = Arena.ofConfined()) {
            new InJvm(Path.of(arguments[0]), arena).run(Path.of(arguments[1]));
        }
        stop = true;
        for (Thread other : others) {
            other.join();
        }
        System.out.println("in a JVM: 300 faults of kernels, none of the process");
    }

    private void run(Path folder) throws Throwable {
        MemorySegment sums = arena.allocateFrom(Files.readString(folder.resolve("sums.ptx")));
        MemorySegment faulty = arena.allocateFrom(Files.readString(folder.resolve("faulty.ptx")));
        MemorySegment result = arena.allocate(8);
        call(0, "darien_standin_set", arena.allocateFrom("messages"), 0L);
        call(0, "cuInit", 0);
        for (int round = 0; round < 300; round++) {
            call(0, "cuDevicePrimaryCtxRetain", result, 0);
            call(0, "cuCtxSetCurrent", result.get(ADDRESS, 0));
            call(0, "cuStreamCreate", result, 1);
            MemorySegment stream = result.get(ADDRESS, 0);
            call(0, "cuMemAlloc_v2", result, 4096L);
            long memory = result.get(JAVA_LONG, 0);
            call(0, "cuModuleLoadDataEx", result, sums, 0, MemorySegment.NULL, MemorySegment.NULL);
            MemorySegment module = result.get(ADDRESS, 0);
            call(0, "cuMemsetD32Async", memory, 0x3f800000, 1024L, stream);
            launch(module, "row_sum", 2, 256, stream, memory, memory + 2048, 256L);
            call(0, "cuMemcpyDtoHAsync_v2", result, memory + 2048, 4L, stream);
            call(0, "cuStreamSynchronize", stream);
            check(result.get(ValueLayout.JAVA_FLOAT, 0) == 256f, "a wrong sum");
            call(0, "cuModuleLoadDataEx", result, faulty, 0, MemorySegment.NULL, MemorySegment.NULL);
            MemorySegment broken = result.get(ADDRESS, 0);
            if (round % 3 == 0) {
                launch(broken, "read_address", 1, 1, stream, 8L * round, memory);
            } else if (round % 3 == 1) {
                launch(broken, "write_at", 1, 1, stream, memory, 1024L + round);
            } else {
                launch(broken, "large_frame", 1, 1, stream, memory, 1_000_000L);
            }
            call(700, "cuStreamSynchronize", stream);
            call(700, "cuMemFree_v2", memory);
            call(700, "cuModuleUnload", module);
            call(700, "cuModuleUnload", broken);
            call(700, "cuStreamDestroy_v2", stream);
            call(0, "cuDevicePrimaryCtxRelease_v2", 0);
        }
    }

    private void launch(
            MemorySegment module, String name, int blocks, int threads, MemorySegment stream, long... values)
            throws Throwable {
        MemorySegment result = arena.allocate(8);
        call(0, "cuModuleGetFunction", result, module, arena.allocateFrom(name));
        MemorySegment parameters = arena.allocate(ADDRESS, values.length);
        for (int at = 0; at < values.length; at++) {
            parameters.setAtIndex(ADDRESS, at, arena.allocateFrom(JAVA_LONG, values[at]));
        }
        MemorySegment function = result.get(ADDRESS, 0);
        MemorySegment none = MemorySegment.NULL;
        call(0, "cuLaunchKernel", function, blocks, 1, 1, threads, 1, 1, 0, stream, parameters, none);
    }

    private void call(int expected, String name, Object... arguments) throws Throwable {
        List<MemoryLayout> layouts = new ArrayList<>();
        for (Object argument : arguments) {
            layouts.add(argument instanceof Integer ? JAVA_INT : argument instanceof Long ? JAVA_LONG : ADDRESS);
        }
        FunctionDescriptor type = FunctionDescriptor.of(JAVA_INT, layouts.toArray(NONE));
        Object answer =
                Linker.nativeLinker().downcallHandle(library.findOrThrow(name), type).invokeWithArguments(arguments);
        check((int) answer == expected, name + " answers " + answer + ", not " + expected);
    }

    private static void nullChecks() {
        int caught = 0;
        for (int at = 0; at < 100_000; at++) {
            Object[] array = at % 1000 == 0 ? null : new Object[] {sink};
            try {
                caught += array.length - 1;
            } catch (NullPointerException expected) {
                caught++;
            }
        }
        check(caught == 100, "null checks: " + caught);
    }

    private static int depth(int at) {
        return at < 0 ? at : depth(at + 1) + 1;
    }

    private static void deepCalls() {
        try {
            depth(0);
            check(false, "no stack overflow");
        } catch (StackOverflowError expected) {
            sink = expected;
        }
    }

    private static void divisions() {
        int caught = 0;
        for (int at = 0; at < 10_000; at++) {
            try {
                caught += at / (at % 100) > at ? 1 : 0;
            } catch (ArithmeticException expected) {
                caught++;
            }
        }
        check(caught == 100, "divisions: " + caught);
    }

    private static void garbage() {
        for (int at = 0; at < 1000; at++) {
            sink = new byte[10_000];
        }
    }

    private static void check(boolean right, String message) {
        if (!right) {
            throw new AssertionError(message);
        }
    }
}
