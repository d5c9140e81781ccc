// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/** Which memory the kernels of a device can work on. */
@FunctionalInterface
public interface Reach {
    /** What keeps kernels that share their work among threads from memory that one thread owns. */
    String CONFINED = "is in memory that only one thread may use; allocate it from a shared or automatic arena";

    /** That of a CPU's kernels: everything that Java can reach from any thread. */
    Reach HOST = matrix -> {
        if (!matrix.isHost()) {
            return "is not in the host's memory";
        }
        return matrix.isConfined() ? CONFINED : null;
    };

    /**
     * What keeps the kernels from {@code matrix}, as the end of a sentence that begins with its name and shape; null if
     * nothing does. Asked for every argument of every call, so it must be quick, allocate nothing when all is well, and
     * not wait for the device. An empty matrix is in everyone's reach.
     */
    @Nullable
    String obstacle(Matrix matrix);
}
