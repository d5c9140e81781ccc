// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import dev.darien.device.AdamStep;
import dev.darien.device.Kernels;
import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import org.jspecify.annotations.Nullable;

/** A trained vector with its gradient and Adam's moments, F32[1, n] each; the value is owned by the weights. */
record Parameter(String name, Matrix value, Matrix gradient, Matrix firstMoment, Matrix secondMoment)
        implements AutoCloseable {

    static Parameter of(Allocator memory, String name, Matrix value) {
        int n = value.columns();
        return new Parameter(
                name,
                value,
                memory.vector(name + " gradient", n),
                memory.vector(name + " first moment", n),
                memory.vector(name + " second moment", n));
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
