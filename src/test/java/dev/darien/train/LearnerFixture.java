// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;

/** A learner on a device of its own, whose state a test can set and read. */
final class LearnerFixture implements AutoCloseable {
    final Device device;
    final Learner learner;

    LearnerFixture(String deviceName, TrainingOptions options, int width) {
        this(deviceName, options, width, 1);
    }

    LearnerFixture(String deviceName, TrainingOptions options, int width, double inputScale) {
        this(deviceName, options, BatchLayout.plain(width, inputScale));
    }

    LearnerFixture(String deviceName, TrainingOptions options, BatchLayout layout) {
        this.device = Device.open(deviceName);
        int width =
                layout.outputs().stream().mapToInt(BatchLayout.Columns::width).sum();
        try (Matrix bias = device.staging("bias", DType.F32, 1, width)) {
            this.learner = new Learner(device, options, layout, new Initialiser.Start(bias, null));
        }
    }

    void set(String name, float[]... rows) {
        Matrix matrix = learner.checkpointMatrices().get(name);
        try (Matrix host = device.staging("host", matrix.dtype(), rows.length, rows[0].length)) {
            for (int row = 0; row < rows.length; row++) {
                host.setRow(row, rows[row]);
            }
            device.upload(host, matrix);
        }
    }

    float[][] get(String name) {
        Matrix matrix = learner.checkpointMatrices().get(name);
        try (Matrix host = device.staging("host", matrix.dtype(), matrix.rows(), matrix.columns())) {
            device.download(matrix, host);
            float[][] rows = new float[matrix.intRows()][];
            for (int row = 0; row < rows.length; row++) {
                rows[row] = host.toArray(row);
            }
            return rows;
        }
    }

    /** @param batch rows, with their gradients behind them where the options need some */
    void train(float[][] batch) {
        try (Matrix rows = device.staging("batch", DType.F32, batch.length, batch[0].length)) {
            for (int row = 0; row < batch.length; row++) {
                rows.setRow(row, batch[row]);
            }
            learner.train(rows);
        }
    }

    /** Within 1e-4 of the element itself, or of a hundredth of the largest where the element is near 0. */
    static void assertClose(String what, float[][] actual, float[][] expected) {
        assertThat(actual).as(what).hasDimensions(expected.length, expected[0].length);
        double largest = 0;
        for (float[] row : expected) {
            for (float value : row) {
                largest = Math.max(largest, Math.abs(value));
            }
        }
        assertThat(largest)
                .as("the largest %s, or the comparison says nothing", what)
                .isPositive();
        for (int row = 0; row < expected.length; row++) {
            for (int column = 0; column < expected[row].length; column++) {
                double wanted = expected[row][column];
                assertThat((double) actual[row][column])
                        .as("%s[%d, %d]", what, row, column)
                        .isCloseTo(wanted, within(1e-4 * Math.max(Math.abs(wanted), largest / 100)));
            }
        }
    }

    @Override
    public void close() {
        learner.close();
        device.close();
    }
}
