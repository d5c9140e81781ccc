// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.memory.Allocator;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("vector-width")
class GemmKernelTest {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** A matrix in native memory at an odd byte offset, its rows further apart than they are long. */
    private record Operand(MemorySegment segment, long byteOffset, long stride, float[][] values) {
        static Operand random(Arena arena, SplittableRandom random, int rows, int columns) {
            long stride = columns + random.nextInt(4);
            long byteOffset = random.nextInt(1, 9);
            // The segment ends with the last element, so reading past it throws.
            MemorySegment segment = arena.allocate(byteOffset + ((rows - 1) * stride + columns) * Float.BYTES);
            float[][] values = new float[rows][columns];
            for (int r = 0; r < rows; r++) {
                for (int c = 0; c < columns; c++) {
                    values[r][c] = (float) random.nextDouble(-1, 1);
                    segment.set(FLOAT, byteOffset + (r * stride + c) * Float.BYTES, values[r][c]);
                }
            }
            return new Operand(segment, byteOffset, stride, values);
        }
    }

    private final Allocator memory = Allocator.host("panels");

    @AfterEach
    void closeMemory() {
        memory.close();
    }

    @Test
    void productsOfAllSmallSizesEqualTheChainOfFusedMultiplyAdds() {
        long seed = 20;
        SplittableRandom random = new SplittableRandom(seed);
        for (int size = 1; size <= 130; size++) {
            check(seed, random, size, random.nextInt(1, 70), random.nextInt(1, 40));
            check(seed, random, random.nextInt(1, 20), size, random.nextInt(1, 40));
            check(seed, random, random.nextInt(1, 20), random.nextInt(1, 70), size);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "9, 33, 255",
        "8, 64, 256",
        "7, 65, 257",
        "1, 1, 511",
        "7, 33, 512",
        "9, 65, 513",
        "8, 64, 1023",
        "13, 127, 1024",
        "16, 31, 1025",
        "5, 97, 2304",
        "9, 33, 2049",
        "64, 1025, 128",
        "17, 257, 769"
    })
    void productsOverSeveralDepthBlocksEqualTheChainOfFusedMultiplyAdds(int rows, int columns, int depth) {
        check(21, new SplittableRandom(21), rows, columns, depth);
    }

    private void check(long seed, SplittableRandom random, int rows, int columns, int depth) {
        try (Arena arena = Arena.ofConfined();
                GemmPanels panels = dirtyPanels(columns, depth)) {
            String what = "seed %d, %d x %d x %d".formatted(seed, rows, columns, depth);
            Operand a = Operand.random(arena, random, rows, depth);
            Operand w = Operand.random(arena, random, columns, depth);
            float[] packedA = filled(GemmKernel.packedLength(rows, depth));
            GemmKernel.packRows(a.segment, a.byteOffset, a.stride, rows, depth, packedA, 0);
            panels.pack(w.segment, w.byteOffset, w.stride, 0, panels.panelCount(), staging());

            int padded = panels.panelCount() * GemmKernel.COLUMNS;
            float[] bias = new float[padded];
            for (int c = 0; c < columns; c++) {
                bias[c] = (float) random.nextDouble(-1, 1);
            }
            int stride = padded + random.nextInt(5);
            int offset = random.nextInt(5);
            float[] tile = filled(offset + GemmKernel.paddedRows(rows) * stride);
            // Two calls over a split of the panels must fill one tile.
            int split = random.nextInt(panels.panelCount() + 1);
            GemmKernel.multiply(packedA, rows, panels, 0, split, bias, tile, offset, stride);
            GemmKernel.multiply(
                    packedA,
                    rows,
                    panels,
                    split,
                    panels.panelCount(),
                    bias,
                    tile,
                    offset + split * GemmKernel.COLUMNS,
                    stride);
            float[] plain = filled(tile.length);
            GemmKernel.multiply(packedA, 0, rows, panels, 0, panels.panelCount(), depth, plain, offset, stride);
            for (int r = 0; r < rows; r++) {
                for (int c = 0; c < columns; c++) {
                    float biased = product(bias[c], a.values[r], w.values[c]);
                    int at = offset + r * stride + c;
                    assertThat(tile[at]).as(what + " biased").isEqualTo(biased);
                    assertThat(plain[at]).as(what + " plain").isEqualTo(product(0f, a.values[r], w.values[c]));
                }
            }
        }
    }

    @Test
    void transposedOperandsGiveTheSameProduct() {
        long seed = 22;
        SplittableRandom random = new SplittableRandom(seed);
        for (int size = 1; size <= 130; size++) {
            int rows = size;
            int columns = random.nextInt(1, 131);
            int depth = random.nextInt(1, 40);
            try (Arena arena = Arena.ofConfined();
                    GemmPanels panels = dirtyPanels(columns, depth)) {
                String what = "seed %d, %d x %d x %d".formatted(seed, rows, columns, depth);
                Operand a = Operand.random(arena, random, depth, rows);
                Operand b = Operand.random(arena, random, depth, columns);
                float[] packedA = filled(GemmKernel.packedLength(rows, depth));
                GemmKernel.packRowsTransposed(a.segment, a.byteOffset, a.stride, rows, depth, packedA, 0);
                panels.packTransposed(b.segment, b.byteOffset, b.stride, 0, panels.panelCount(), staging());
                int stride = panels.panelCount() * GemmKernel.COLUMNS;
                float[] tile = filled(GemmKernel.paddedRows(rows) * stride);
                GemmKernel.multiply(packedA, 0, rows, panels, 0, panels.panelCount(), depth, tile, 0, stride);
                for (int r = 0; r < rows; r++) {
                    for (int c = 0; c < columns; c++) {
                        float expected = 0f;
                        for (int k = 0; k < depth; k++) {
                            expected = Math.fma(a.values[k][r], b.values[k][c], expected);
                        }
                        assertThat(tile[r * stride + c]).as(what).isEqualTo(expected);
                    }
                }
            }
        }
    }

    @Test
    void panelsPackedInAnyOrderLieWhereTheyAreRead() {
        int depth = 300;
        int columns = GemmKernel.COLUMNS * 11 + 1;
        try (Arena arena = Arena.ofConfined();
                GemmPanels panels = new GemmPanels(memory, "panels", columns, depth)) {
            Operand w = Operand.random(arena, new SplittableRandom(23), columns, depth);
            // Ranges in any order: this is how several threads share the work.
            panels.pack(w.segment, w.byteOffset, w.stride, 5, panels.panelCount(), staging());
            panels.pack(w.segment, w.byteOffset, w.stride, 0, 5, staging());
            for (int c = 0; c < columns; c++) {
                float[] column = new float[depth];
                for (int k = 0; k < depth; k++) {
                    column[k] = panels.memory().get(FLOAT, panels.columnOffset(c) + (long) k * GemmPanels.ROW_BYTES);
                }
                assertThat(column).as("column %d", c).isEqualTo(w.values[c]);
            }
        }
    }

    @Test
    void panelsStartAtCacheLines() {
        try (GemmPanels panels = new GemmPanels(memory, "panels", 100, 14)) {
            assertThat(panels.memory().address() % 64).isZero();
        }
    }

    @Test
    void reshapingToAShapeThatFitsAllocatesNothing() {
        try (GemmPanels panels = new GemmPanels(memory, "panels", 300, 70)) {
            long before = panels.memory().address();
            panels.reshape(100, 70);
            panels.reshape(70, 100);
            assertThat(panels.memory().address()).isEqualTo(before);
            assertThat(panels.columns()).isEqualTo(70);
            assertThat(memory.allocations()).isEqualTo(1);
        }
    }

    @Test
    void reshapingToALargerShapeGivesTheOldMemoryBack() {
        try (GemmPanels panels = new GemmPanels(memory, "panels", 30, 70)) {
            panels.reshape(3000, 70);
            assertThat(memory.allocatedBytes()).isEqualTo(panels.memory().byteSize());
        }
        assertThat(memory.allocatedBytes()).isZero();
    }

    @Test
    void nanInOneRowStaysInThatRow() {
        try (Arena arena = Arena.ofConfined();
                GemmPanels panels = new GemmPanels(memory, "panels", 45, 19)) {
            Operand a = Operand.random(arena, new SplittableRandom(24), 11, 19);
            Operand w = Operand.random(arena, new SplittableRandom(25), 45, 19);
            a.segment.set(FLOAT, a.byteOffset + (4 * a.stride + 7) * Float.BYTES, Float.NaN);
            float[] packedA = new float[GemmKernel.packedLength(11, 19)];
            GemmKernel.packRows(a.segment, a.byteOffset, a.stride, 11, 19, packedA, 0);
            panels.pack(w.segment, w.byteOffset, w.stride, 0, panels.panelCount(), staging());
            int stride = panels.panelCount() * GemmKernel.COLUMNS;
            float[] tile = new float[GemmKernel.paddedRows(11) * stride];
            GemmKernel.multiply(packedA, 0, 11, panels, 0, panels.panelCount(), 19, tile, 0, stride);
            for (int r = 0; r < 11; r++) {
                for (int c = 0; c < 45; c++) {
                    assertThat(Float.isNaN(tile[r * stride + c]))
                            .as("row %d", r)
                            .isEqualTo(r == 4);
                }
            }
        }
    }

    @Test
    void impossibleShapesAreRefused() {
        assertThatThrownBy(() -> new GemmPanels(memory, "panels", 0, 3)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new GemmPanels(memory, "panels", 3, Integer.MAX_VALUE))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private GemmPanels dirtyPanels(int columns, int depth) {
        GemmPanels panels = new GemmPanels(memory, "panels", columns, depth);
        for (long at = 0; at < panels.memory().byteSize(); at += Float.BYTES) {
            panels.memory().set(FLOAT, at, Float.NaN);
        }
        return panels;
    }

    private static float[] staging() {
        return filled(GemmPanels.STAGING);
    }

    /** Stale content must not shine through, so buffers start as NaN. */
    private static float[] filled(int length) {
        float[] array = new float[length];
        Arrays.fill(array, Float.NaN);
        return array;
    }

    private static float product(float start, float[] a, float[] b) {
        float sum = start;
        for (int k = 0; k < a.length; k++) {
            sum = Math.fma(a[k], b[k], sum);
        }
        return sum;
    }
}
