// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.ConcurrentEncoder;
import dev.darien.device.Kernels;
import dev.darien.device.PackedEncoder;
import dev.darien.device.Peaks;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/**
 * Whether the Vector API kernels can be used, and the only place that makes them: everything that needs the incubator
 * module is loaded from here, after it was found.
 */
final class VectorSupport {
    static final String MODULE = "jdk.incubator.vector";

    private static final String NO_C2 = "the Vector API is slower than plain Java without the C2 compiler, which ";

    private VectorSupport() {}

    /** Why the vector kernels can't be used and what would change that; null if they can. */
    static @Nullable String unavailable() {
        try {
            // By class, not by module: the module may have been defined after the boot layer.
            Class.forName("jdk.incubator.vector.FloatVector");
        } catch (ClassNotFoundException | LinkageError e) {
            return "the module " + MODULE + " isn't loaded; start Java with --add-modules " + MODULE;
        }
        String noC2 = withoutC2(System.getProperty("java.vm.info", ""));
        if (noC2 != null) {
            return noC2;
        }
        try {
            bits();
            return null;
        } catch (LinkageError e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            return "its kernels can't be loaded: " + cause.getMessage();
        }
    }

    /** Why C2 doesn't take part in this JVM, from what the JVM says of itself. */
    static @Nullable String withoutC2(String vmInfo) {
        if (vmInfo.contains("interpreted mode")) {
            return NO_C2 + "-Xint switches off; leave that flag out";
        }
        if (vmInfo.contains("emulated-client")) {
            return NO_C2 + "-XX:TieredStopAtLevel switches off; leave that flag out";
        }
        return null;
    }

    /** Bits of the vectors that the kernels compute with. */
    @SuppressWarnings("DoNotCallSuggester")
    static int bits() {
        return VectorSpec.SPECIES.vectorBitSize();
    }

    /** The vector kernels on {@code team}, closable: what they hold for dense codes is counted at {@code memory}. */
    @SuppressWarnings("DoNotCallSuggester")
    static Kernels kernels(Team team, Allocator memory) {
        return new VectorKernels(team, memory);
    }

    /** Gives back what vector kernels hold; other kernels hold nothing. */
    static void closeKernels(Kernels kernels) {
        if (kernels instanceof VectorKernels vector) {
            vector.close();
        }
    }

    /** An empty encoder of the vector kernels. */
    @SuppressWarnings("DoNotCallSuggester")
    static PackedEncoder encoder(Allocator allocator, int latents, int width) {
        return new VectorEncoder(allocator, latents, width);
    }

    /** An encoder of the vector kernels for many threads. */
    @SuppressWarnings("DoNotCallSuggester")
    static ConcurrentEncoder concurrentEncoder(Allocator allocator, Matrix wEnc, Matrix bEnc) {
        return new VectorConcurrentEncoder(allocator, wEnc, bEnc);
    }

    /** What the cores and the memory give at best. */
    @SuppressWarnings("DoNotCallSuggester")
    static Peaks peaks(Team team, Allocator memory) {
        return VectorPeaks.measure(team, memory);
    }
}
