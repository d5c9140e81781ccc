// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** The controls of the host stand-in, see native/standin/README.md: faults to inject, and counters. */
@SuppressWarnings("restricted")
final class StandIn {
    private static final SymbolLookup LIBRARY =
            SymbolLookup.libraryLookup(Path.of(System.getProperty("darien.cuda.lib")), Arena.global());
    private static final MethodHandle SET = function(
            "darien_standin_set",
            FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
    private static final MethodHandle GET =
            function("darien_standin_get", FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
    private static final MethodHandle RESET = function("darien_standin_reset", FunctionDescriptor.ofVoid());

    private StandIn() {}

    private static MethodHandle function(String name, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(LIBRARY.findOrThrow(name), descriptor);
    }

    static void set(String name, long value) {
        try (Arena arena = Arena.ofConfined()) {
            assertThat((int) SET.invokeExact(arena.allocateFrom(name), value))
                    .as("setting %s", name)
                    .isZero();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    static long get(String name) {
        try (Arena arena = Arena.ofConfined()) {
            long value = (long) GET.invokeExact(arena.allocateFrom(name));
            assertThat(value).as("counter %s", name).isNotNegative();
            return value;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** Every setting as at the start, counters at 0; a lost context is whole again. */
    static void reset() {
        try {
            RESET.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
