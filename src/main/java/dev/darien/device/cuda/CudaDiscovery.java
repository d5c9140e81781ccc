// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.LibraryStatus;
import dev.darien.bindings.NativeLibraries;
import dev.darien.bindings.NativeLibrary;
import dev.darien.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds the GPUs of this machine, and what keeps Darien from using one. */
final class CudaDiscovery {
    /** cuMemAllocAsync came with CUDA 11.2. */
    private static final int OLDEST_DRIVER = 11_020;

    private CudaDiscovery() {}

    /**
     * A GPU, or none.
     *
     * @param gpu null where not even the driver can be asked
     * @param obstacle why it can't be used, null if it can
     */
    record Found(@Nullable Gpu gpu, @Nullable String obstacle) {}

    /** Every GPU that the driver knows; a single one without a {@link Gpu} if there is none. */
    static List<Found> find() {
        if (NativeLibraries.find(NativeLibrary.CUDA) instanceof LibraryStatus.Absent absent) {
            return none(absent.reason());
        }
        int started = Cuda.cuInit(0);
        if (started == Cuda.CUDA_ERROR_NO_DEVICE()) {
            return none("the NVIDIA driver finds no GPU");
        }
        if (started != CudaStatus.SUCCESS) {
            return none("the NVIDIA driver can't start: " + CudaStatus.describe(started));
        }
        if (driverVersion() < OLDEST_DRIVER) {
            return none("the NVIDIA driver is for CUDA " + version(driverVersion()) + "; Darien needs one for CUDA "
                    + version(OLDEST_DRIVER) + " or newer");
        }
        int count = count();
        if (count == 0) {
            return none("the NVIDIA driver finds no GPU");
        }
        @Nullable String missing = missingCublas();
        List<Found> found = new ArrayList<>();
        for (int ordinal = 0; ordinal < count; ordinal++) {
            Gpu gpu = Gpu.read(ordinal);
            found.add(
                    gpu == null
                            ? new Found(null, "the NVIDIA driver can't say what GPU " + ordinal + " is")
                            : new Found(gpu, missing != null ? missing : tooOld(gpu)));
        }
        return found;
    }

    private static List<Found> none(String obstacle) {
        return List.of(new Found(null, obstacle));
    }

    private static @Nullable String missingCublas() {
        return NativeLibraries.find(NativeLibrary.CUBLAS, driverVersion() / 1000) instanceof LibraryStatus.Absent absent
                ? absent.reason()
                : null;
    }

    private static @Nullable String tooOld(Gpu gpu) {
        return gpu.major() * 10 + gpu.minor() >= 75
                ? null
                : gpu.model() + " has compute capability " + gpu.capability() + "; Darien needs 7.5 or newer";
    }

    private static int count() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(ValueLayout.JAVA_INT);
            return Cuda.cuDeviceGetCount(number) == CudaStatus.SUCCESS ? number.get(ValueLayout.JAVA_INT, 0) : 0;
        }
    }

    /** 13000 for CUDA 13.0: the newest that the driver supports. */
    static int driverVersion() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(ValueLayout.JAVA_INT);
            return Cuda.cuDriverGetVersion(number) == CudaStatus.SUCCESS ? number.get(ValueLayout.JAVA_INT, 0) : 0;
        }
    }

    /** {@code driver for CUDA 13.0}. */
    static String driver() {
        return "driver for CUDA " + version(driverVersion());
    }

    private static String version(int number) {
        return number / 1000 + "." + number % 1000 / 10;
    }
}
