// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.bindings.cuda.Cuda;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Set;

/** Names of the driver's results, and which of them end a context. */
final class CudaStatus {
    static final int SUCCESS = 0;

    /**
     * What leaves a context unusable for the rest of the process ("sticky"): the driver answers every later call with
     * it. ILLEGAL_ADDRESS, LAUNCH_TIMEOUT, CONTEXT_IS_DESTROYED, ASSERT, HARDWARE_STACK_ERROR … LAUNCH_FAILED, ECC and
     * NVLink errors, DEVICE_UNAVAILABLE, UNKNOWN.
     */
    private static final Set<Integer> LOST =
            Set.of(46, 214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721, 999);

    private CudaStatus() {}

    /** {@code CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered)}. */
    static String describe(int result) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pointer = arena.allocate(Cuda.C_POINTER);
            String name = text(Cuda.cuGetErrorName(result, pointer), pointer);
            String meaning = text(Cuda.cuGetErrorString(result, pointer), pointer);
            if (name.isEmpty()) {
                return "error " + result;
            }
            return meaning.isEmpty() ? name : name + " (" + meaning + ")";
        }
    }

    private static String text(int result, MemorySegment pointer) {
        if (result != SUCCESS) {
            return "";
        }
        MemorySegment text = pointer.get(Cuda.C_POINTER, 0);
        return text.address() == 0 ? "" : text.getString(0);
    }

    /** Whether nothing can be done in the context any more after {@code result}. */
    static boolean lost(int result) {
        return LOST.contains(result);
    }
}
