// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static dev.darien.data.TestFiles.tensor;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JoinedSourceTest {
    private static final List<String> BOTH = List.of("x", "y");

    @TempDir
    Path folder;

    private final Allocator allocator = Allocator.host("test");

    @AfterEach
    void nothingLeaks() {
        allocator.close();
    }

    /** x is [rows, 2] and counts from {@code first}, y is [rowsOfY, 3] of halves and counts from 100 beyond. */
    private Path file(String name, int first, int rows, int rowsOfY) {
        float[] x = new float[2 * rows];
        int[] y = new int[3 * rowsOfY];
        for (int i = 0; i < x.length; i++) {
            x[i] = first + i;
        }
        for (int i = 0; i < y.length; i++) {
            y[i] = Float.floatToFloat16(first + 100 + i);
        }
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        data.writeBytes(TestFiles.floats(x));
        data.writeBytes(TestFiles.shorts(y));
        String header = "{" + tensor("x", "F32", "[" + rows + ",2]", 0, 4L * x.length) + ","
                + tensor("y", "F16", "[" + rowsOfY + ",3]", 4L * x.length, data.size()) + "}";
        return TestFiles.safetensors(folder.resolve(name), header, data.toByteArray());
    }

    @Test
    void tensorsOfTheSameRowsLieSideBySide() {
        List<Path> files = List.of(file("a", 0, 4, 4), file("b", 50, 2, 2));
        try (ActivationSource source = ActivationSources.open(files, BOTH)) {
            assertThat(source.width()).isEqualTo(5);
            assertThat(source.rows()).isEqualTo(6);
            assertThat(source.dtype()).as("F32 and F16").isEqualTo(DType.F32);
            assertThat(source.row(1)).containsExactly(2, 3, 103, 104, 105);
            assertThat(source.row(4)).containsExactly(50, 51, 150, 151, 152);
            try (Matrix out = allocator.matrix("out", 4, 5)) {
                source.read(new long[] {5, 0, 5}, 3, out);
                assertThat(out.toArray(0)).containsExactly(52, 53, 153, 154, 155);
                assertThat(out.toArray(1)).containsExactly(0, 1, 100, 101, 102);
                assertThat(out.toArray(2)).containsExactly(52, 53, 153, 154, 155);
                source.read(3, 2, out);
                assertThat(out.toArray(0)).containsExactly(6, 7, 109, 110, 111);
                assertThat(out.toArray(1)).containsExactly(50, 51, 150, 151, 152);
                assertThat(out.toArray(2)).as("beyond the count").containsExactly(52, 53, 153, 154, 155);
                assertThatThrownBy(() -> source.read(5, 2, out)).isInstanceOf(IndexOutOfBoundsException.class);
                assertThatThrownBy(() -> source.read(0, 5, out)).isInstanceOf(IndexOutOfBoundsException.class);
                assertThatThrownBy(() -> source.read(0, 1, out.prefix(4)))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("rows of F32[5] can't be read into F32[4, 4]");
            }
        }
    }

    @Test
    void tensorsOfOneTypeStayAsTheyAre() {
        Path file = file("a", 0, 3, 3);
        try (ActivationSource source = ActivationSources.parse(List.of(file.toString()), List.of("y", "y"))) {
            assertThat(source.dtype()).isEqualTo(DType.F16);
            assertThat(source.row(2)).containsExactly(106, 107, 108, 106, 107, 108);
            try (Matrix strided = allocator.matrix("strided", DType.F16, 3, 6)) {
                assertThat(strided.stride()).isGreaterThan(6);
                source.read(0, 3, strided);
                assertThat(strided.toArray(1)).containsExactly(103, 104, 105, 103, 104, 105);
            }
        }
        try (ActivationSource one = ActivationSources.parse(List.of(file.toString()), List.of("x"))) {
            assertThat(one.width()).isEqualTo(2);
        }
    }

    @Test
    void theScanSeesBothAndNamesTheTensorOfANan() {
        Path sound = file("a", 0, 4, 4);
        try (ActivationSource source = ActivationSources.open(List.of(sound), BOTH);
                ActivationSource swapped = ActivationSources.open(List.of(sound), List.of("y", "x"))) {
            DataSummary summary = DataCheck.scan(source, OnNan.FAIL);
            assertThat(summary.mean()).containsExactly(3, 4, 104.5, 105.5, 106.5);
            assertThat(DataCheck.scan(swapped, OnNan.FAIL).hash()).isNotEqualTo(summary.hash());
        }
        String header = "{" + tensor("x", "F32", "[2,1]", 0, 8) + "," + tensor("y", "F32", "[2,2]", 8, 24) + "}";
        Path bad = TestFiles.safetensors(folder.resolve("bad"), header, TestFiles.floats(1, 2, 3, 4, 5, Float.NaN));
        try (ActivationSource source = ActivationSources.open(List.of(bad), BOTH)) {
            assertThatThrownBy(() -> DataCheck.scan(source, OnNan.FAIL))
                    .isInstanceOf(DataException.class)
                    .hasMessageStartingWith(bad + ", tensor 'y', row 1, column 1 is NaN; repair the data");
            assertThat(DataCheck.scan(source, OnNan.SKIP).badRows()).containsExactly(1);
            assertThat(source.slice(1, 1).locate(0, 0)).isEqualTo(bad + ", tensor 'x', row 1, column 0");
            assertThatThrownBy(() -> source.locate(0, 3)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void tensorsThatDoNotBelongTogetherAreRefused() throws Exception {
        Path a = file("a", 0, 4, 3);
        Path b = file("b", 0, 3, 4);
        assertThatThrownBy(() -> ActivationSources.open(List.of(a), BOTH))
                .isInstanceOf(DataException.class)
                .hasMessage("%s, tensor 'x' has 4 rows, but %s, tensor 'y' has 3; both must hold the same tokens in the"
                                .formatted(a, a)
                        + " same order");
        assertThatThrownBy(() -> ActivationSources.open(List.of(b, a), BOTH))
                .as("as many in all, but not in each file")
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith(b + ", tensor 'x' has 3 rows, but " + b + ", tensor 'y' has 4");
        assertThatThrownBy(() -> ActivationSources.open(List.of(a), List.of("x", "z")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("has no tensor 'z'");
        assertThatThrownBy(() -> ActivationSources.parse(List.of("synthetic:d=4,true=8,p=0.1,rows=9"), BOTH))
                .isInstanceOf(DataException.class)
                .hasMessage(
                        "synthetic data has no tensors but its activations, but x, y were asked for; name files that"
                                + " hold them");
        Files.delete(a);
    }

    @Test
    void aTensorMayBeOfAnotherFile() {
        String a = file("a", 0, 4, 4).toString();
        String b = file("b", 50, 4, 4).toString();
        try (ActivationSource source = ActivationSources.parse(List.of(a), List.of("x", "x@" + b, "y"))) {
            assertThat(source.widths()).containsExactly(2, 2, 3);
            assertThat(source.slice(1, 2).widths()).containsExactly(2, 2, 3);
            assertThat(source.row(1)).containsExactly(2, 3, 52, 53, 103, 104, 105);
            assertThat(source.locate(1, 2)).isEqualTo(b + ", tensor 'x', row 1, column 0");
        }
        Path half = file("c", 0, 2, 2);
        Path rest = file("d", 4, 2, 2);
        try (ActivationSource source =
                ActivationSources.parse(List.of(half.toString(), rest.toString()), List.of("x", "y@" + a))) {
            assertThat(source.row(3)).as("as many in all").containsExactly(6, 7, 109, 110, 111);
        }
        assertThatThrownBy(() -> ActivationSources.parse(List.of(half.toString()), List.of("x", "y@" + a)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("has 2 rows, but " + a + ", tensor 'y' has 4");
        assertThatThrownBy(() -> ActivationSources.parse(List.of(a), List.of("x", "y@" + a + "x")))
                .isInstanceOf(DataException.class);
        try (ActivationSource source = ActivationSources.parse(
                List.of("synthetic:d=4,true=8,p=0.1,rows=4"), List.of("activations", "y@" + a))) {
            assertThat(source.widths()).containsExactly(4, 3);
        }
    }

    @Test
    void sourcesOfAnyKindCanBeJoinedAndAreClosedTogether() {
        ActivationSource one = SyntheticSource.parse("synthetic:d=4,true=8,p=0.1,rows=9");
        ActivationSource other = SyntheticSource.parse("synthetic:d=2,true=3,p=0.5,rows=9");
        try (ActivationSource shorter = SyntheticSource.parse("synthetic:d=2,true=3,p=0.5,rows=8")) {
            assertThatThrownBy(() -> ActivationSources.join(List.of(one, shorter)))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("has 9 rows")
                    .hasMessageContaining("has 8;");
        }
        assertThat(one.row(3)).as("still open").hasSize(4);
        ActivationSource joined = ActivationSources.join(List.of(one, other));
        assertThat(joined.row(3)).hasSize(6).startsWith(one.row(3)).endsWith(other.row(3));
        joined.close();
        assertThatThrownBy(() -> other.row(0)).isInstanceOf(IllegalStateException.class);
    }
}
