// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a device's kernels read is what was submitted, however late they come to it. */
@Tag("device")
class BatchQueueTest {
    private static final int ROWS = 6;
    private static final int COLUMNS = 5;

    static Stream<String> devices() {
        return Stream.concat(TestDevices.all().stream(), Stream.of(RemoteDevice.NAME))
                .distinct();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void kernelsReadTheBatchThatWasSubmittedBeforeThem(String name) {
        for (DType dtype : List.of(DType.F32, DType.F16, DType.BF16)) {
            try (Device device = Device.open(name);
                    DeviceFixture fixture = DeviceFixture.on(device, null);
                    BatchQueue batches = device.batchQueue("batch", dtype, ROWS, COLUMNS)) {
                List<Matrix> results = new ArrayList<>();
                List<double[]> wanted = new ArrayList<>();
                for (int at = 0; at < 9; at++) {
                    int rows = at == 4 ? 0 : 1 + at % ROWS;
                    Matrix host = batches.next();
                    assertThat(host.shape()).isEqualTo(dtype + "[6, 5]");
                    assertThat(batches.next()).as("not submitted yet").isSameAs(host);
                    fill(host, at);
                    Matrix batch = batches.submit(rows);
                    assertThat(batch.shape()).isEqualTo(dtype + "[" + rows + ", 5]");
                    // As several learners do.
                    for (int learner = 1; learner <= 2; learner++) {
                        Matrix result = fixture.matrix(DType.F32, rows, COLUMNS);
                        device.kernels().convert(batch, learner, null, result);
                        results.add(result);
                        wanted.add(values(at, rows, learner));
                    }
                }
                for (int at = 0; at < results.size(); at++) {
                    assertThat(fixture.read(results.get(at)))
                            .as("result %d of %s", at, dtype)
                            .containsExactly(wanted.get(at));
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void kernelsReadSomeColumnsOfABatch(String name) {
        for (DType dtype : List.of(DType.F32, DType.F16, DType.BF16)) {
            try (Device device = Device.open(name);
                    DeviceFixture fixture = DeviceFixture.on(device, null);
                    BatchQueue batches = device.batchQueue("batch", dtype, ROWS, COLUMNS);
                    Matrix host = device.staging("host", dtype, ROWS, COLUMNS)) {
                fill(host, 3);
                fill(batches.next(), 3);
                Matrix batch = batches.submit(ROWS);
                List<Matrix> results = new ArrayList<>();
                for (Matrix source : List.of(batch, host)) {
                    Matrix result = fixture.matrix(DType.F32, ROWS - 1, 2);
                    device.kernels().convert(source.columnSlice(3, 2).slice(1, ROWS - 1), 1, null, result);
                    results.add(result);
                }
                double[] all = values(3, ROWS, 1);
                for (Matrix result : results) {
                    double[] read = fixture.read(result);
                    for (int at = 0; at < read.length; at++) {
                        assertThat(read[at]).isEqualTo(all[(at / 2 + 1) * COLUMNS + 3 + at % 2]);
                    }
                }
            }
        }
    }

    private static void fill(Matrix host, int batch) {
        for (int row = 0; row < ROWS; row++) {
            for (int column = 0; column < COLUMNS; column++) {
                host.set(row, column, 10 * batch + 2 * row + column);
            }
        }
    }

    private static double[] values(int batch, int rows, int factor) {
        double[] values = new double[rows * COLUMNS];
        for (int at = 0; at < values.length; at++) {
            values[at] = factor * (10 * batch + 2 * (at / COLUMNS) + at % COLUMNS);
        }
        return values;
    }

    @ParameterizedTest
    @MethodSource("devices")
    void whatIsOutOfOrderIsRefused(String name) {
        try (Device device = Device.open(name)) {
            BatchQueue batches = device.batchQueue("batch", DType.F32, ROWS, COLUMNS);
            assertThatThrownBy(() -> batches.submit(1)).isInstanceOf(IllegalStateException.class);
            batches.next();
            assertThatThrownBy(() -> batches.submit(ROWS + 1)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> batches.submit(-1)).isInstanceOf(IndexOutOfBoundsException.class);
            batches.submit(ROWS);
            assertThatThrownBy(() -> batches.submit(ROWS)).isInstanceOf(IllegalStateException.class);
            batches.next();
            batches.close();
            batches.close();
            assertThatThrownBy(batches::next).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> batches.submit(1)).isInstanceOf(IllegalStateException.class);
            assertThat(device.memory().allocatedBytes()).isZero();
        }
    }
}
