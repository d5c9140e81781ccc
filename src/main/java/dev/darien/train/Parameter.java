// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.AdamStep;
import dev.darien.device.Kernels;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/** A trained vector, or matrix, with its gradient and Adam's moments of the same shape; the value is owned by the weights. */
record Parameter(String name, Matrix value, Matrix gradient, Matrix firstMoment, Matrix secondMoment)
        implements AutoCloseable {

    static Parameter of(Allocator memory, String name, Matrix value) {
        int rows = value.intRows();
        int columns = value.columns();
        return new Parameter(
                name,
                value,
                memory.matrix(name + " gradient", rows, columns),
                memory.matrix(name + " first moment", rows, columns),
                memory.matrix(name + " second moment", rows, columns));
    }

    void update(Kernels kernels, AdamStep step, @Nullable Matrix gradientScale) {
        kernels.adam(step, value, gradient, firstMoment, secondMoment, null, gradientScale, false);
    }

    @Override
    public void close() {
        gradient.close();
        firstMoment.close();
        secondMoment.close();
    }
}
