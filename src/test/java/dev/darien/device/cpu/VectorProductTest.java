// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.Product;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Tag("vector-width")
class VectorProductTest {
    /** So deep that neither all rows of A nor all columns of B are packed at once. */
    private static final int DEPTH = 8200;

    private static final int ROWS = 601;
    private static final int COLUMNS = 203;

    @ParameterizedTest
    @EnumSource
    void productsPackedInSeveralPartsEqualTheChainOfFusedMultiplyAdds(Product product) {
        SplittableRandom random = new SplittableRandom(31);
        try (Device device = Devices.open("cpu:vector", new DeviceOptions(2));
                Allocator memory = device.memory().child("product");
                Matrix a = product == Product.TN ? memory.matrix("a", DEPTH, ROWS) : memory.matrix("a", ROWS, DEPTH);
                Matrix b = product == Product.NT
                        ? memory.matrix("b", COLUMNS, DEPTH)
                        : memory.matrix("b", DEPTH, COLUMNS);
                Matrix out = memory.matrix("out", ROWS, COLUMNS)) {
            fill(a, random);
            fill(b, random);
            fill(out, random);
            device.kernels().multiply(product, a, b, out, false);
            float[] last = out.toArray(ROWS - 1);
            device.kernels().multiply(product, a, b, out, true);
            for (int sample = 0; sample < 2000; sample++) {
                int row = sample % 7 == 0 ? ROWS - 1 : random.nextInt(ROWS);
                int column = random.nextInt(COLUMNS);
                float chain = 0;
                for (int k = 0; k < DEPTH; k++) {
                    float left = product == Product.TN ? Cells.get(a, k, row) : Cells.get(a, row, k);
                    float right = product == Product.NT ? Cells.get(b, column, k) : Cells.get(b, k, column);
                    chain = Math.fma(left, right, chain);
                }
                if (row == ROWS - 1) {
                    assertThat(last[column]).as("column %d", column).isEqualTo(chain);
                }
                assertThat(Cells.get(out, row, column))
                        .as("row %d, column %d", row, column)
                        .isEqualTo(chain + chain);
            }
        }
    }

    private static void fill(Matrix matrix, SplittableRandom random) {
        for (int row = 0; row < matrix.rows(); row++) {
            for (int column = 0; column < matrix.columns(); column++) {
                Cells.set(matrix, row, column, random.nextDouble(-1, 1));
            }
        }
    }
}
