// SPDX-License-Identifier: Apache-2.0
package dev.darien.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class MatrixTest {
    private final Allocator allocator = Allocator.host("test");

    @AfterEach
    void nothingLeaks() {
        allocator.close();
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void rowsAreAlignedZeroedAndIndependent(DType dtype) {
        for (int columns : new int[] {1, 3, 15, 16, 17, 33, 64}) {
            try (Matrix matrix = allocator.matrix("m", dtype, 5, columns)) {
                assertThat(matrix.stride()).isGreaterThanOrEqualTo(columns);
                for (int row = 0; row < 5; row++) {
                    assertThat((matrix.segment().address() + matrix.rowOffset(row)) % 64)
                            .isZero();
                    for (int column = 0; column < columns; column++) {
                        assertThat(matrix.get(row, column)).isZero();
                        matrix.set(row, column, row * 64 + column);
                    }
                }
                for (int row = 0; row < 5; row++) {
                    for (int column = 0; column < columns; column++) {
                        float expected = row * 64 + column;
                        if (dtype == DType.BF16) {
                            expected = DType.bfloat16ToFloat(DType.floatToBfloat16(expected));
                        }
                        assertThat(matrix.get(row, column)).isEqualTo(expected);
                    }
                }
            }
        }
    }

    @Test
    void halfPrecisionIsConvertedAsTheJdkDoes() {
        try (Matrix matrix = allocator.matrix("m", DType.F16, 1, 1 << 16)) {
            for (int bits = 0; bits < 1 << 16; bits++) {
                matrix.segment().set(Matrix.SHORT, 2L * bits, (short) bits);
                float expected = Float.float16ToFloat((short) bits);
                float value = matrix.get(0, bits);
                if (Float.floatToIntBits(value) != Float.floatToIntBits(expected)) {
                    assertThat(value).as("bits %04x", bits).isEqualTo(expected);
                }
                matrix.set(0, bits, value);
                if (!Float.isNaN(value)) {
                    assertThat(matrix.segment().get(Matrix.SHORT, 2L * bits)).isEqualTo((short) bits);
                }
            }
        }
    }

    @Test
    void doublesAndIntegersKeepWhatSinglesCanNotHold() {
        try (Matrix doubles = allocator.matrix("d", DType.F64, 1, 1);
                Matrix longs = allocator.matrix("l", DType.I64, 1, 1);
                Matrix ints = allocator.matrix("i", DType.I32, 1, 1);
                Matrix singles = allocator.vector("s", 1)) {
            doubles.setDouble(0, 0, Math.PI);
            assertThat(doubles.getDouble(0, 0)).isEqualTo(Math.PI);
            assertThat(doubles.get(0, 0)).isEqualTo((float) Math.PI);
            longs.setLong(0, 0, Long.MAX_VALUE - 1);
            assertThat(longs.getLong(0, 0)).isEqualTo(Long.MAX_VALUE - 1);
            ints.setLong(0, 0, Integer.MIN_VALUE);
            assertThat(ints.getLong(0, 0)).isEqualTo(Integer.MIN_VALUE);
            assertThatThrownBy(() -> ints.setLong(0, 0, 1L << 31)).isInstanceOf(ArithmeticException.class);
            assertThatThrownBy(() -> singles.getLong(0, 0)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> singles.setLong(0, 0, 1)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> singles.setDouble(0, 0, 1)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 5, 7})
    void viewsMayBeginAtAnyByteAndKeepTheirStride(int shift) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = arena.allocate(100, 8).asSlice(shift);
            Matrix view = Matrix.of(segment, DType.F32, 3, 2, 5);
            view.setRow(0, 1, 2);
            view.setRow(2, 5, 6);
            assertThat(segment.get(Matrix.FLOAT, 4)).isEqualTo(2);
            assertThat(segment.get(Matrix.FLOAT, 4 * 10)).isEqualTo(5);
            assertThat(view.slice(1, 2).get(1, 1)).isEqualTo(6);
            assertThat(view.rowOffset(2)).isEqualTo(40);
        }
    }

    @Test
    void aViewNeedsOnlyTheLastRowsOwnElements() {
        try (Arena arena = Arena.ofConfined()) {
            assertThat(Matrix.of(arena.allocate((2 * 5 + 2) * 4), DType.F32, 3, 2, 5)
                            .rows())
                    .isEqualTo(3);
            MemorySegment tooShort = arena.allocate((2 * 5 + 2) * 4 - 1);
            assertThatThrownBy(() -> Matrix.of(tooShort, DType.F32, 3, 2, 5))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("needs 48 bytes but only 47");
            assertThatThrownBy(() -> Matrix.of(tooShort, DType.F32, 1, 5, 4))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> Matrix.of(tooShort, DType.F32, -1, 5))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> Matrix.of(tooShort, DType.F32, 1L << 40, 1 << 30))
                    .isInstanceOf(ArithmeticException.class);
        }
    }

    @Test
    void slicesShareMemoryAndAreChecked() {
        try (Matrix matrix = allocator.matrix("m", 6, 3)) {
            matrix.slice(2, 3).set(1, 2, 9);
            assertThat(matrix.get(3, 2)).isEqualTo(9);
            assertThat(matrix.slice(6, 0).rows()).isZero();
            assertThatThrownBy(() -> matrix.slice(4, 3)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> matrix.slice(-1, 1)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> matrix.slice(2, 3).get(3, 0)).isInstanceOf(IndexOutOfBoundsException.class);
            matrix.slice(0, 6).close();
            assertThat(matrix.get(3, 2)).as("closing a view gives nothing back").isEqualTo(9);
        }
    }

    @Test
    void elementsOutsideAreRefusedEvenWherePaddingLies() {
        try (Matrix matrix = allocator.matrix("m", 2, 3)) {
            assertThatThrownBy(() -> matrix.get(0, 3)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> matrix.get(2, 0)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> matrix.set(-1, 0, 1)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> matrix.set(0, -1, 1)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> matrix.setRow(0, 1, 2)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void copyingBridgesStridesAndRefusesOtherShapes() {
        try (Matrix a = allocator.matrix("a", 4, 3);
                Arena arena = Arena.ofConfined()) {
            for (int row = 0; row < 4; row++) {
                a.setRow(row, row, 10 + row, 20 + row);
            }
            Matrix tight = Matrix.of(arena.allocate(48), DType.F32, 4, 3);
            tight.copyFrom(a);
            assertThat(tight.toArray(3)).containsExactly(3, 13, 23);
            a.clear();
            assertThat(a.toArray(3)).containsExactly(0, 0, 0);
            assertThatThrownBy(() -> tight.copyFrom(a.slice(0, 3)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("F32[3, 3]");
        }
    }

    @Test
    void requirementsNameBothShapes() {
        try (Matrix matrix = allocator.matrix("m", 2, 3)) {
            assertThat(matrix.require(DType.F32).require(DType.F32, 2, 3)).isSameAs(matrix);
            assertThatThrownBy(() -> matrix.require(DType.F16))
                    .hasMessage("expected a matrix of F16 but got F32[2, 3]");
            assertThatThrownBy(() -> matrix.require(DType.F32, 3, 2))
                    .hasMessage("expected F32[3, 2] but got F32[2, 3]");
            assertThat(matrix).hasToString("F32[2, 3]");
        }
    }

    @Test
    void useAfterCloseIsAnExceptionForViewsToo() {
        Matrix matrix = allocator.matrix("m", 2, 3);
        Matrix view = matrix.slice(1, 1);
        matrix.close();
        matrix.close();
        assertThatThrownBy(() -> matrix.get(0, 0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> matrix.set(0, 0, 1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> view.get(0, 0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(matrix::clear).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void anyThreadMayReadAndClose() throws InterruptedException {
        Matrix matrix = allocator.matrix("m", 2, 3);
        matrix.set(1, 1, 5);
        AtomicReference<Float> seen = new AtomicReference<>();
        Thread thread = new Thread(() -> {
            seen.set(matrix.get(1, 1));
            matrix.close();
        });
        thread.start();
        thread.join();
        assertThat(seen.get()).isEqualTo(5);
        assertThat(allocator.allocatedBytes()).isZero();
    }

    /** As a GPU's: segments of length 0 at some address, in arenas that close when the block is given back. */
    private static Allocator unreachable() {
        return Allocator.over("gpu", bytes -> {
            Arena arena = Arena.ofShared();
            return new Storage.Block(arena.allocate(64, 64).asSlice(0, 0), arena::close);
        });
    }

    @Test
    void deviceMemoryCanNotBeReadFromJava() {
        try (Allocator device = unreachable();
                Matrix matrix = device.matrix("m", 4, 4)) {
            for (Matrix one : List.of(matrix, matrix.slice(1, 2), matrix.prefix(2))) {
                assertThat(one.isHost()).isFalse();
                assertThatThrownBy(() -> one.get(0, 0)).isInstanceOf(IndexOutOfBoundsException.class);
                assertThatThrownBy(() -> one.set(0, 0, 1)).isInstanceOf(IndexOutOfBoundsException.class);
                assertThatThrownBy(one::clear).isInstanceOf(IndexOutOfBoundsException.class);
                assertThatThrownBy(() -> one.copyFrom(one)).isInstanceOf(IndexOutOfBoundsException.class);
            }
        }
    }

    @Test
    void viewsOfDeviceMemoryKeepTheirAddressAndShape() {
        try (Allocator device = unreachable();
                Matrix matrix = device.matrix("m", 100, 3);
                SparseCodes codes = SparseCodes.allocate(device, 7, 50, 20)) {
            long base = matrix.address();
            assertThat(base).isEqualTo(matrix.segment().address());
            Matrix slice = matrix.slice(5, 20);
            assertThat(slice.address()).isEqualTo(base + 5 * 64);
            assertThat(slice.slice(3, 2).address()).isEqualTo(base + 8 * 64);
            Matrix part = slice.slice(3, 2).prefix(1);
            assertThat(part.address()).isEqualTo(base + 8 * 64);
            assertThat(part.slice(1, 1).address()).isEqualTo(base + 9 * 64);
            assertThat(part.shape()).isEqualTo("F32[2, 1]");
            assertThat(part.stride()).isEqualTo(matrix.stride());
            Matrix columns = slice.columnSlice(1, 2);
            assertThat(columns.address()).isEqualTo(slice.address() + 4);
            assertThat(columns.shape()).isEqualTo("F32[20, 2]");
            assertThat(columns.slice(2, 3).columnSlice(1, 1).address()).isEqualTo(slice.address() + 2 * 64 + 8);
            SparseCodes first = codes.firstRows(3);
            assertThat(first.rows()).isEqualTo(3);
            assertThat(first.offsets().isHost()).isFalse();
            assertThat(first.offsets().address()).isEqualTo(codes.offsets().address());
            assertThat(first.values().address()).isEqualTo(codes.values().address());
        }
    }

    @Test
    void theAddressOfMemoryThatWasGivenBackIsAnException() {
        try (Allocator device = unreachable()) {
            for (Allocator memory : List.of(device, allocator)) {
                Matrix matrix = memory.matrix("m", 4, 3);
                SparseCodes codes = SparseCodes.allocate(memory, 7, 50, 20);
                List<Matrix> views = List.of(
                        matrix.slice(1, 2), matrix.prefix(2), codes.firstRows(2).offsets());
                matrix.close();
                codes.close();
                for (Matrix gone : views) {
                    assertThatThrownBy(gone::address)
                            .isInstanceOf(IllegalStateException.class)
                            .hasMessage("the memory of a matrix " + gone.shape() + " has been given back already");
                }
                assertThatThrownBy(matrix::address).isInstanceOf(IllegalStateException.class);
            }
        }
    }

    @Test
    void theAddressOfAHostMatrixIsThatOfItsFirstElement() {
        try (Matrix matrix = allocator.matrix("m", 6, 3)) {
            assertThat(matrix.address()).isEqualTo(matrix.segment().address());
            assertThat(matrix.slice(2, 3).address()).isEqualTo(matrix.address() + matrix.rowOffset(2));
        }
    }

    @Test
    void someColumnsAreAViewLikeSomeRows() {
        try (Matrix matrix = allocator.matrix("m", 3, 5)) {
            for (int row = 0; row < 3; row++) {
                matrix.setRow(row, 10 * row, 10 * row + 1, 10 * row + 2, 10 * row + 3, 10 * row + 4);
            }
            Matrix columns = matrix.columnSlice(1, 3);
            assertThat(columns.toArray(2)).containsExactly(21, 22, 23);
            assertThat(columns.slice(1, 2).columnSlice(2, 1).toArray(0)).containsExactly(13);
            assertThat(columns.columnSlice(3, 0).columns()).isZero();
            assertThat(matrix.slice(1, 0).columnSlice(4, 1).shape()).isEqualTo("F32[0, 1]");
            columns.setRow(0, -1, -2, -3);
            assertThat(matrix.toArray(0)).containsExactly(0, -1, -2, -3, 4);
            assertThat(columns.address()).isEqualTo(matrix.address() + 4);
            for (int[] bad : new int[][] {{-1, 2}, {3, 3}, {6, 0}, {0, -1}}) {
                assertThatThrownBy(() -> matrix.columnSlice(bad[0], bad[1]))
                        .isInstanceOf(IndexOutOfBoundsException.class);
            }
        }
    }

    @Test
    void clearingAViewLeavesTheRestAlone() {
        try (Matrix matrix = allocator.matrix("m", 3, 5)) {
            for (int row = 0; row < 3; row++) {
                matrix.setRow(row, 1, 2, 3, 4, 5);
            }
            matrix.slice(1, 2).prefix(2).clear();
            assertThat(matrix.toArray(0)).containsExactly(1, 2, 3, 4, 5);
            assertThat(matrix.toArray(2)).containsExactly(0, 0, 3, 4, 5);
        }
    }
}
