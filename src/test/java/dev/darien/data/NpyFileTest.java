// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NpyFileTest {
    @TempDir
    Path folder;

    private static String literal(String descr, String order, String shape) {
        return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void everyVersionOfTheHeaderIsRead(int version) {
        byte[] data = TestFiles.floats(TestFiles.counting(12));
        Path file = TestFiles.npy(folder.resolve("a.npy"), version, literal("<f4", "False", "(3, 4)"), data);
        try (NpyFile npy = NpyFile.open(file)) {
            assertThat(npy.shape()).containsExactly(3L, 4L);
            assertThat(npy.matrix().toArray(2)).containsExactly(8, 9, 10, 11);
        }
    }

    @ParameterizedTest
    @CsvSource({"<f4,F32,4", "<f2,F16,2", "<f8,F64,8", "<i4,I32,4", "<i8,I64,8"})
    void theTypesThatAMatrixCanHold(String descr, DType dtype, int bytes) {
        Path file = TestFiles.npy(folder.resolve("a.npy"), 1, literal(descr, "False", "(2, 3)"), new byte[6 * bytes]);
        try (NpyFile npy = NpyFile.open(file)) {
            assertThat(npy.matrix().shape()).isEqualTo(dtype + "[2, 3]");
        }
    }

    @Test
    void scalarsVectorsAndThreeDimensionsBecomeMatrices() {
        byte[] data = TestFiles.floats(TestFiles.counting(24));
        assertThat(shape("(24,)", data)).isEqualTo("F32[1, 24]");
        assertThat(shape("(2, 3, 4)", data)).isEqualTo("F32[6, 4]");
        assertThat(shape("(2L, 12L)", data)).isEqualTo("F32[2, 12]");
        assertThat(shape("()", TestFiles.floats(7))).isEqualTo("F32[1, 1]");
        assertThatThrownBy(() -> shape("(2, 2, 3, 2)", data)).isInstanceOf(DataException.class);
    }

    private String shape(String tuple, byte[] data) {
        Path file = TestFiles.npy(folder.resolve("s.npy"), 1, literal("<f4", "False", tuple), data);
        try (NpyFile npy = NpyFile.open(file)) {
            return npy.matrix().shape();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "{'descr': '>f4', 'fortran_order': False, 'shape': (4, 4), };big-endian",
                "{'descr': '<f4', 'fortran_order': True, 'shape': (4, 4), };Fortran order",
                "{'descr': '|O', 'fortran_order': False, 'shape': (4, 4), };Python objects",
                "{'descr': '|V2', 'fortran_order': False, 'shape': (4, 4), };bfloat16",
                "{'descr': '|u1', 'fortran_order': False, 'shape': (8, 8), };only <f4",
                "{'descr': '<f8', 'fortran_order': False, 'shape': (4, 2), };must be F32",
                "{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (4, 4), };records",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 5), };truncated",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), };16 bytes after",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (-4, -4), };negative",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), };more than any file",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 4), };isn't a dictionary",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (16,), };[tokens, width]",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (4, , 4), };isn't a dictionary",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (a, 4), };isn't a dictionary",
                "{'descr': '<f4', 'fortran_order': False, };isn't a dictionary",
                "{'descr': '<f4', 'fortran_order': 0, 'shape': (4, 4), };isn't a dictionary",
                "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4, 4), };isn't a dictionary",
                "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 4), 'more': 'x', };isn't a dictionary",
                "{'descr': True, 'fortran_order': False, 'shape': (4, 4), };isn't a dictionary",
                "__import__('os').system('true');isn't a dictionary",
            })
    void whatCanNotBeReadIsRefusedWithAReason(String header, String reason) {
        Path file = TestFiles.npy(folder.resolve("bad.npy"), 1, header, new byte[64]);
        assertRefused(file, reason);
    }

    @Test
    void hostileLengthsAndVersions() {
        byte[] good = TestFiles.npyBytes(2, literal("<f4", "False", "(4, 4)"), new byte[64]);
        byte[] longHeader = good.clone();
        longHeader[11] = (byte) 0xFF;
        assertRefused(TestFiles.write(folder.resolve("l.npy"), longHeader), "at most 1048576 are allowed");
        byte[] beyond = good.clone();
        beyond[9] = 0x40;
        assertRefused(TestFiles.write(folder.resolve("b.npy"), beyond), "follow");
        byte[] version = good.clone();
        version[6] = 9;
        assertRefused(TestFiles.write(folder.resolve("v.npy"), version), "version 9");
        assertRefused(TestFiles.write(folder.resolve("m.npy"), new byte[64]), "isn't an npy file");
    }

    @Test
    void manySpacesInALongHeaderAreNoTrap() {
        String header = "{" + " ".repeat(900_000) + "'descr' x}";
        assertRefused(TestFiles.npy(folder.resolve("spaces.npy"), 2, header, new byte[64]), "isn't a dictionary");
    }

    @Test
    void everyTruncationIsRefused() {
        byte[] good = TestFiles.npyBytes(1, literal("<f4", "False", "(4, 4)"), new byte[64]);
        for (int length = 0; length < good.length; length++) {
            Path file = TestFiles.write(folder.resolve("cut.npy"), Arrays.copyOf(good, length));
            assertThatThrownBy(() -> open(file)).as("cut to %d", length).isInstanceOf(DataException.class);
        }
    }

    @Test
    void anArrayHasNoTensorsByName() {
        Path file = TestFiles.npy(folder.resolve("a.npy"), 1, literal("<f4", "False", "(4, 4)"), new byte[64]);
        assertThatThrownBy(() -> ActivationSources.open(List.of(file), "gradients"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("without a name");
    }

    @Test
    void useAfterCloseIsAnException() {
        NpyFile npy = NpyFile.open(
                TestFiles.npy(folder.resolve("a.npy"), 1, literal("<f4", "False", "(4, 4)"), new byte[64]));
        Matrix view = npy.matrix();
        npy.close();
        npy.close();
        assertThatThrownBy(npy::matrix).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> view.get(0, 0)).isInstanceOf(IllegalStateException.class);
    }

    private static void open(Path file) {
        ActivationSources.open(List.of(file), "activations").close();
    }

    private static void assertRefused(Path file, String reason) {
        assertThatThrownBy(() -> open(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(reason)
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n").doesNotContain("Exception"));
    }
}
