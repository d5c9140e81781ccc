// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import dev.darien.testfiles.Bytes;
import dev.darien.testfiles.NpzFiles;
import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.TorchFiles;
import dev.darien.testfiles.Values;
import dev.darien.testfiles.ZipFiles;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tensors of every kind of file, read the same way. */
class TensorFileTest {
    /** More than two tiles of a transposition, and neither a multiple of one. */
    private static final Values MATRIX = Values.random(new Random(1), 1, 37, 45);

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "F32,TORCH",
        "F16,TORCH",
        "BF16,TORCH",
        "F64,TORCH",
        "F32,SAFETENSORS",
        "F16,SAFETENSORS",
        "BF16,SAFETENSORS",
        "F64,SAFETENSORS",
        "F32,NPZ",
        "F16,NPZ",
        "F64,NPZ",
        "F32,NPY"
    })
    void aMatrixIsReadInBlocksAlsoTransposed(String dtype, TensorFile.Kind kind) {
        Values values = MATRIX.as(dtype);
        Path file = folder.resolve("any.name");
        switch (kind) {
            case TORCH -> TorchFiles.write(file, Map.of("w", values));
            case SAFETENSORS -> SafetensorsFiles.write(file, Map.of("w", values));
            case NPZ -> NpzFiles.write(file, Map.of("w", values), false);
            case NPY -> Bytes.write(file, NpzFiles.npy(values));
        }
        try (TensorFile opened = TensorFile.open(file)) {
            assertThat(opened.kind()).isEqualTo(kind);
            Tensor tensor = opened.tensors().get(kind == TensorFile.Kind.NPY ? "" : "w");
            assertThat(tensor.dtype()).isEqualTo(dtype);
            assertThat(tensor.shape()).containsExactly(37L, 45L);
            assertThat(read(tensor, 5, 20)).isEqualTo(expected(MATRIX, 5, 20));
            assertThat(read(tensor.transposed(), 3, 33)).isEqualTo(expected(MATRIX.transposed(), 3, 33));
        }
    }

    @Test
    void stridesOfATorchTensorAreHonoured() {
        Map<String, Object> state = new TreeMap<>();
        state.put("transposed", new TorchFiles.Transposed(MATRIX));
        // Every second row and third column of the middle of a storage: w[3:27:2, 4:40:3].
        state.put("sliced", new TorchFiles.View(MATRIX, 37 * 45, 3 * 45 + 4, new long[] {12, 12}, new long[] {90, 3}));
        try (TensorFile file = TensorFile.open(TorchFiles.write(folder.resolve("w.pt"), state))) {
            assertThat(read(file.tensors().get("transposed"), 0, 37)).isEqualTo(expected(MATRIX, 0, 37));
            float[][] sliced = read(file.tensors().get("sliced"), 0, 12);
            for (int r = 0; r < 12; r++) {
                for (int c = 0; c < 12; c++) {
                    assertThat(sliced[r][c]).isEqualTo((float) MATRIX.at(3 + 2 * r, 4 + 3 * c));
                }
            }
        }
    }

    @Test
    void aTorchArchiveHoldsMoreThanTensors() {
        Map<String, Object> state = new TreeMap<>();
        state.put("activation", "TopK");
        state.put("inner", new TreeMap<>(Map.of("k", 32, "big", 5_000_000_000L, "negative", -7, "medium", 4096)));
        state.put("lr", 3e-4);
        state.put("flags", List.of(true, false, "x"));
        state.put("steps", Values.scalar("I64", 123_456_789_012L));
        state.put("mask", new Values("BOOL", new double[] {1, 0, 1}, 3));
        ZipFiles zip = TorchFiles.archive("once called so", state);
        try (TensorFile file = TensorFile.open(zip.write(folder.resolve("renamed.pt")))) {
            assertThat(file.content()).containsEntry("activation", "TopK").containsEntry("lr", 3e-4);
            assertThat(file.content().get("inner"))
                    .isEqualTo(Map.of("k", 32L, "big", 5_000_000_000L, "negative", -7L, "medium", 4096L));
            assertThat(file.content().get("flags")).isEqualTo(List.of(true, false, "x"));
            assertThat(file.tensors().get("steps").values()).containsExactly(123_456_789_012d);
            assertThat(file.tensors().get("mask").values()).containsExactly(1, 0, 1);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void npzOfEitherKindWithACommentAndFortranOrder(boolean compressed) {
        ZipFiles zip = new ZipFiles(ZipFiles.Style.NUMPY).comment("{\"a\": 1}");
        byte[] plain = NpzFiles.npy(MATRIX);
        byte[] fortran = NpzFiles.npy(
                "{'descr': '<f4', 'fortran_order': True, 'shape': (37, 45), }",
                MATRIX.transposed().bytes());
        byte[] other = NpzFiles.npy("{'descr': '<U7', 'fortran_order': False, 'shape': (), }", new byte[28]);
        for (Map.Entry<String, byte[]> entry :
                Map.of("c", plain, "f", fortran, "text", other).entrySet()) {
            if (compressed) {
                zip.deflated(entry.getKey() + ".npy", entry.getValue());
            } else {
                zip.stored(entry.getKey() + ".npy", entry.getValue());
            }
        }
        try (TensorFile file = TensorFile.open(zip.write(folder.resolve("a.npz")))) {
            assertThat(file.metadata()).containsEntry("comment", "{\"a\": 1}");
            assertThat(read(file.tensors().get("c"), 0, 37)).isEqualTo(expected(MATRIX, 0, 37));
            assertThat(read(file.tensors().get("f"), 0, 37)).isEqualTo(expected(MATRIX, 0, 37));
            assertThat(file.tensors().get("text").dtype()).isEqualTo("<U7");
            assertThatThrownBy(() -> file.tensors().get("text").values())
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("<U7");
        }
    }

    @Test
    void useAfterCloseIsAnException() {
        TensorFile file = TensorFile.open(TorchFiles.write(folder.resolve("w.pt"), Map.of("w", MATRIX)));
        Tensor tensor = file.tensors().get("w");
        file.close();
        file.close();
        assertThatThrownBy(() -> read(tensor, 0, 1)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void rowsThatArentThereAreAnException() {
        try (TensorFile file = TensorFile.open(TorchFiles.write(folder.resolve("w.pt"), Map.of("w", MATRIX)))) {
            Tensor tensor = file.tensors().get("w");
            assertThatThrownBy(() -> read(tensor, 30, 8)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(tensor::values).isInstanceOf(DataException.class).hasMessageContaining("vector");
        }
    }

    private static float[][] read(Tensor tensor, long first, int count) {
        try (Allocator memory = Allocator.host("test");
                Matrix out =
                        memory.matrix("out", count, tensor.shape().getLast().intValue());
                TensorRows rows = tensor.rows()) {
            rows.read(first, out);
            float[][] values = new float[count][];
            for (int row = 0; row < count; row++) {
                values[row] = out.toArray(row);
            }
            return values;
        }
    }

    private static float[][] expected(Values values, int first, int count) {
        float[][] rows = new float[count][values.shape()[1]];
        for (int r = 0; r < count; r++) {
            for (int c = 0; c < rows[r].length; c++) {
                rows[r][c] = (float) values.at(first + r, c);
            }
        }
        return rows;
    }
}
