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

    /** Whether {@code matrix} lies where the device can read it. */
    boolean reaches(Matrix matrix) {
        return of(matrix) != PinnedRegions.NOWHERE;
    }

    /** Whether {@code matrix} is the device's own, or its owner has had it pinned: it may be read when its turn comes. */
    boolean isShared(Matrix matrix) {
        return !matrix.isHost() || pinned.isShared(matrix.address(), bytes(matrix));
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
        return isShared(matrix) ? null : "is not in the GPU's memory, nor pinned; upload it, or pin it";
    }
}
