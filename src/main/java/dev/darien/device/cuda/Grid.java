// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cuda;

import dev.darien.memory.Matrix;

/** How kernels are spread over blocks and threads. */
final class Grid {
    static final int WARP = 32;
    /** Threads of a block that goes through things one by one. */
    static final int THREADS = 256;
    /** Threads of a kernel that runs as one block. */
    static final int ONE_BLOCK = 1024;

    private static final int MOST_Y = 65_535;
    /** Blocks of a loop over a number of things that only the device knows. */
    private static final int LOOP_BLOCKS = 1024;

    private Grid() {}

    static long blocks(long things, long perBlock) {
        return (things + perBlock - 1) / perBlock;
    }

    /** Threads for {@code things} side by side, at most {@link #THREADS}. */
    static int threads(long things) {
        return Math.clamp(blocks(things, WARP) * WARP, WARP, THREADS);
    }

    /** The y of an element-wise grid, whose threads take four columns each where there are many. */
    static long columnBlocks(int columns) {
        return Math.clamp(blocks(columns, threads(columns) * 4L), 1, MOST_Y);
    }

    /** Blocks of {@link #THREADS} that loop over at most {@code most} things. */
    static long loopBlocks(long most) {
        return Math.clamp(blocks(most, THREADS), 1, LOOP_BLOCKS);
    }

    /** Blocks for one warp for each of {@code things}. */
    static long warpBlocks(long things) {
        return blocks(things, THREADS / WARP);
    }

    /** Whether rows can be read four numbers at a time. */
    static boolean byFour(Matrix matrix, long address) {
        return matrix.columns() % 4 == 0 && (matrix.rows() <= 1 || matrix.stride() % 4 == 0) && address % 16 == 0;
    }
}
