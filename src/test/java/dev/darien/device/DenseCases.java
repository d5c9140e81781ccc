// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.util.Random;
import java.util.function.Consumer;

/** Random problems for the dense kernels. */
final class DenseCases {
    private final KernelTrial trial;
    private final Kernels kernels;
    private final DeviceFixture fixture;
    private final Random random;
    private final RandomData data;

    DenseCases(KernelTrial trial) {
        this.trial = trial;
        kernels = trial.kernels();
        fixture = trial.fixture();
        random = trial.random();
        data = trial.data();
    }

    void convert() {
        DType[] types = {DType.F32, DType.F16, DType.BF16};
        float[][] values = data.withOddRows(data.matrix(data.size(), data.size()));
        Matrix source = fixture.converted(types[random.nextInt(types.length)], values);
        Matrix offset = random.nextBoolean() ? fixture.vector(data.vector(source.columns())) : null;
        Matrix result = fixture.matrix(DType.F32, source.rows(), source.columns());
        kernels.convert(source, data.number(), offset, result);
        trial.out("out", result, 1);
    }

    void multiply() {
        for (Product product : Product.values()) {
            int rows = data.size();
            int columns = data.size();
            int inner = data.size();
            Matrix a = fixture.floats(
                    data.withOddRows(product == Product.TN ? data.matrix(inner, rows) : data.matrix(rows, inner)));
            Matrix b =
                    fixture.floats(product == Product.NT ? data.matrix(columns, inner) : data.matrix(inner, columns));
            Matrix result = fixture.floats(data.matrix(rows, columns));
            kernels.multiply(product, a, b, result, random.nextBoolean());
            trial.out(product.toString(), result, inner + 1);
        }
    }

    void fill() {
        for (DType dtype : DType.values()) {
            Matrix x = fixture.matrix(dtype, data.size(), data.size());
            kernels.fill(x, random.nextInt(4) == 0 ? 0 : random.nextInt(9) - 4);
            trial.exact(dtype.toString(), x);
        }
    }

    void inPlace(Consumer<Matrix> kernel, int terms) {
        Matrix x = fixture.floats(data.withOddRows(data.matrix(data.size(), data.size())));
        kernel.accept(x);
        trial.out("x", x, terms);
    }

    void exponentialAverage() {
        int rows = random.nextBoolean() ? 1 : data.size();
        int columns = data.size();
        Matrix average = fixture.floats(data.matrix(rows, columns));
        kernels.exponentialAverage(fixture.floats(data.withOddRows(data.matrix(rows, columns))), 0.1f, average);
        trial.out("average", average, 2);
    }

    void rowNorms() {
        Matrix x = fixture.floats(data.withOddRows(data.matrix(data.size(), data.size())));
        Matrix norms = fixture.matrix(DType.F32, 1, x.intRows());
        kernels.rowNorms(x, norms);
        trial.out("norms", norms, x.columns());
    }

    void weightedRowSum() {
        float[][] rows = data.matrix(data.size(), data.size());
        Matrix x = fixture.floats(random.nextInt(4) == 0 ? data.withOddRows(rows) : rows);
        Matrix weights = random.nextBoolean() ? fixture.vector(data.vector(rows.length)) : null;
        Matrix result = fixture.vector(data.vector(x.columns()));
        kernels.weightedRowSum(weights, x, data.number(), random.nextBoolean(), result);
        trial.out("out", result, rows.length + 1);
    }

    void geometricMedian() {
        Matrix x = fixture.floats(data.matrix(data.size() + 2, data.size()));
        Matrix median = fixture.matrix(DType.F32, 1, x.columns());
        // A fixed number of iterations: where to stop is decided by a rounding otherwise.
        kernels.geometricMedian(x, 1 + random.nextInt(5), 0, median);
        trial.out("median", median, x.intRows() + x.columns());
    }
}
