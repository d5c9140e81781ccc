// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import dev.darien.device.AdamStep;
import dev.darien.memory.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * One step of Adam (Kingma and Ba 2015, algorithm 1) on one row of a parameter matrix and its two moments.
 *
 * <p>For decoder rows the step can keep the row on the unit sphere: the gradient's component along the row is removed
 * first and the row is scaled to norm 1 afterwards. The row comes from memory once; the other passes find it in L1.
 */
final class AdamRow {
    private static final VectorSpecies<Float> SPECIES = VectorSpec.SPECIES;
    private static final int LANES = VectorSpec.LANES;
    private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);

    private AdamRow() {}

    /**
     * One row of {@link dev.darien.device.Kernels#adam}.
     *
     * @param gradient its gradient, from {@code gradientAt} on; left as it is
     * @param unit whether the row has norm 1: removes {@code (g·w / w·w) w} from the gradient first, and scales the row
     *     to norm 1 afterwards; a row of norm 0 stays
     * @param lanes space for {@link SparseRows#sum}
     */
    static void update(
            AdamStep step,
            Matrix weights,
            Matrix firstMoments,
            Matrix secondMoments,
            long row,
            float[] gradient,
            int gradientAt,
            boolean unit,
            float[] lanes) {
        int columns = weights.columns();
        long at = weights.rowOffset(row);
        float parallel = unit ? parallel(weights.segment(), at, columns, gradient, gradientAt, lanes) : 0f;
        float squares = update(
                step,
                weights.segment(),
                at,
                firstMoments.segment(),
                firstMoments.rowOffset(row),
                secondMoments.segment(),
                secondMoments.rowOffset(row),
                columns,
                gradient,
                gradientAt,
                parallel,
                lanes);
        if (unit) {
            boolean normal = squares >= Float.MIN_NORMAL && squares <= Float.MAX_VALUE;
            double all = normal ? squares : Cells.dot(weights, row, weights, row);
            if (all > 0) {
                scale(weights.segment(), at, columns, 1 / Math.sqrt(all));
            }
        }
    }

    /** {@code g·w / w·w}, or 0 for a row of zeros. */
    private static float parallel(
            MemorySegment weights, long offset, int columns, float[] gradient, int gradientAt, float[] lanes) {
        FloatVector products = FloatVector.zero(SPECIES);
        FloatVector squares = products;
        int vectors = SPECIES.loopBound(columns);
        int c = 0;
        for (; c < vectors; c += LANES) {
            FloatVector w = FloatVector.fromMemorySegment(SPECIES, weights, offset + (long) c * Float.BYTES, ORDER);
            products = w.fma(FloatVector.fromArray(SPECIES, gradient, gradientAt + c), products);
            squares = w.fma(w, squares);
        }
        float product = SparseRows.sum(products, lanes);
        float square = SparseRows.sum(squares, lanes);
        for (; c < columns; c++) {
            float w = weights.get(FLOAT, offset + (long) c * Float.BYTES);
            product = Math.fma(w, gradient[gradientAt + c], product);
            square = Math.fma(w, w, square);
        }
        return square > 0 ? product / square : 0f;
    }

    /** The step with gradient {@code g − parallel · w}; returns the squared norm of the new row. */
    private static float update(
            AdamStep step,
            MemorySegment weights,
            long weightsAt,
            MemorySegment firstMoments,
            long firstAt,
            MemorySegment secondMoments,
            long secondAt,
            int columns,
            float[] gradient,
            int gradientAt,
            float parallel,
            float[] lanes) {
        float beta1 = step.beta1();
        float beta2 = step.beta2();
        float rest1 = 1 - beta1;
        float rest2 = 1 - beta2;
        float stepSize = step.learningRate() / step.correction1();
        float correction = 1 / step.correction2();
        float epsilon = step.epsilon();
        FloatVector along = FloatVector.broadcast(SPECIES, -parallel);
        FloatVector keep1 = FloatVector.broadcast(SPECIES, beta1);
        FloatVector keep2 = FloatVector.broadcast(SPECIES, beta2);
        FloatVector squares = FloatVector.zero(SPECIES);
        int vectors = SPECIES.loopBound(columns);
        int c = 0;
        for (; c < vectors; c += LANES) {
            long at = (long) c * Float.BYTES;
            FloatVector w = FloatVector.fromMemorySegment(SPECIES, weights, weightsAt + at, ORDER);
            FloatVector g = along.fma(w, FloatVector.fromArray(SPECIES, gradient, gradientAt + c));
            FloatVector m =
                    keep1.fma(FloatVector.fromMemorySegment(SPECIES, firstMoments, firstAt + at, ORDER), g.mul(rest1));
            FloatVector v = keep2.fma(
                    FloatVector.fromMemorySegment(SPECIES, secondMoments, secondAt + at, ORDER),
                    g.mul(g).mul(rest2));
            m.intoMemorySegment(firstMoments, firstAt + at, ORDER);
            v.intoMemorySegment(secondMoments, secondAt + at, ORDER);
            w = w.sub(m.mul(stepSize).div(v.mul(correction).sqrt().add(epsilon)));
            w.intoMemorySegment(weights, weightsAt + at, ORDER);
            squares = w.fma(w, squares);
        }
        float square = SparseRows.sum(squares, lanes);
        // The same operations one by one: an element's value doesn't depend on whether it falls into the tail.
        for (; c < columns; c++) {
            long at = (long) c * Float.BYTES;
            float w = weights.get(FLOAT, weightsAt + at);
            float g = Math.fma(-parallel, w, gradient[gradientAt + c]);
            float m = Math.fma(beta1, firstMoments.get(FLOAT, firstAt + at), g * rest1);
            float v = Math.fma(beta2, secondMoments.get(FLOAT, secondAt + at), g * g * rest2);
            firstMoments.set(FLOAT, firstAt + at, m);
            secondMoments.set(FLOAT, secondAt + at, v);
            w -= m * stepSize / ((float) Math.sqrt(v * correction) + epsilon);
            weights.set(FLOAT, weightsAt + at, w);
            square = Math.fma(w, w, square);
        }
        return square;
    }

    private static void scale(MemorySegment weights, long offset, int columns, double exact) {
        float factor = (float) exact;
        if (Float.isInfinite(factor)) {
            // A row of denormal numbers.
            for (int c = 0; c < columns; c++) {
                long at = offset + (long) c * Float.BYTES;
                weights.set(FLOAT, at, (float) (weights.get(FLOAT, at) * exact));
            }
            return;
        }
        int vectors = SPECIES.loopBound(columns);
        int c = 0;
        for (; c < vectors; c += LANES) {
            long at = offset + (long) c * Float.BYTES;
            FloatVector.fromMemorySegment(SPECIES, weights, at, ORDER)
                    .mul(factor)
                    .intoMemorySegment(weights, at, ORDER);
        }
        for (; c < columns; c++) {
            long at = offset + (long) c * Float.BYTES;
            weights.set(FLOAT, at, weights.get(FLOAT, at) * factor);
        }
    }
}
