// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.LibraryStatus;
import dev.darien.bindings.NativeLibraries;
import dev.darien.bindings.NativeLibrary;
import dev.darien.bindings.nvrtc.Nvrtc;
import dev.darien.device.DeviceUnavailableException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Compiles the shipped sources with the machine's own NVRTC: its PTX is never newer than what the user has installed for
 * the driver. A library of 100 MB, so only for drivers that refuse the shipped PTX.
 */
final class RuntimeCompiler {
    private RuntimeCompiler() {}

    /**
     * The PTX of one source file for {@code gpu}.
     *
     * @throws DeviceUnavailableException if there is no NVRTC, or it can't compile the file; says why
     */
    static String compile(String file, Gpu gpu) {
        if (NativeLibraries.find(NativeLibrary.NVRTC, CudaDiscovery.driverVersion() / 1000)
                instanceof LibraryStatus.Absent absent) {
            throw new DeviceUnavailableException("the driver of " + gpu.name()
                    + " is too old for Darien's kernels, and they can't be compiled here: " + absent.reason()
                    + "; install a newer driver, or NVRTC of the driver's CUDA version");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment headers = arena.allocate(ValueLayout.ADDRESS, Ptx.HEADERS.size());
            MemorySegment names = arena.allocate(ValueLayout.ADDRESS, Ptx.HEADERS.size());
            for (int at = 0; at < Ptx.HEADERS.size(); at++) {
                String header = Ptx.HEADERS.get(at);
                headers.setAtIndex(ValueLayout.ADDRESS, at, arena.allocateFrom(Ptx.resource(header)));
                names.setAtIndex(ValueLayout.ADDRESS, at, arena.allocateFrom(header));
            }
            MemorySegment pointer = arena.allocate(ValueLayout.ADDRESS);
            check(
                    file,
                    Nvrtc.nvrtcCreateProgram(
                            pointer,
                            arena.allocateFrom(Ptx.resource(file + ".cu")),
                            arena.allocateFrom(file + ".cu"),
                            Ptx.HEADERS.size(),
                            headers,
                            names),
                    "");
            MemorySegment program = pointer.get(ValueLayout.ADDRESS, 0);
            try {
                return ptx(file, gpu, program, arena);
            } finally {
                Nvrtc.nvrtcDestroyProgram(pointer);
            }
        }
    }

    private static String ptx(String file, Gpu gpu, MemorySegment program, Arena arena) {
        MemorySegment options = arena.allocate(ValueLayout.ADDRESS, 2);
        options.setAtIndex(ValueLayout.ADDRESS, 0, arena.allocateFrom("--std=c++17"));
        options.setAtIndex(
                ValueLayout.ADDRESS, 1, arena.allocateFrom("--gpu-architecture=compute_" + gpu.major() + gpu.minor()));
        int result = Nvrtc.nvrtcCompileProgram(program, 2, options);
        MemorySegment size = arena.allocate(ValueLayout.JAVA_LONG);
        if (result != 0) {
            check(file, Nvrtc.nvrtcGetProgramLogSize(program, size), "");
            MemorySegment log = arena.allocate(size.get(ValueLayout.JAVA_LONG, 0) + 1);
            check(file, Nvrtc.nvrtcGetProgramLog(program, log), "");
            check(file, result, ": " + log.getString(0).strip());
        }
        check(file, Nvrtc.nvrtcGetPTXSize(program, size), "");
        MemorySegment text = arena.allocate(size.get(ValueLayout.JAVA_LONG, 0) + 1);
        check(file, Nvrtc.nvrtcGetPTX(program, text), "");
        return text.getString(0);
    }

    private static void check(String file, int result, String log) {
        if (result != 0) {
            MemorySegment text = Nvrtc.nvrtcGetErrorString(result);
            throw new DeviceUnavailableException(
                    "NVRTC can't compile Darien's " + file + ".cu: " + text.getString(0) + log);
        }
    }
}
