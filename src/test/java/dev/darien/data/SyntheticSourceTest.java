// SPDX-License-Identifier: Apache-2.0
package dev.darien.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.memory.Allocator;
import dev.darien.memory.Matrix;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SyntheticSourceTest {
    private final Allocator allocator = Allocator.host("test");

    @AfterEach
    void nothingLeaks() {
        allocator.close();
    }

    private static SyntheticSource of(String settings) {
        return SyntheticSource.parse("synthetic:" + settings);
    }

    @Test
    void aRowDependsOnItsNumberAlone() {
        try (SyntheticSource source = of("d=16,true=32,rows=1000000000000,dispersion=0.5,offset=1");
                Matrix inOrder = allocator.matrix("a", 50, 16);
                Matrix gathered = allocator.matrix("b", 3, 16)) {
            source.read(999_999_999_950L, 50, inOrder);
            source.read(new long[] {999_999_999_999L, 999_999_999_950L, 999_999_999_960L}, 3, gathered);
            assertThat(gathered.toArray(0)).isEqualTo(inOrder.toArray(49));
            assertThat(gathered.toArray(1)).isEqualTo(inOrder.toArray(0));
            assertThat(gathered.toArray(2)).isEqualTo(inOrder.toArray(10));
            assertThat(inOrder.toArray(0)).isNotEqualTo(inOrder.toArray(1));
        }
    }

    @Test
    void threadsDoNotDisturbEachOther() {
        try (SyntheticSource source = of("d=16,true=32,rows=100000")) {
            long hash = DataCheck.scan(source, OnNan.FAIL, 1).hash();
            assertThat(DataCheck.scan(source, OnNan.FAIL, 4).hash()).isEqualTo(hash);
            assertThat(DataCheck.scan(of("d=16,true=32,rows=100000,seed=2"), OnNan.FAIL, 4)
                            .hash())
                    .isNotEqualTo(hash);
        }
    }

    @Test
    void directionsAreUnitAndNearlyOrthogonal() {
        float[][] truth = of("d=64,true=128").groundTruth();
        assertThat(truth.length).isEqualTo(128);
        double squares = 0;
        for (int i = 0; i < 128; i++) {
            assertThat(dot(truth[i], truth[i])).isCloseTo(1, within(1e-6));
            for (int j = 0; j < i; j++) {
                squares += Math.pow(dot(truth[i], truth[j]), 2);
            }
        }
        // The expected squared cosine of random directions in d dimensions is 1/d.
        assertThat(squares / (128 * 127 / 2.0)).isCloseTo(1 / 64.0, within(0.001));
        truth[0][0] = 99;
        assertThat(of("d=64,true=128").groundTruth()[0][0]).isNotEqualTo(99);
    }

    private static double dot(float[] a, float[] b) {
        return IntStream.range(0, a.length)
                .mapToDouble(i -> (double) a[i] * b[i])
                .sum();
    }

    /** With one coordinate per direction each can be seen on its own: projections tell which are on. */
    private double[] countOn(String settings, int rows) {
        try (SyntheticSource source = of(settings);
                Matrix data = allocator.matrix("data", rows, source.width())) {
            source.read(0, rows, data);
            // 512 dimensions hold 8 random directions almost orthogonally.
            float[][] truth = source.groundTruth();
            double[] on = new double[truth.length + 2];
            for (int row = 0; row < rows; row++) {
                float[] x = data.toArray(row);
                int active = 0;
                for (int j = 0; j < truth.length; j++) {
                    if (dot(x, truth[j]) > 0.5) {
                        on[j]++;
                        active++;
                    }
                }
                on[truth.length] += active;
                on[truth.length + 1] += (double) active * active;
            }
            for (int i = 0; i < on.length; i++) {
                on[i] /= rows;
            }
            return on;
        }
    }

    @Test
    void directionsAreOnAsOftenAsAsked() {
        double[] on = countOn("d=512,true=8,p=0.25,noise=0,rows=20000", 20_000);
        for (int j = 0; j < 8; j++) {
            assertThat(on[j]).isCloseTo(0.25, within(0.02));
        }
        double variance = on[9] - on[8] * on[8];
        assertThat(variance).as("independent: binomial").isCloseTo(8 * 0.25 * 0.75, within(0.15));
    }

    @Test
    void zipfKeepsTheMeanAndFollowsThePowerLaw() {
        double[] on = countOn("d=512,true=8,p=0.1,zipf=1,noise=0,rows=20000", 20_000);
        assertThat(on[8]).isCloseTo(0.8, within(0.05));
        assertThat(on[0] / on[3]).isCloseTo(4, within(0.5));
        double[] probabilities = of("true=1000,p=0.004,zipf=1.2").probabilities();
        assertThat(probabilities[0] / probabilities[9]).isCloseTo(Math.pow(10, 1.2), within(1e-9));
        assertThat(IntStream.range(0, 1000).mapToDouble(j -> probabilities[j]).sum())
                .isCloseTo(4, within(1e-9));
    }

    @Test
    void dispersionWidensTheNumberOnButKeepsItsMean() {
        double[] plain = countOn("d=512,true=8,p=0.1,noise=0,rows=20000", 20_000);
        double[] dispersed = countOn("d=512,true=8,p=0.1,noise=0,rows=20000,dispersion=0.5", 20_000);
        assertThat(dispersed[8]).isCloseTo(plain[8], within(0.06));
        assertThat(dispersed[9] - dispersed[8] * dispersed[8]).isGreaterThan(1.2 * (plain[9] - plain[8] * plain[8]));
    }

    @Test
    void noiseMagnitudeAndOffsetHaveTheirSizes() {
        DataSummary noise = DataCheck.scan(of("d=50,true=1,p=1e-12,noise=0.2,rows=20000"), OnNan.FAIL);
        assertThat(noise.meanSquaredNorm()).isCloseTo(50 * 0.04, within(0.02));
        DataSummary offset = DataCheck.scan(of("d=50,true=1,p=1e-12,noise=0.01,offset=3,rows=5000"), OnNan.FAIL);
        assertThat(Math.sqrt(offset.meanSquaredNorm() - offset.totalVariance())).isCloseTo(3, within(0.01));
        // E(1 + 0.3|N|)² = 1 + 0.6·√(2/π) + 0.09
        DataSummary magnitude = DataCheck.scan(of("d=50,true=1,p=1,noise=0,rows=20000"), OnNan.FAIL);
        assertThat(magnitude.meanSquaredNorm()).isCloseTo(1.09 + 0.6 * Math.sqrt(2 / Math.PI), within(0.02));
    }

    @Test
    void specificationsAreReadAndWrittenBack() {
        SyntheticOptions options = SyntheticOptions.parse("d=64,true=128,p=0.03125,noise=0.02,rows=3072000,seed=1");
        assertThat(options).isEqualTo(SyntheticOptions.parse(""));
        assertThat(options.probability() * options.directions()).isEqualTo(4);
        SyntheticOptions other = SyntheticOptions.parse(
                " d = 7,true=9,p=0.5,zipf=1.1,dispersion=2,spread=0,noise=0,offset=3,rows=5,seed=-8");
        assertThat(SyntheticOptions.parse(other.toString())).isEqualTo(other);
        assertThat(other.seed()).isEqualTo(-8);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "width=64; 'width=64'",
                "d; 'd'",
                "d=64,; ''",
                "d=64,d=64; twice",
                "d=x; whole number for d",
                "d=1.5; whole number for d",
                "p=high; a number for p",
                "d=0; at least 1",
                "d=-4294967232; at least 1",
                "d=4294967360; at most",
                "true=0; at least 1",
                "d=100000,true=100000; at most",
                "p=0; above 0",
                "p=1.5; above 0",
                "p=NaN; above 0",
                "noise=-1; not negative",
                "noise=NaN; not negative",
                "offset=Infinity; finite",
                "rows=0; at least 1",
                "rows=99999999999999999999; whole number for rows",
            })
    void wrongSpecificationsAreRefusedWithAReason(String settings, String reason) {
        assertThatThrownBy(() -> ActivationSources.parse(List.of("synthetic:" + settings), "activations"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(reason)
                .hasMessageContaining("synthetic data");
    }

    @Test
    void argumentsAreSyntheticOrFilesNotBoth() {
        assertThatThrownBy(() -> ActivationSources.parse(List.of("synthetic:d=4", "a.safetensors"), "activations"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("can't be mixed");
        assertThatThrownBy(() -> ActivationSources.parse(List.of("/nowhere/a.safetensors"), "activations"))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("doesn't exist");
        assertThatThrownBy(() -> ActivationSources.parse(List.of("a\0b"), "activations"))
                .isInstanceOf(DataException.class);
        assertThatThrownBy(() -> SyntheticSource.parse("d=4")).isInstanceOf(DataException.class);
        try (ActivationSource source = ActivationSources.parse(List.of("synthetic:d=4,rows=10"), "activations")) {
            assertThat(source.width()).isEqualTo(4);
            assertThat(source.rows()).isEqualTo(10);
            assertThat(source.describe()).startsWith("synthetic:d=4,");
        }
    }

    @Test
    void wrongTargetsRowsAndUseAfterCloseAreRefused() {
        SyntheticSource source = of("d=4,rows=10");
        try (Matrix out = allocator.matrix("out", 2, 4);
                Matrix wide = allocator.matrix("wide", 2, 5)) {
            assertThatThrownBy(() -> source.read(9, 2, out)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> source.read(new long[] {10}, 1, out))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> source.read(0, 3, out)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> source.read(0, 1, wide)).isInstanceOf(IllegalArgumentException.class);
            source.close();
            source.close();
            assertThatThrownBy(() -> source.read(0, 1, out)).isInstanceOf(IllegalStateException.class);
        }
    }
}
