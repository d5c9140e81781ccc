// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.memory.DType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class DataCheckTest {
    private static final int ROWS = 20_011;
    private static final int WIDTH = 37;

    @TempDir
    Path folder;

    private static float[] values() {
        SeededRandom random = new SeededRandom(31);
        float[] values = new float[ROWS * WIDTH];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextGaussian() + i % WIDTH);
        }
        return values;
    }

    private ActivationSource source(String name, float[] values, int width) {
        String shape = "[" + values.length / width + "," + width + "]";
        return ActivationSources.open(
                List.of(TestFiles.activations(folder.resolve(name), "F32", shape, TestFiles.floats(values))),
                "activations");
    }

    private ActivationSource halves(String name, DType dtype, float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < values.length; i++) {
            bits[i] = dtype == DType.F16 ? Float.floatToFloat16(values[i]) : DType.floatToBfloat16(values[i]);
        }
        String shape = "[" + values.length / WIDTH + "," + WIDTH + "]";
        return ActivationSources.open(
                List.of(TestFiles.activations(folder.resolve(name), dtype.name(), shape, TestFiles.shorts(bits))),
                "activations");
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void meansAreThoseOfASimpleLoop(DType dtype) {
        float[] values = values();
        try (ActivationSource source = dtype == DType.F32 ? source("a", values, WIDTH) : halves("a", dtype, values)) {
            DataSummary summary = DataCheck.scan(source, OnNan.FAIL);
            double[] mean = new double[WIDTH];
            double squares = 0;
            for (int i = 0; i < values.length; i++) {
                float stored =
                        switch (dtype) {
                            case F16 -> Float.float16ToFloat(Float.floatToFloat16(values[i]));
                            case BF16 -> DType.bfloat16ToFloat(DType.floatToBfloat16(values[i]));
                            default -> values[i];
                        };
                mean[i % WIDTH] += stored / (double) ROWS;
                squares += (double) stored * stored / ROWS;
            }
            assertThat(summary.mean()).containsExactly(mean, within(1e-9));
            assertThat(summary.meanSquaredNorm()).isCloseTo(squares, within(squares * 1e-11));
            assertThat(summary.badRows()).isEmpty();
            assertThat(summary.goodRows()).isEqualTo(ROWS);
            assertThat(summary.totalVariance()).isCloseTo(WIDTH, within(0.5));
            assertThat(summary.hashText()).matches("[0-9a-f]{16}");
        }
    }

    @Test
    void theNumberOfThreadsChangesNoBit() {
        try (ActivationSource source = source("a", values(), WIDTH)) {
            DataSummary one = DataCheck.scan(source, OnNan.SKIP, 1);
            for (int threads : new int[] {2, 3, 7, 100}) {
                DataSummary many = DataCheck.scan(source, OnNan.SKIP, threads);
                assertThat(many.hash()).isEqualTo(one.hash());
                assertThat(many.mean()).isEqualTo(one.mean());
                assertThat(many.meanSquaredNorm()).isEqualTo(one.meanSquaredNorm());
            }
        }
    }

    @Test
    void theHashIsOfTheContentNotOfTheFiles() {
        float[] values = values();
        float[] first = Arrays.copyOf(values, 1001 * WIDTH);
        float[] rest = Arrays.copyOfRange(values, 1001 * WIDTH, values.length);
        source("a", first, WIDTH).close();
        source("b", rest, WIDTH).close();
        try (ActivationSource whole = source("whole", values, WIDTH);
                ActivationSource shards =
                        ActivationSources.open(List.of(folder.resolve("a"), folder.resolve("b")), "activations");
                ActivationSource swapped =
                        ActivationSources.open(List.of(folder.resolve("b"), folder.resolve("a")), "activations")) {
            long hash = DataCheck.scan(whole, OnNan.FAIL).hash();
            assertThat(DataCheck.scan(shards, OnNan.FAIL).hash()).isEqualTo(hash);
            assertThat(DataCheck.scan(swapped, OnNan.FAIL).hash())
                    .as("order matters")
                    .isNotEqualTo(hash);
        }
    }

    @Test
    void anyChangedBitTypeOrShapeChangesTheHash() {
        float[] values = TestFiles.counting(24);
        Set<Long> hashes = new HashSet<>();
        for (int i = 0; i < values.length; i++) {
            for (int bit = 0; bit < 31; bit += 3) {
                float[] changed = values.clone();
                changed[i] = Float.intBitsToFloat(Float.floatToRawIntBits(values[i]) ^ (1 << bit));
                hashes.add(hash("changed", changed, 4));
            }
        }
        assertThat(hashes).hasSize(24 * 11);
        hashes.add(hash("same", values, 4));
        hashes.add(hash("wide", values, 6));
        hashes.add(hash("short", Arrays.copyOf(values, 20), 4));
        hashes.add(hash("zeros", new float[24], 4));
        hashes.add(hash("fewer zeros", new float[20], 4));
        try (ActivationSource half = halves("f16", DType.F16, new float[WIDTH]);
                ActivationSource brain = halves("bf16", DType.BF16, new float[WIDTH])) {
            hashes.add(DataCheck.scan(half, OnNan.FAIL).hash());
            hashes.add(DataCheck.scan(brain, OnNan.FAIL).hash());
        }
        assertThat(hashes).hasSize(24 * 11 + 7);
    }

    private long hash(String name, float[] values, int width) {
        try (ActivationSource source = source(name, values, width)) {
            return DataCheck.scan(source, OnNan.SKIP).hash();
        }
    }

    @ParameterizedTest
    @CsvSource({"NaN,NaN", "Infinity,infinite", "-Infinity,infinite"})
    void theFirstBadValueIsNamed(float bad, String word) {
        float[] values = values();
        values[777 * WIDTH + 5] = bad;
        values[777 * WIDTH + 20] = bad;
        values[15_000 * WIDTH] = bad;
        for (int threads = 1; threads <= 4; threads++) {
            int count = threads;
            try (ActivationSource source = source("bad", values, WIDTH)) {
                assertThatThrownBy(() -> DataCheck.scan(source, OnNan.FAIL, count))
                        .isInstanceOf(DataException.class)
                        .hasMessageContainingAll(
                                folder.resolve("bad").toString(),
                                "'activations', row 777, column 5 is " + word,
                                "--on-nan skip");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void badRowsAreLeftOutOfTheMeans(DType dtype) {
        float[] values = values();
        float[] sound = new float[values.length];
        long[] badRows = {0, 1, 7000, 7001, 19_999, ROWS - 1};
        int at = 0;
        for (int row = 0; row < ROWS; row++) {
            if (Arrays.binarySearch(badRows, row) >= 0) {
                values[row * WIDTH + row % WIDTH] = row % 2 == 0 ? Float.NaN : Float.NEGATIVE_INFINITY;
            } else {
                System.arraycopy(values, row * WIDTH, sound, at, WIDTH);
                at += WIDTH;
            }
        }
        sound = Arrays.copyOf(sound, at);
        try (ActivationSource all = dtype == DType.F32 ? source("all", values, WIDTH) : halves("all", dtype, values);
                ActivationSource rest =
                        dtype == DType.F32 ? source("rest", sound, WIDTH) : halves("rest", dtype, sound)) {
            DataSummary summary = DataCheck.scan(all, OnNan.SKIP, 2);
            DataSummary expected = DataCheck.scan(rest, OnNan.FAIL, 2);
            assertThat(summary.badRows()).isEqualTo(badRows);
            assertThat(summary.goodRows()).isEqualTo(ROWS - badRows.length);
            assertThat(summary.mean()).containsExactly(expected.mean(), within(1e-9));
            assertThat(summary.meanSquaredNorm()).isCloseTo(expected.meanSquaredNorm(), within(1e-6));
        }
    }

    @Test
    void hugeFiniteValuesAreNotTakenForInfinities() {
        float[] values = new float[64];
        Arrays.fill(values, Float.MAX_VALUE);
        try (ActivationSource source = source("huge", values, 8)) {
            DataSummary summary = DataCheck.scan(source, OnNan.FAIL);
            assertThat(summary.badRows()).isEmpty();
            assertThat(summary.meanSquaredNorm()).isFinite();
        }
    }

    @Test
    void nothingButBadRowsIsRefusedEvenWhenSkipping() {
        float[] values = new float[64];
        Arrays.fill(values, Float.NaN);
        try (ActivationSource source = source("all", values, 8)) {
            assertThatThrownBy(() -> DataCheck.scan(source, OnNan.SKIP))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("every one of its 8 rows");
            assertThatThrownBy(() -> DataCheck.scan(source, OnNan.SKIP, 0))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void summariesGuardTheirArrays() {
        DataSummary summary = new DataSummary(1, 10, new long[] {3}, new double[] {1, 2}, new double[] {4, 5}, 9);
        summary.badRows()[0] = 7;
        summary.mean()[0] = 7;
        assertThat(summary.badRows()).containsExactly(3);
        summary.meanSquare()[0] = 7;
        assertThat(summary.mean()).containsExactly(1, 2);
        assertThat(summary.meanSquare()).containsExactly(4, 5);
        assertThat(summary.columns(1, 1).mean()).containsExactly(2);
        assertThat(summary.columns(1, 1).meanSquaredNorm()).isEqualTo(5);
        assertThat(summary.columns(0, 2)).isSameAs(summary);
        assertThat(summary.totalVariance()).isEqualTo(4);
        assertThat(summary.hashText()).isEqualTo("0000000000000001");
    }
}
