// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.Kernels;
import dev.darien.device.PackedEncoder;
import dev.darien.memory.Allocator;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;
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
        Optional<Module> module = ModuleLayer.boot().findModule(MODULE);
        if (module.isEmpty() || !VectorSupport.class.getModule().canRead(module.get())) {
            return "the module " + MODULE + " isn't loaded; start Java with --add-modules " + MODULE;
        }
        String noC2 = withoutC2(
                System.getProperty("java.vm.info", ""),
                ManagementFactory.getRuntimeMXBean().getInputArguments());
        return noC2 != null ? noC2 : notBuilt();
    }

    /** Why C2 doesn't take part in this JVM, from what the JVM says of itself and the flags it was started with. */
    static @Nullable String withoutC2(String vmInfo, List<String> arguments) {
        if (vmInfo.contains("interpreted mode")) {
            return NO_C2 + "-Xint switches off; leave that flag out";
        }
        String level = "4";
        for (String argument : arguments) {
            if (argument.startsWith("-XX:TieredStopAtLevel=")) {
                level = argument.substring(argument.indexOf('=') + 1);
            }
        }
        if (!level.equals("4")) {
            return NO_C2 + "-XX:TieredStopAtLevel=" + level + " switches off; leave that flag out";
        }
        if (vmInfo.contains("emulated-client")) {
            return NO_C2 + "this JVM doesn't have or has switched off";
        }
        return null;
    }

    // ---------------------------------------------------------------------------------------------------------------
    // TO LINK: the four methods below are all that knows of VectorKernels and VectorEncoder. (The suppressions go with
    // the placeholders.)
    // ---------------------------------------------------------------------------------------------------------------

    private static @Nullable String notBuilt() {
        return "not built yet";
    }

    /** Bits of the vectors that the kernels compute with. */
    @SuppressWarnings("DoNotCallSuggester")
    static int bits() {
        throw new IllegalStateException("not built yet");
    }

    /** The vector kernels on {@code team}. */
    @SuppressWarnings("DoNotCallSuggester")
    static Kernels kernels(Team team) {
        throw new IllegalStateException("not built yet");
    }

    /** An empty encoder of the vector kernels. */
    @SuppressWarnings("DoNotCallSuggester")
    static PackedEncoder encoder(Allocator allocator, int latents, int width) {
        throw new IllegalStateException("not built yet");
    }
}
