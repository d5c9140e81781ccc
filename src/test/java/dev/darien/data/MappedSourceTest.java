// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static dev.darien.data.TestFiles.tensor;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MappedSourceTest {
    @TempDir
    Path folder;

    private final Allocator allocator = Allocator.host("test");

    @AfterEach
    void nothingLeaks() {
        allocator.close();
    }

    private ActivationSource open(Path... files) {
        return ActivationSources.open(List.of(files), "activations");
    }

    private float[] row(ActivationSource source, long number) {
        try (Matrix out = allocator.matrix("row", source.dtype(), 1, source.width())) {
            source.read(new long[] {number}, 1, out);
            return out.toArray(0);
        }
    }

    @Test
    void aMatrixThatIsThereAlreadyIsASourceWhateverItsStride() {
        try (Matrix rows = allocator.matrix("rows", 5, 3)) {
            for (int row = 0; row < 5; row++) {
                rows.setRow(row, row, row + 0.25f, row + 0.5f);
            }
            assertThat(rows.stride()).isGreaterThan(3);
            try (ActivationSource source = ActivationSources.of(rows, "my rows");
                    Matrix tight = allocator.vector("tight", 9)) {
                assertThat(row(source, 4)).containsExactly(4, 4.25f, 4.5f);
                source.read(1, 3, Matrix.of(tight.segment(), DType.F32, 3, 3));
                assertThat(tight.toArray(0)).containsExactly(1, 1.25f, 1.5f, 2, 2.25f, 2.5f, 3, 3.25f, 3.5f);
                assertThat(source.locate(2)).isEqualTo("my rows, row 2");
            }
            assertThat(rows.get(4, 0)).as("still the caller's").isEqualTo(4);
        }
        try (Matrix integers = allocator.matrix("integers", DType.I32, 2, 2)) {
            assertThatThrownBy(() -> ActivationSources.of(integers, "integers"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("I32[2, 2]");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6, 7})
    void dataMayBeginAtAnyByte(int shift) {
        String header = "{" + tensor("activations", "F32", "[3,4]", 0, 48) + "}";
        header += " ".repeat((8 + shift - header.length() % 8) % 8);
        assertThat(header.length() % 8).isEqualTo(shift);
        Path file = TestFiles.safetensors(folder.resolve("a"), header, TestFiles.floats(TestFiles.counting(12)));
        try (ActivationSource source = open(file)) {
            assertThat(row(source, 0)).containsExactly(0, 1, 2, 3);
            assertThat(row(source, 2)).containsExactly(8, 9, 10, 11);
        }
    }

    @Test
    void tensorsAtOddOffsetsOfTheDataArea() {
        String header =
                "{" + tensor("flag", "BOOL", "[1]", 0, 1) + "," + tensor("activations", "F32", "[2,2]", 1, 17) + "}";
        ByteBuffer data = ByteBuffer.allocate(17).put((byte) 1).put(TestFiles.floats(1.5f, -2, 3, 4));
        Path file = TestFiles.safetensors(folder.resolve("odd"), header, data.array());
        try (ActivationSource source = open(file)) {
            assertThat(row(source, 0)).containsExactly(1.5f, -2);
            assertThat(row(source, 1)).containsExactly(3, 4);
        }
    }

    @Test
    void threeDimensionsAreReadAsTokens() {
        Path file =
                TestFiles.activations(folder.resolve("3d"), "F32", "[2,3,4]", TestFiles.floats(TestFiles.counting(24)));
        try (ActivationSource source = open(file)) {
            assertThat(source.rows()).isEqualTo(6);
            assertThat(source.width()).isEqualTo(4);
            assertThat(row(source, 5)).containsExactly(20, 21, 22, 23);
        }
    }

    @Test
    void halvesKeepTheirTypeAndBits() {
        Path half = TestFiles.activations(
                folder.resolve("f16"), "F16", "[2,2]", TestFiles.shorts(0x3C00, 0xC000, 0x7BFF, 1));
        Path brain = TestFiles.activations(
                folder.resolve("bf16"), "BF16", "[2,2]", TestFiles.shorts(0x3F80, 0xC000, 0x7F7F, 1));
        try (ActivationSource source = open(half)) {
            assertThat(source.dtype()).isEqualTo(DType.F16);
            assertThat(row(source, 0)).containsExactly(1, -2);
            assertThat(row(source, 1)).containsExactly(65504, 0x1p-24f);
        }
        try (ActivationSource source = open(brain)) {
            assertThat(source.dtype()).isEqualTo(DType.BF16);
            assertThat(row(source, 0)).containsExactly(1, -2);
            assertThat(row(source, 1))
                    .containsExactly(Float.intBitsToFloat(0x7F7F0000), Float.intBitsToFloat(0x00010000));
        }
    }

    private Path shard(String name, String dtype, int rows, int width, int from) {
        float[] values = new float[rows * width];
        for (int i = 0; i < values.length; i++) {
            values[i] = from + i / width;
        }
        return TestFiles.activations(
                folder.resolve(name), dtype, "[" + rows + "," + width + "]", TestFiles.floats(values));
    }

    @Test
    void shardsFollowEachOtherInTheOrderGiven() {
        Path a = shard("a", "F32", 3, 2, 0);
        Path b = shard("b", "F32", 1, 2, 3);
        Path c = TestFiles.npy(
                folder.resolve("c.npy"),
                1,
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }",
                TestFiles.floats(4, 4, 5, 5));
        try (ActivationSource source = open(a, b, c);
                Matrix out = allocator.matrix("out", 8, 2);
                Matrix tight = allocator.matrix("tight", 1, 12)) {
            assertThat(source.rows()).isEqualTo(6);
            source.read(1, 5, out);
            for (int i = 0; i < 5; i++) {
                assertThat(out.get(i, 1)).isEqualTo(i + 1);
            }
            source.read(0, 6, Matrix.of(tight.segment(), DType.F32, 6, 2));
            assertThat(tight.toArray(0)).containsExactly(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5);
            source.read(new long[] {5, 0, 3, 3, 2}, 5, out);
            assertThat(new float[] {out.get(0, 0), out.get(1, 0), out.get(2, 0), out.get(3, 0), out.get(4, 0)})
                    .containsExactly(5, 0, 3, 3, 2);
            assertThat(source.locate(0)).isEqualTo(a + ", tensor 'activations', row 0");
            assertThat(source.locate(3)).isEqualTo(b + ", tensor 'activations', row 0");
            assertThat(source.locate(5)).isEqualTo(c + ", row 1");
            assertThat(source.describe()).startsWith("3 files from " + a);
        }
    }

    @Test
    void shardsThatDisagreeAreRefusedByName() {
        Path a = shard("a", "F32", 3, 2, 0);
        Path wide = shard("wide", "F32", 3, 4, 0);
        Path half = TestFiles.activations(folder.resolve("half"), "F16", "[2,2]", TestFiles.shorts(0, 0, 0, 0));
        assertThatThrownBy(() -> open(a, wide))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll(wide.toString(), "width 4", a.toString(), "width 2");
        assertThatThrownBy(() -> open(a, half))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll(half.toString(), "type F16", a.toString(), "type F32");
        assertThatThrownBy(this::open).isInstanceOf(DataException.class).hasMessageContaining("no data was named");
    }

    @Test
    void aFolderStandsForItsFilesByName() throws IOException {
        Path data = Files.createDirectory(folder.resolve("data"));
        shard("data/part-2.safetensors", "F32", 1, 2, 2);
        shard("data/part-1.safetensors", "F32", 2, 2, 0);
        Files.writeString(data.resolve("notes.txt"), "not data");
        Files.writeString(data.resolve(".part-0.safetensors"), "hidden");
        try (ActivationSource source = open(data)) {
            assertThat(source.rows()).isEqualTo(3);
            assertThat(row(source, 0)).containsExactly(0, 0);
            assertThat(row(source, 2)).containsExactly(2, 2);
        }
    }

    @Test
    void rowsOutOfRangeAndWrongTargetsAreRefused() {
        try (ActivationSource source = open(shard("a", "F32", 3, 2, 0));
                Matrix out = allocator.matrix("out", 2, 2);
                Matrix wide = allocator.matrix("wide", 2, 3);
                Matrix half = allocator.matrix("half", DType.F16, 2, 2)) {
            for (long bad : new long[] {-1, 3, Long.MIN_VALUE, Long.MAX_VALUE}) {
                assertThatThrownBy(() -> source.read(new long[] {0, bad}, 2, out))
                        .isInstanceOf(IndexOutOfBoundsException.class);
                assertThatThrownBy(() -> source.read(bad, 1, out)).isInstanceOf(IndexOutOfBoundsException.class);
                assertThatThrownBy(() -> source.locate(bad)).isInstanceOf(IndexOutOfBoundsException.class);
            }
            assertThatThrownBy(() -> source.read(2, 2, out)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> source.read(0, 3, out)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> source.read(0, -1, out)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> source.read(0, 1, wide)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> source.read(0, 1, half)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void slicesAreNumberedFromTheirOwnStart() {
        try (ActivationSource source = open(shard("a", "F32", 10, 2, 0));
                Matrix out = allocator.matrix("out", 4, 2)) {
            ActivationSource last = source.slice(6, 4);
            assertThat(last.rows()).isEqualTo(4);
            assertThat(row(last, 0)).containsExactly(6, 6);
            last.read(1, 3, out);
            assertThat(out.get(2, 0)).isEqualTo(9);
            assertThat(last.locate(1)).endsWith("row 7");
            assertThat(row(last.slice(2, 2), 1)).containsExactly(9, 9);
            assertThatThrownBy(() -> last.read(new long[] {4}, 1, out)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> last.read(-1, 1, out)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> source.slice(6, 5)).isInstanceOf(IndexOutOfBoundsException.class);
            last.close();
            assertThat(row(source, 0)).containsExactly(0, 0);
        }
    }

    @Test
    void useAfterCloseIsAnException() {
        ActivationSource source = open(shard("a", "F32", 3, 2, 0), shard("b", "F32", 3, 2, 0));
        source.close();
        source.close();
        try (Matrix out = allocator.matrix("out", 2, 2)) {
            assertThatThrownBy(() -> source.read(0, 2, out)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> source.read(new long[] {4}, 1, out)).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void filesLargerThanAnIntIsMappedAndItsLastRowRead() throws IOException {
        int width = 512;
        long rows = (1L << 31) / width + 77;
        long bytes = rows * width * 4;
        byte[] json = ("{" + tensor("activations", "F32", "[" + rows + "," + width + "]", 0, bytes) + "}")
                .getBytes(StandardCharsets.UTF_8);
        Path file = folder.resolve("sparse.safetensors");
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.write(TestFiles.safetensorsBytes(json, new byte[0]));
            sparse.setLength(8 + json.length + bytes);
            sparse.seek(8 + json.length + bytes - 4);
            sparse.write(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat(0, 42)
                    .array());
        }
        try (ActivationSource source = open(file)) {
            assertThat(source.rows() * source.width()).isGreaterThan(1L << 31);
            float[] last = row(source, rows - 1);
            assertThat(last[width - 1]).isEqualTo(42);
            assertThat(last[0]).isZero();
            assertThat(row(source.slice(rows - 1, 1), 0)[width - 1]).isEqualTo(42);
        }
    }

    @Test
    void readingAllocatesNothingOnTheHeap() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (ActivationSource source = open(shard("a", "F32", 50, 8, 0), shard("b", "F32", 50, 8, 50));
                Matrix out = allocator.matrix("out", 64, 8)) {
            ActivationSource slice = source.slice(10, 90);
            Shuffle shuffle = new Shuffle(90, 7);
            long[] numbers = new long[64];
            for (int i = 0; i < 20_000; i++) {
                shuffle.next(numbers, 64);
                slice.read(numbers, 64, out);
            }
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 1000; i++) {
                shuffle.next(numbers, 64);
                slice.read(numbers, 64, out);
            }
            assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(10_000);
        }
    }
}
