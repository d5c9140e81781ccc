// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static dev.darien.data.TestFiles.tensor;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsFileTest {
    @TempDir
    Path folder;

    private Path twoTensors() {
        String header = "{\"__metadata__\":{\"context\":\"64\",\"née\":\"ü\"},"
                + tensor("second", "F32", "[2,3]", 8, 32) + ","
                + tensor("first", "BF16", "[4]", 0, 8) + ","
                + tensor("bytes", "U8", "[3]", 32, 35) + ","
                + tensor("tiny", "F4_E9", "[9]", 35, 36) + ","
                + tensor("none", "F32", "[0,3]", 36, 36) + ","
                + tensor("one", "F64", "[]", 36, 44) + "}";
        byte[] data = new byte[44];
        System.arraycopy(TestFiles.shorts(0x3F80, 0x4000, 0x4040, 0x4080), 0, data, 0, 8);
        System.arraycopy(TestFiles.floats(1, 2, 3, 4, 5, 6), 0, data, 8, 24);
        data[34] = 9;
        data[43] = 0x40; // 2.0
        return TestFiles.safetensors(folder.resolve("two.safetensors"), header, data);
    }

    @Test
    void tensorsAreListedInTheOrderOfTheirDataWithTypesThatCanNotBeRead() {
        try (SafetensorsFile file = SafetensorsFile.open(twoTensors())) {
            assertThat(file.tensors().keySet()).containsExactly("first", "second", "bytes", "tiny", "none", "one");
            assertThat(file.tensor("second")).isEqualTo(new TensorInfo("second", "F32", List.of(2L, 3L), 8, 32));
            assertThat(file.metadata())
                    .containsEntry("context", "64")
                    .containsEntry("née", "ü")
                    .hasSize(2);
            assertThatThrownBy(() -> file.tensors().clear()).isInstanceOf(UnsupportedOperationException.class);
            assertThatThrownBy(() -> file.metadata().clear()).isInstanceOf(UnsupportedOperationException.class);
        }
    }

    @Test
    void matricesAreViewsOfTheirTensors() {
        try (SafetensorsFile file = SafetensorsFile.open(twoTensors())) {
            assertThat(file.matrix("first").toArray(0)).containsExactly(1, 2, 3, 4);
            assertThat(file.matrix("second").toArray(1)).containsExactly(4, 5, 6);
            assertThat(file.matrix("one").getDouble(0, 0)).isEqualTo(2.0);
            assertThat(file.matrix("none").shape()).isEqualTo("F32[0, 3]");
            assertThat(file.bytes("bytes").get(java.lang.foreign.ValueLayout.JAVA_BYTE, 2))
                    .isEqualTo((byte) 9);
            assertThatThrownBy(() -> file.matrix("bytes"))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll("'bytes'", "U8", "can be read");
            assertThatThrownBy(() -> file.matrix("absent"))
                    .isInstanceOf(DataException.class)
                    .hasMessageContainingAll("no tensor 'absent'", "second F32 [2, 3]");
            Matrix view = file.matrix("second");
            assertThatThrownBy(() -> view.set(0, 0, 1)).as("read-only").isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void readingConvertsAndTransposes() {
        try (SafetensorsFile file = SafetensorsFile.open(twoTensors());
                Allocator allocator = Allocator.host("test");
                Matrix single = allocator.matrix("single", 1, 4);
                Matrix turned = allocator.matrix("turned", 3, 2);
                Matrix turnedHalf = allocator.matrix("turned half", DType.F16, 3, 2);
                Matrix doubled = allocator.matrix("double", DType.F64, 2, 3)) {
            file.read("first", single);
            assertThat(single.toArray(0)).containsExactly(1, 2, 3, 4);
            file.readTransposed("second", turned);
            file.readTransposed("second", turnedHalf);
            assertThat(turned.toArray(2)).containsExactly(3, 6);
            assertThat(turnedHalf.toArray(1)).containsExactly(2, 5);
            file.read("second", doubled);
            assertThat(doubled.getDouble(1, 2)).isEqualTo(6);
            assertThatThrownBy(() -> file.read("second", turned))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("the shape [2, 3] where [3, 2] was expected");
            assertThatThrownBy(() -> file.readTransposed("second", doubled)).isInstanceOf(DataException.class);
        }
    }

    @Test
    void useAfterCloseIsAnException() {
        SafetensorsFile file = SafetensorsFile.open(twoTensors());
        Matrix view = file.matrix("second");
        file.close();
        file.close();
        assertThatThrownBy(() -> file.matrix("second")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> file.bytes("second")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> view.get(0, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void emptyFileOfNoTensorsIsValid() {
        Path path = TestFiles.safetensors(folder.resolve("none"), "{}  ", new byte[0]);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.tensors()).isEmpty();
            assertThat(file.metadata()).isEmpty();
        }
    }

    @Test
    void goldenVectorsOfAnotherWriterAreRead() throws URISyntaxException {
        Path golden = Path.of(Objects.requireNonNull(getClass().getResource("/golden/topk-auxk.safetensors"))
                .toURI());
        try (SafetensorsFile file = SafetensorsFile.open(golden)) {
            assertThat(file.matrix("x").shape()).isEqualTo("F32[37, 19]");
            assertThat(file.matrix("W_dec").shape()).isEqualTo("F32[61, 19]");
            assertThat(file.metadata()).containsKey("about");
        }
    }
}
