// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("vector-width")
class SparseRowsTest {
    private static final float[] LANES = new float[VectorSpec.LANES];
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int ROWS = 23;

    /** A matrix in a segment that ends with its last element, and a code whose entries start at 2. */
    private static final class Case {
        final String what;
        final int columns;
        final int entries;
        final long byteOffset;
        final long stride;
        final MemorySegment matrix;
        final float[][] rows;
        final int[] indices;
        final float[] values;
        final float[] vector;

        Case(Arena arena, long seed, SplittableRandom random, int columns, int entries) {
            what = "seed %d, %d columns, %d entries".formatted(seed, columns, entries);
            this.columns = columns;
            this.entries = entries;
            byteOffset = random.nextInt(0, 9);
            stride = columns + random.nextInt(4);
            matrix = arena.allocate(byteOffset + ((ROWS - 1) * stride + columns) * Float.BYTES);
            rows = new float[ROWS][columns];
            for (int r = 0; r < ROWS; r++) {
                for (int c = 0; c < columns; c++) {
                    rows[r][c] = (float) random.nextDouble(-1, 1);
                    matrix.set(FLOAT, byteOffset + (r * stride + c) * Float.BYTES, rows[r][c]);
                }
            }
            indices = new int[2 + entries];
            values = new float[2 + entries];
            for (int i = 2; i < 2 + entries; i++) {
                indices[i] = random.nextInt(ROWS);
                values[i] = (float) random.nextDouble(-1, 1);
            }
            vector = new float[3 + columns];
            for (int c = 0; c < vector.length; c++) {
                vector[c] = (float) random.nextDouble(-1, 1);
            }
        }
    }

    @Test
    void accumulatingEqualsTheChainOfFusedMultiplyAdds() {
        SplittableRandom random = new SplittableRandom(50);
        for (int columns = 1; columns <= 130; columns++) {
            for (int entries = 0; entries <= 9; entries++) {
                try (Arena arena = Arena.ofConfined()) {
                    Case c = new Case(arena, 50, random, columns, entries);
                    float[] expected = new float[columns];
                    for (int j = 0; j < columns; j++) {
                        expected[j] = c.vector[3 + j];
                        for (int i = 2; i < 2 + entries; i++) {
                            expected[j] = Math.fma(c.values[i], c.rows[c.indices[i]][j], expected[j]);
                        }
                    }
                    float[] out = new float[columns + 2];
                    Arrays.fill(out, 99f);
                    SparseRows.accumulate(
                            c.matrix,
                            c.byteOffset,
                            c.stride,
                            columns,
                            c.indices,
                            c.values,
                            2,
                            2 + entries,
                            c.vector,
                            3,
                            out,
                            1);
                    assertThat(Arrays.copyOfRange(out, 1, 1 + columns))
                            .as(c.what)
                            .isEqualTo(expected);
                    assertThat(new float[] {out[0], out[columns + 1]})
                            .as(c.what)
                            .containsExactly(99f, 99f);

                    // The initial value may be the output: this is how one latent's gradient grows over tiles.
                    SparseRows.accumulate(
                            c.matrix,
                            c.byteOffset,
                            c.stride,
                            columns,
                            c.indices,
                            c.values,
                            2,
                            2 + entries,
                            c.vector,
                            3,
                            c.vector,
                            3);
                    assertThat(Arrays.copyOfRange(c.vector, 3, 3 + columns))
                            .as(c.what)
                            .isEqualTo(expected);
                }
            }
        }
    }

    @Test
    void dotsAgreeWithDoublePrecision() {
        SplittableRandom random = new SplittableRandom(51);
        for (int columns = 1; columns <= 130; columns++) {
            for (int entries = 0; entries <= 9; entries++) {
                try (Arena arena = Arena.ofConfined()) {
                    Case c = new Case(arena, 51, random, columns, entries);
                    float[] out = new float[3 + entries];
                    Arrays.fill(out, 99f);
                    SparseRows.dots(
                            c.matrix,
                            c.byteOffset,
                            c.stride,
                            columns,
                            c.indices,
                            2,
                            2 + entries,
                            c.vector,
                            3,
                            out,
                            LANES);
                    for (int i = 2; i < 2 + entries; i++) {
                        double expected = 0;
                        for (int j = 0; j < columns; j++) {
                            expected += (double) c.vector[3 + j] * c.rows[c.indices[i]][j];
                        }
                        assertThat((double) out[i]).as(c.what).isCloseTo(expected, within(1e-6 * Math.sqrt(columns)));
                    }
                    assertThat(new float[] {out[0], out[1], out[2 + entries]})
                            .as(c.what)
                            .containsExactly(99f, 99f, 99f);
                }
            }
        }
    }

    @Test
    void aDotDoesNotDependOnItsPlaceAmongTheEntries() {
        SplittableRandom random = new SplittableRandom(52);
        for (int columns : new int[] {1, 31, 64, 127, 513}) {
            try (Arena arena = Arena.ofConfined()) {
                Case c = new Case(arena, 52, random, columns, 11);
                float[] together = new float[13];
                float[] alone = new float[13];
                SparseRows.dots(
                        c.matrix, c.byteOffset, c.stride, columns, c.indices, 2, 13, c.vector, 3, together, LANES);
                for (int i = 2; i < 13; i++) {
                    SparseRows.dots(
                            c.matrix, c.byteOffset, c.stride, columns, c.indices, i, i + 1, c.vector, 3, alone, LANES);
                }
                assertThat(together).as(c.what).isEqualTo(alone);
            }
        }
    }

    @Test
    void nanInOneRowReachesOnlyTheEntriesThatUseIt() {
        try (Arena arena = Arena.ofConfined()) {
            Case c = new Case(arena, 53, new SplittableRandom(53), 37, 8);
            c.matrix.set(FLOAT, c.byteOffset + (c.indices[4] * c.stride + 36) * Float.BYTES, Float.NaN);
            float[] out = new float[10];
            SparseRows.dots(c.matrix, c.byteOffset, c.stride, 37, c.indices, 2, 10, c.vector, 3, out, LANES);
            for (int i = 2; i < 10; i++) {
                assertThat(Float.isNaN(out[i])).isEqualTo(c.indices[i] == c.indices[4]);
            }
            float[] sum = new float[37];
            SparseRows.accumulate(
                    c.matrix, c.byteOffset, c.stride, 37, c.indices, c.values, 2, 10, c.vector, 3, sum, 0);
            for (int j = 0; j < 37; j++) {
                assertThat(Float.isNaN(sum[j])).isEqualTo(j == 36);
            }
        }
    }

    @Test
    void rowsBeyondTwoGibibytesAreFound(@TempDir Path folder) throws IOException {
        int columns = 37;
        int row = (int) (2_500_000_000L / (columns * Float.BYTES));
        long bytes = (row + 1L) * columns * Float.BYTES;
        // A sparse file: only the pages of the last row exist.
        try (FileChannel file = FileChannel.open(folder.resolve("large"), CREATE_NEW, READ, WRITE);
                Arena arena = Arena.ofConfined()) {
            MemorySegment matrix = file.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
            float[] ones = new float[columns];
            Arrays.fill(ones, 1f);
            for (int c = 0; c < columns; c++) {
                matrix.set(FLOAT, bytes - (columns - c) * Float.BYTES, c);
            }
            int[] indices = {row, 0, row, row, row};
            float[] sum = new float[columns];
            SparseRows.accumulate(
                    matrix, 0, columns, columns, indices, new float[] {1, 1, 1, 1, 1}, 0, 5, sum, 0, sum, 0);
            assertThat(sum[36]).isEqualTo(4 * 36f);
            float[] dots = new float[5];
            SparseRows.dots(matrix, 0, columns, columns, indices, 0, 5, ones, 0, dots, LANES);
            assertThat(dots).containsExactly(666f, 0f, 666f, 666f, 666f);
            float[] packed = new float[GemmKernel.packedLength(2, columns)];
            GemmKernel.packRows(matrix, 0, (long) row * columns, 2, columns, packed, 0);
            assertThat(packed[36 * GemmKernel.ROWS + 1]).isEqualTo(36f);
        }
    }
}
