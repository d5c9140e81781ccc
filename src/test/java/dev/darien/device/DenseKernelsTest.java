// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Dense kernels on numbers worked out by hand. */
@Tag("device")
class DenseKernelsTest {
    static List<String> devices() {
        return TestDevices.all();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void convertScalesThenSubtractsTheOffset(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            for (DType dtype : new DType[] {DType.F32, DType.F16, DType.BF16}) {
                Matrix source = fixture.converted(dtype, new float[] {1, 2}, new float[] {-3, 0.5f});
                Matrix out = fixture.matrix(DType.F32, 2, 2);
                fixture.kernels().convert(source, 2, fixture.vector(1, -1), out);
                assertThat(fixture.read(out)).as(dtype.toString()).containsExactly(1, 5, -7, 2);
                fixture.kernels().convert(source, 0.5f, null, out);
                assertThat(fixture.read(out)).as(dtype.toString()).containsExactly(0.5, 1, -1.5, 0.25);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void multiplyKnowsWhichOperandIsTransposed(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Kernels kernels = fixture.kernels();
            Matrix a = fixture.floats(new float[] {1, 2, 3}, new float[] {4, 5, 6});
            Matrix at = fixture.floats(new float[] {1, 4}, new float[] {2, 5}, new float[] {3, 6});
            Matrix b = fixture.floats(new float[] {1, 0}, new float[] {0, 1}, new float[] {2, -1});
            Matrix bt = fixture.floats(new float[] {1, 0, 2}, new float[] {0, 1, -1});
            Matrix out = fixture.matrix(DType.F32, 2, 2);
            kernels.multiply(Product.NN, a, b, out, false);
            assertThat(fixture.read(out)).containsExactly(7, -1, 16, -1);
            kernels.multiply(Product.NT, a, bt, out, true);
            assertThat(fixture.read(out)).containsExactly(14, -2, 32, -2);
            kernels.multiply(Product.TN, at, b, out, false);
            assertThat(fixture.read(out)).containsExactly(7, -1, 16, -1);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void elementwiseKernels(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Kernels kernels = fixture.kernels();
            Matrix x = fixture.vector(1, -2, 3);
            kernels.scale(x, -2);
            assertThat(fixture.read(x)).containsExactly(-2, 4, -6);
            kernels.clampBelow(x, -3);
            assertThat(fixture.read(x)).containsExactly(-2, 4, -3);
            kernels.exponentialAverage(fixture.vector(2, 4, 1), 0.25f, x);
            assertThat(fixture.read(x)).containsExactly(-1, 4, -2);
            Matrix ints = fixture.ints(1, 2, 3);
            kernels.fill(ints, 7);
            assertThat(fixture.read(ints)).containsExactly(7, 7, 7);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void rowNormsAndRowSums(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Kernels kernels = fixture.kernels();
            Matrix x = fixture.floats(new float[] {3, 4}, new float[] {0, 0}, new float[] {-5, 12});
            Matrix norms = fixture.matrix(DType.F32, 1, 3);
            kernels.rowNorms(x, norms);
            assertThat(fixture.read(norms)).containsExactly(5, 0, 13);
            Matrix sum = fixture.vector(1, 1);
            kernels.weightedRowSum(fixture.vector(1, 5, -1), x, 0.5f, true, sum);
            assertThat(fixture.read(sum)).containsExactly(5, -3);
            kernels.weightedRowSum(null, x, 2, false, sum);
            assertThat(fixture.read(sum)).containsExactly(-4, 32);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void geometricMedianOfFourPoints(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Matrix x = fixture.floats(new float[] {0, 0}, new float[] {4, 0}, new float[] {0, 3}, new float[] {10, 10});
            Matrix median = fixture.matrix(DType.F32, 1, 2);
            fixture.kernels().geometricMedian(x, 100, 1e-5f, median);
            assertThat(fixture.readFloats(median)).containsExactly(new float[] {1.7143f, 1.7143f}, within(1e-3f));
            fixture.kernels().geometricMedian(x, 0, 1e-5f, median);
            assertThat(fixture.readFloats(median)).containsExactly(3.5f, 3.25f);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void geometricMedianStaysOnARowThatItStartsFrom(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Matrix x = fixture.floats(new float[] {1}, new float[] {2}, new float[] {3});
            Matrix median = fixture.matrix(DType.F32, 1, 1);
            fixture.kernels().geometricMedian(x, 20, 1e-6f, median);
            assertThat(fixture.scalar(median)).isCloseTo(2, within(1e-5));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void wrongShapesAreNamed(String device) {
        try (DeviceFixture fixture = DeviceFixture.open(device)) {
            Kernels kernels = fixture.kernels();
            Matrix two = fixture.matrix(DType.F32, 2, 2);
            Matrix three = fixture.matrix(DType.F32, 3, 3);
            Matrix ints = fixture.ints(1, 2);
            assertThatThrownBy(() -> kernels.multiply(Product.NN, two, three, two, false))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("b should be F32[2, 2] but is F32[3, 3]");
            assertThatThrownBy(() -> kernels.convert(ints, 1, null, two))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("I32[1, 2]");
            assertThatThrownBy(() -> kernels.rowNorms(two, three))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("norms");
            assertThatThrownBy(() -> kernels.pack(two, ints, fixture.emptyEncoder(2, 2)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("bEnc");
        }
    }
}
