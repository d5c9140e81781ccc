// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

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
     * What all rows of one step share.
     *
     * @param stepSize {@code lr / (1 − β1^t)}
     * @param secondCorrection {@code 1 / (1 − β2^t)}
     */
    record Step(float beta1, float beta2, float stepSize, float secondCorrection, float epsilon) {
        /** @param step t, from 1 */
        static Step of(double learningRate, double beta1, double beta2, double epsilon, long step) {
            return new Step(
                    (float) beta1,
                    (float) beta2,
                    (float) (learningRate / (1 - Math.pow(beta1, step))),
                    (float) (1 / (1 - Math.pow(beta2, step))),
                    (float) epsilon);
        }
    }

    /**
     * {@code m = β1·m + (1 − β1)·g; v = β2·v + (1 − β2)·g²; w −= lr · m/(1 − β1^t) / (√(v/(1 − β2^t)) + ε)}.
     *
     * @param offset byte offset of the row, the same in all three segments; any alignment
     * @param gradient {@code columns} floats from {@code gradientOffset}; left as it is
     * @param project whether to remove {@code (g·w / w·w) w} from the gradient first
     * @param normalise whether to scale the row to norm 1 afterwards; a row of norm 0 stays
     */
    static void update(
            MemorySegment weights,
            MemorySegment firstMoments,
            MemorySegment secondMoments,
            long offset,
            int columns,
            float[] gradient,
            int gradientOffset,
            Step step,
            boolean project,
            boolean normalise) {
        float parallel = project ? parallel(weights, offset, columns, gradient, gradientOffset) : 0f;
        float squares =
                update(weights, firstMoments, secondMoments, offset, columns, gradient, gradientOffset, step, parallel);
        if (normalise && squares > 0) {
            scale(weights, offset, columns, (float) (1 / Math.sqrt(squares)));
        }
    }

    /** {@code g·w / w·w}, or 0 for a row of zeros. */
    private static float parallel(
            MemorySegment weights, long offset, int columns, float[] gradient, int gradientOffset) {
        FloatVector products = FloatVector.zero(SPECIES);
        FloatVector squares = products;
        int vectors = SPECIES.loopBound(columns);
        int c = 0;
        for (; c < vectors; c += LANES) {
            FloatVector w = load(weights, offset + (long) c * Float.BYTES);
            products = w.fma(FloatVector.fromArray(SPECIES, gradient, gradientOffset + c), products);
            squares = w.fma(w, squares);
        }
        float product = SparseRows.sum(products);
        float square = SparseRows.sum(squares);
        for (; c < columns; c++) {
            float w = weights.get(FLOAT, offset + (long) c * Float.BYTES);
            product = Math.fma(w, gradient[gradientOffset + c], product);
            square = Math.fma(w, w, square);
        }
        return square > 0 ? product / square : 0f;
    }

    /** The step with gradient {@code g − parallel · w}; returns the squared norm of the new row. */
    private static float update(
            MemorySegment weights,
            MemorySegment firstMoments,
            MemorySegment secondMoments,
            long offset,
            int columns,
            float[] gradient,
            int gradientOffset,
            Step step,
            float parallel) {
        float beta1 = step.beta1;
        float beta2 = step.beta2;
        float rest1 = 1 - beta1;
        float rest2 = 1 - beta2;
        float stepSize = step.stepSize;
        float correction = step.secondCorrection;
        float epsilon = step.epsilon;
        FloatVector along = FloatVector.broadcast(SPECIES, -parallel);
        FloatVector keep1 = FloatVector.broadcast(SPECIES, beta1);
        FloatVector keep2 = FloatVector.broadcast(SPECIES, beta2);
        FloatVector squares = FloatVector.zero(SPECIES);
        int vectors = SPECIES.loopBound(columns);
        int c = 0;
        for (; c < vectors; c += LANES) {
            long at = offset + (long) c * Float.BYTES;
            FloatVector w = load(weights, at);
            FloatVector g = along.fma(w, FloatVector.fromArray(SPECIES, gradient, gradientOffset + c));
            FloatVector m = keep1.fma(load(firstMoments, at), g.mul(rest1));
            FloatVector v = keep2.fma(load(secondMoments, at), g.mul(g).mul(rest2));
            m.intoMemorySegment(firstMoments, at, ORDER);
            v.intoMemorySegment(secondMoments, at, ORDER);
            w = w.sub(m.mul(stepSize).div(v.mul(correction).sqrt().add(epsilon)));
            w.intoMemorySegment(weights, at, ORDER);
            squares = w.fma(w, squares);
        }
        float square = SparseRows.sum(squares);
        // The same operations one by one: an element's value doesn't depend on whether it falls into the tail.
        for (; c < columns; c++) {
            long at = offset + (long) c * Float.BYTES;
            float w = weights.get(FLOAT, at);
            float g = Math.fma(-parallel, w, gradient[gradientOffset + c]);
            float m = Math.fma(beta1, firstMoments.get(FLOAT, at), g * rest1);
            float v = Math.fma(beta2, secondMoments.get(FLOAT, at), g * g * rest2);
            firstMoments.set(FLOAT, at, m);
            secondMoments.set(FLOAT, at, v);
            w -= m * stepSize / ((float) Math.sqrt(v * correction) + epsilon);
            weights.set(FLOAT, at, w);
            square = Math.fma(w, w, square);
        }
        return square;
    }

    private static void scale(MemorySegment weights, long offset, int columns, float factor) {
        int vectors = SPECIES.loopBound(columns);
        int c = 0;
        for (; c < vectors; c += LANES) {
            long at = offset + (long) c * Float.BYTES;
            load(weights, at).mul(factor).intoMemorySegment(weights, at, ORDER);
        }
        for (; c < columns; c++) {
            long at = offset + (long) c * Float.BYTES;
            weights.set(FLOAT, at, weights.get(FLOAT, at) * factor);
        }
    }

    private static FloatVector load(MemorySegment segment, long at) {
        return FloatVector.fromMemorySegment(SPECIES, segment, at, ORDER);
    }
}
