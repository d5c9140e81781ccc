// SPDX-License-Identifier: Apache-2.0
package dev.darien.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.device.AdamStep;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("vector-width")
class AdamRowTest {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final float[] LANES = new float[VectorSpec.LANES];
    private static final double LEARNING_RATE = 0.01;
    private static final double BETA1 = 0.9;
    private static final double BETA2 = 0.999;
    private static final double EPSILON = 1e-8;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void severalStepsFollowTheFormulaInDoublePrecision(boolean unit) {
        long seed = 60;
        SplittableRandom random = new SplittableRandom(seed);
        for (int columns = 1; columns <= 130; columns++) {
            // In one dimension the projection leaves rounding noise only, which Adam's division blows up.
            if (unit && columns == 1) {
                continue;
            }
            try (Arena arena = Arena.ofConfined()) {
                String what = "seed %d, %d columns".formatted(seed, columns);
                long offset = random.nextInt(0, 9);
                MemorySegment w = arena.allocate(offset + (long) columns * Float.BYTES);
                MemorySegment m = arena.allocate(offset + (long) columns * Float.BYTES);
                MemorySegment v = arena.allocate(offset + (long) columns * Float.BYTES);
                double[] weights = new double[columns];
                double[] first = new double[columns];
                double[] second = new double[columns];
                for (int c = 0; c < columns; c++) {
                    float value = (float) random.nextDouble(-1, 1);
                    w.set(FLOAT, offset + (long) c * Float.BYTES, value);
                    weights[c] = value;
                }
                for (int t = 1; t <= 3; t++) {
                    float[] gradient = new float[columns];
                    for (int c = 0; c < columns; c++) {
                        gradient[c] = (float) random.nextDouble(-1, 1);
                    }
                    float[] given = among(gradient, 3);
                    AdamStep step = AdamStep.at(t, LEARNING_RATE, BETA1, BETA2, EPSILON);
                    AdamRow.update(
                            step,
                            row(w, offset, columns),
                            row(m, offset, columns),
                            row(v, offset, columns),
                            0,
                            given,
                            3,
                            unit,
                            LANES);
                    assertThat(given).as(what).isEqualTo(among(gradient, 3));
                    expect(weights, first, second, gradient, t, unit);
                }
                for (int c = 0; c < columns; c++) {
                    long at = offset + (long) c * Float.BYTES;
                    assertThat((double) m.get(FLOAT, at)).as(what + " m").isCloseTo(first[c], within(1e-6));
                    assertThat((double) v.get(FLOAT, at)).as(what + " v").isCloseTo(second[c], within(1e-6));
                    assertThat((double) w.get(FLOAT, at)).as(what + " w").isCloseTo(weights[c], within(2e-4));
                }
            }
        }
    }

    private static void expect(
            double[] weights, double[] first, double[] second, float[] gradient, int t, boolean unit) {
        double product = 0;
        double square = 0;
        for (int c = 0; c < weights.length; c++) {
            product += weights[c] * gradient[c];
            square += weights[c] * weights[c];
        }
        double norm = 0;
        for (int c = 0; c < weights.length; c++) {
            double g = gradient[c] - (unit ? product / square * weights[c] : 0);
            first[c] = BETA1 * first[c] + (1 - BETA1) * g;
            second[c] = BETA2 * second[c] + (1 - BETA2) * g * g;
            weights[c] -= LEARNING_RATE
                    * (first[c] / (1 - Math.pow(BETA1, t)))
                    / (Math.sqrt(second[c] / (1 - Math.pow(BETA2, t))) + EPSILON);
            norm += weights[c] * weights[c];
        }
        for (int c = 0; unit && c < weights.length; c++) {
            weights[c] /= Math.sqrt(norm);
        }
    }

    @Test
    void aRowOfZerosSurvivesProjectionAndNormalisation() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment w = arena.allocate(40 * Float.BYTES);
            MemorySegment m = arena.allocate(40 * Float.BYTES);
            MemorySegment v = arena.allocate(40 * Float.BYTES);
            AdamRow.update(
                    AdamStep.at(1, 0.1, BETA1, BETA2, EPSILON),
                    row(w, 0, 40),
                    row(m, 0, 40),
                    row(v, 0, 40),
                    0,
                    new float[40],
                    0,
                    true,
                    LANES);
            assertThat(w.toArray(FLOAT)).containsOnly(0f);
        }
    }

    @Test
    void anElementIsTreatedAlikeInsideAndOutsideTheVectors() {
        int columns = 61;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment w = arena.allocate(columns * Float.BYTES);
            MemorySegment m = arena.allocate(columns * Float.BYTES);
            MemorySegment v = arena.allocate(columns * Float.BYTES);
            float[] gradient = new float[columns];
            Arrays.fill(gradient, 0.3f);
            for (int t = 1; t <= 5; t++) {
                AdamStep step = AdamStep.at(t, 0.01, BETA1, BETA2, EPSILON);
                AdamRow.update(
                        step, row(w, 0, columns), row(m, 0, columns), row(v, 0, columns), 0, gradient, 0, false, LANES);
            }
            assertThat(w.toArray(FLOAT)).containsOnly(w.get(FLOAT, 0));
        }
    }

    /** A row within an array of others, from {@code at} on. */
    private static float[] among(float[] row, int at) {
        float[] all = new float[row.length + 2 * at];
        Arrays.fill(all, 1e6f);
        System.arraycopy(row, 0, all, at, row.length);
        return all;
    }

    private static Matrix row(MemorySegment segment, long offset, int columns) {
        return Matrix.of(segment.asSlice(offset), DType.F32, 1, columns);
    }
}
