// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.device.Reach;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/** Where the device finds a matrix: in its own memory, or in pinned memory of the host. */
final class Pointers implements Reach {
    /** The null pointer of a kernel, for what an optional argument is without. */
    static final long NONE = 0;

    private final PinnedRegions pinned;

    Pointers(PinnedRegions pinned) {
        this.pinned = pinned;
    }

    /** The device's address of element (0, 0). */
    long of(Matrix matrix) {
        return matrix.isHost() ? pinned.find(matrix.address(), bytes(matrix)) : matrix.address();
    }

    /** As {@link #of(Matrix)}; {@link #NONE} for null. */
    long ofNullable(@Nullable Matrix matrix) {
        return matrix == null ? NONE : of(matrix);
    }

    /** Whether kernels can read {@code matrix} where it lies. */
    boolean reaches(Matrix matrix) {
        return !matrix.isHost() || pinned.find(matrix.address(), bytes(matrix)) != PinnedRegions.NOWHERE;
    }

    private static long bytes(Matrix matrix) {
        return matrix.rows() == 0
                ? 0
                : ((matrix.rows() - 1) * matrix.stride() + matrix.columns())
                        * matrix.dtype().bytes();
    }

    @Override
    public @Nullable String obstacle(Matrix matrix) {
        if (matrix.rows() == 0 || matrix.columns() == 0) {
            return null;
        }
        // Fails if the memory has been given back: a kernel would read what is somebody else's by now.
        matrix.address();
        return reaches(matrix) ? null : "is in the host's memory, which the GPU can't reach; upload or pin it";
    }
}
