// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.device.Device;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SafetensorsWriterTest {
    @TempDir
    Path folder;

    private final Allocator allocator = Allocator.host("test");

    @AfterEach
    void nothingLeaks() {
        allocator.close();
    }

    private Matrix random(DType dtype, long rows, int columns) {
        Matrix matrix = allocator.matrix("random", dtype, rows, columns);
        SeededRandom random = new SeededRandom(rows * 1000 + columns);
        for (long row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                if (dtype.isFloating()) {
                    matrix.set(row, column, (float) random.nextGaussian());
                } else {
                    matrix.setLong(row, column, random.nextInt(1000));
                }
            }
        }
        return matrix;
    }

    private static double element(Matrix matrix, long row, int column) {
        return matrix.dtype().isFloating() ? matrix.getDouble(row, column) : matrix.getLong(row, column);
    }

    private static void assertSame(Matrix actual, Matrix expected, boolean transposed) {
        assertThat(actual.dtype()).isEqualTo(expected.dtype());
        assertThat(actual.rows()).isEqualTo(transposed ? expected.columns() : expected.rows());
        assertThat((long) actual.columns()).isEqualTo(transposed ? expected.rows() : expected.columns());
        for (int row = 0; row < actual.rows(); row++) {
            for (int column = 0; column < actual.columns(); column++) {
                double wanted = transposed ? element(expected, column, row) : element(expected, row, column);
                if (element(actual, row, column) != wanted) {
                    assertThat(element(actual, row, column))
                            .as("(%d, %d)", row, column)
                            .isEqualTo(wanted);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void everyTypeComesBackPlainAndTransposed(DType dtype) {
        Path file = folder.resolve("a.safetensors");
        try (Matrix matrix = random(dtype, 37, 19)) {
            new SafetensorsWriter().tensor("m", matrix).transposed("t", matrix).write(file);
            try (SafetensorsFile read = SafetensorsFile.open(file)) {
                assertSame(read.matrix("m"), matrix, false);
                assertSame(read.matrix("t"), matrix, true);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1,1", "1,100", "100,1", "16,16", "17,33", "3000,200", "200,3000", "20000,40"})
    void transposingIsExactWhateverTheBlocks(int rows, int columns) {
        Path file = folder.resolve("t.safetensors");
        try (Matrix matrix = random(DType.F32, rows, columns)) {
            new SafetensorsWriter().transposed("t", matrix).write(file);
            try (SafetensorsFile read = SafetensorsFile.open(file)) {
                assertSame(read.matrix("t"), matrix, true);
            }
        }
    }

    @Test
    void transposedRowsThatExceedTheStagingBufferAreExact() {
        Path file = folder.resolve("wide.safetensors");
        try (Matrix matrix = random(DType.F32, 300_000, 3)) {
            new SafetensorsWriter().transposed("t", matrix).write(file);
            try (SafetensorsFile read = SafetensorsFile.open(file)) {
                assertSame(read.matrix("t"), matrix, true);
            }
        }
    }

    /** Also with rows that exceed what is fetched at a time. */
    @ParameterizedTest
    @CsvSource({"1,1", "37,19", "20000,40", "3,300000"})
    void whatIsInADevicesMemoryIsWrittenToTheSameBytes(int rows, int columns) throws IOException {
        Path here = folder.resolve("here.safetensors");
        Path there = folder.resolve("there.safetensors");
        try (Device device = Device.open("remote");
                Matrix host = random(DType.F32, rows, columns);
                Matrix matrix = device.memory().matrix("m", rows, columns)) {
            device.upload(host, matrix);
            new SafetensorsWriter()
                    .tensor("m", host)
                    .tensor("flat", host, (long) rows * columns)
                    .transposed("t", host)
                    .write(here);
            new SafetensorsWriter()
                    .tensor("m", device, matrix)
                    .tensor("flat", device, matrix, (long) rows * columns)
                    .transposed("t", device, matrix)
                    .write(there);
            SafetensorsWriter writer = new SafetensorsWriter();
            assertThatThrownBy(() -> writer.tensor("m", matrix))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("GPU");
            assertThatThrownBy(() -> writer.tensor("m", device, matrix, 7))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(there).hasSameBinaryContentAs(here);
    }

    @Test
    void stridesAndSlicesAreHonoured() {
        Path file = folder.resolve("s.safetensors");
        try (Matrix matrix = random(DType.F32, 50, 17)) {
            assertThat(matrix.stride()).isEqualTo(32);
            Matrix part = matrix.slice(10, 20);
            new SafetensorsWriter().tensor("s", part).transposed("t", part).write(file);
            try (SafetensorsFile read = SafetensorsFile.open(file)) {
                assertSame(read.matrix("s"), part, false);
                assertSame(read.matrix("t"), part, true);
                assertThat(read.tensor("s").end() - read.tensor("s").begin()).isEqualTo(20 * 17 * 4);
            }
        }
    }

    @Test
    void logicalShapesMetadataAndScalars() {
        Path file = folder.resolve("l.safetensors");
        try (Matrix vector = random(DType.F32, 1, 24);
                Matrix one = random(DType.F64, 1, 1);
                Matrix none = allocator.matrix("none", 0, 5)) {
            new SafetensorsWriter()
                    .tensor("v", vector, 24)
                    .tensor("cube", vector, 2, 3, 4)
                    .scalar("s", one)
                    .tensor("none", none)
                    .metadata("architecture", "topk")
                    .metadata("quote\"", "naïve\n")
                    .write(file);
            try (SafetensorsFile read = SafetensorsFile.open(file)) {
                assertThat(read.tensor("v").shape()).containsExactly(24L);
                assertThat(read.tensor("cube").shape()).containsExactly(2L, 3L, 4L);
                assertThat(read.tensor("s").shape()).isEmpty();
                assertThat(read.tensor("none").shape()).containsExactly(0L, 5L);
                assertThat(read.metadata()).containsEntry("quote\"", "naïve\n").containsEntry("architecture", "topk");
                assertThat(read.matrix("s").getDouble(0, 0)).isEqualTo(one.getDouble(0, 0));
                assertSame(read.matrix("v"), vector, false);
            }
        }
    }

    @Test
    void layoutIsThatOfTheFormatsOwnLibrary() throws IOException {
        Path file = folder.resolve("c.safetensors");
        try (Matrix half = random(DType.F16, 1, 3);
                Matrix brain = random(DType.BF16, 1, 3);
                Matrix single = random(DType.F32, 1, 3);
                Matrix integer = random(DType.I32, 1, 3);
                Matrix wide = random(DType.F64, 1, 3);
                Matrix index = random(DType.I64, 1, 3)) {
            new SafetensorsWriter()
                    .tensor("a", half)
                    .tensor("b", brain)
                    .tensor("z", single)
                    .tensor("c", single)
                    .tensor("d", integer)
                    .tensor("e", wide)
                    .tensor("f", index)
                    .write(file);
            try (SafetensorsFile read = SafetensorsFile.open(file)) {
                assertThat(read.tensors().keySet()).containsExactly("f", "e", "c", "z", "d", "b", "a");
            }
        }
        byte[] bytes = Files.readAllBytes(file);
        long length = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
        assertThat(length % 8).isZero();
        assertThat(new String(bytes, 8, (int) length, StandardCharsets.UTF_8))
                .startsWith("{\"f\":{\"dtype\":\"I64\",\"shape\":[1,3],\"data_offsets\":[0,24]}")
                .matches(".*} *");
    }

    @Test
    void rowsCanBeMadeWhileWriting() {
        Path file = folder.resolve("r.safetensors");
        int rows = 100_000;
        long[] next = {0};
        new SafetensorsWriter()
                .rows("activations", DType.F16, rows, 9, (first, part) -> {
                    assertThat(first).as("in order, without gaps").isEqualTo(next[0]);
                    for (long row = 0; row < part.rows(); row++) {
                        part.set(row, 3, (first + row) % 1000);
                    }
                    next[0] += part.rows();
                })
                .write(file);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            Matrix matrix = read.matrix("activations");
            for (int row = 0; row < rows; row += 997) {
                assertThat(matrix.get(row, 3)).isEqualTo(row % 1000);
            }
        }
    }

    @Test
    void failureLeavesTheOldFileAndNothingElse() throws IOException {
        Path file = folder.resolve("keep.safetensors");
        Files.writeString(file, "old");
        SafetensorsWriter writer = new SafetensorsWriter().rows("m", DType.F32, 1_000_000, 8, (first, part) -> {
            if (first > 100_000) {
                throw new IllegalStateException("the model failed");
            }
        });
        assertThatThrownBy(() -> writer.write(file)).hasMessage("the model failed");
        assertThat(Files.readString(file)).isEqualTo("old");
        assertThat(names()).containsExactly("keep.safetensors");
    }

    @Test
    void successReplacesTheOldFileAndLeavesNothingElse() throws IOException {
        Path file = folder.resolve("keep.safetensors");
        Files.writeString(file, "old");
        try (Matrix matrix = random(DType.F32, 2, 2)) {
            new SafetensorsWriter().tensor("m", matrix).write(file);
        }
        assertThat(names()).containsExactly("keep.safetensors");
        SafetensorsFile.open(file).close();
    }

    @Test
    void placesThatCanNotBeWrittenAreADataException() throws IOException {
        try (Matrix matrix = random(DType.F32, 2, 2)) {
            SafetensorsWriter writer = new SafetensorsWriter().tensor("m", matrix);
            assertThatThrownBy(() -> writer.write(folder.resolve("no/such/folder.safetensors")))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll("folder.safetensors", "can't be written");
            Path taken = Files.createDirectories(folder.resolve("taken/inner")).getParent();
            assertThatThrownBy(() -> writer.write(taken))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("can't be written");
            assertThat(names()).containsExactly("taken");
        }
    }

    @Test
    void wrongShapesNamesAndPlacesAreTheCallersMistake() {
        try (Matrix matrix = random(DType.F32, 2, 3)) {
            SafetensorsWriter writer = new SafetensorsWriter().tensor("m", matrix);
            assertThatThrownBy(() -> writer.tensor("m", matrix)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> writer.tensor("n", matrix, 7)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> writer.tensor("n", matrix, -2, -3)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> writer.tensor("__metadata__", matrix))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> writer.scalar("n", matrix)).isInstanceOf(IllegalArgumentException.class);
        }
        Allocator device = Allocator.over(
                "gpu", bytes -> new dev.darien.memory.Storage.Block(MemorySegment.ofAddress(4096), () -> {}));
        try (device;
                Matrix remote = device.matrix("remote", 2, 2)) {
            assertThatThrownBy(() -> new SafetensorsWriter().tensor("m", remote))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("GPU");
        }
    }

    private String[] names() throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.map(path -> path.getFileName().toString()).sorted().toArray(String[]::new);
        }
    }
}
