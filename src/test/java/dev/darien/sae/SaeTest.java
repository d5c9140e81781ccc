// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import dev.darien.memory.DType;
import dev.darien.memory.LeakException;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("device")
class SaeTest {

    static List<String> devices() {
        return TestDevices.all();
    }

    /** Two latents along the axes of the plane, worked out by hand. */
    private static Sae small(Device device, Sparsity sparsity, boolean subtract) {
        SaeWeights weights = SaeWeights.allocate(device.memory(), 3, 2, sparsity.hasThresholds());
        try (Matrix encoder = device.staging("host", DType.F32, 3, 2);
                Matrix bias = device.staging("host", DType.F32, 1, 3);
                Matrix decoderBias = device.staging("host", DType.F32, 1, 2);
                Matrix thresholds = device.staging("host", DType.F32, 1, 3)) {
            encoder.setRow(0, 1, 0);
            encoder.setRow(1, 0, 1);
            encoder.setRow(2, -1, -1);
            device.upload(encoder, weights.encoder());
            encoder.setRow(0, 2, 0);
            encoder.setRow(1, 0, 3);
            encoder.setRow(2, 1, 1);
            device.upload(encoder, weights.decoder());
            bias.setRow(0, 0, 0.5f, 0);
            device.upload(bias, weights.encoderBias());
            decoderBias.setRow(0, 1, 1);
            device.upload(decoderBias, weights.decoderBias());
            if (weights.thresholds() != null) {
                thresholds.setRow(0, 1, 2.5f, 0);
                device.upload(thresholds, weights.thresholds());
            }
        }
        return new Sae(device, weights, sparsity, subtract, Map.of());
    }

    @ParameterizedTest
    @MethodSource("devices")
    void encodesAndDecodesByTheFormulas(String name) {
        float[][] x = {{3, 2}, {-4, 1}, {1, 1}};
        try (Device device = Device.open(name);
                Sae relu = small(device, new Relu(), true);
                Sae centredNot = small(device, new Relu(), false);
                Sae topK = small(device, new TopK(1), true);
                Sae jump = small(device, new JumpRelu(0), true)) {
            // Pre-activations of x - b_dec: (2, 1.5, -3), (-5, 0.5, 5), (0, 0.5, 0).
            assertThat(dense(relu, x)).isDeepEqualTo(new float[][] {{2, 1.5f, 0}, {0, 0.5f, 5}, {0, 0.5f, 0}});
            assertThat(dense(centredNot, x)).isDeepEqualTo(new float[][] {{3, 2.5f, 0}, {0, 1.5f, 3}, {1, 1.5f, 0}});
            assertThat(dense(topK, x)).isDeepEqualTo(new float[][] {{2, 0, 0}, {0, 0, 5}, {0, 0.5f, 0}});
            assertThat(dense(jump, x)).isDeepEqualTo(new float[][] {{2, 0, 0}, {0, 0, 5}, {0, 0, 0}});
            assertThat(TestSaes.reconstructed(relu, x)).isDeepEqualTo(new float[][] {{5, 5.5f}, {6, 7.5f}, {1, 2.5f}});
        }
    }

    private static float[][] dense(Sae sae, float[][] x) {
        try (SparseCodes codes = sae.encode(x)) {
            float[][] rows = new float[codes.rows()][sae.latents()];
            for (int row = 0; row < rows.length; row++) {
                for (int entry = codes.start(row); entry < codes.start(row + 1); entry++) {
                    rows[row][codes.latent(entry)] = codes.value(entry);
                }
            }
            return rows;
        }
    }

    /** A threshold rule of 2^22 latents takes two rows at a time. */
    @ParameterizedTest
    @MethodSource("devices")
    void moreRowsThanABatchAreJoinedInOrder(String name) {
        int rows = 5;
        int latents = 1 << 22;
        float[][] x = TestSaes.activations(rows, 1, 3);
        try (Device device = Device.open(name)) {
            SaeWeights weights = SaeWeights.allocate(device.memory(), latents, 1, false);
            try (Matrix encoder = device.staging("host", DType.F32, latents, 1)) {
                for (int latent = 0; latent < latents; latent += 100_003) {
                    encoder.set(latent, 0, latent % 2 == 0 ? 1 : -1);
                }
                device.upload(encoder, weights.encoder());
            }
            try (Sae sae = new Sae(device, weights, new Relu(), false, Map.of())) {
                try (Inference inference = sae.inference(rows)) {
                    assertThat(inference.maxRows()).isEqualTo(2);
                }
                List<List<Integer>> one = new ArrayList<>();
                for (float[] row : x) {
                    one.addAll(TestSaes.encodedBits(sae, new float[][] {row}));
                }
                assertThat(one).doesNotHaveDuplicates().noneMatch(List::isEmpty);
                assertThat(TestSaes.encodedBits(sae, x)).isEqualTo(one);
            }
        }
    }

    @Test
    void inferenceEncodesHalfPrecisionAndReusesItsBuffers() {
        float[][] x = {{1, 0.5f, -2}, {0.25f, 3, 1}};
        try (Device device = Device.open(TestDevices.training());
                Sae sae = TestSaes.random(device, new TopK(2), 40, 3, 5);
                Inference inference = sae.inference(8);
                Matrix half = device.staging("half", DType.F16, 2, 3)) {
            List<List<Integer>> wanted = TestSaes.encodedBits(sae, x);
            for (int row = 0; row < 2; row++) {
                half.setRow(row, x[row]);
            }
            long before = device.memory().totalAllocations();
            inference.decode(inference.encode(half));
            long after = device.memory().totalAllocations();
            inference.decode(inference.encode(half));
            assertThat(device.memory().totalAllocations()).isEqualTo(after);
            assertThat(after - before).as("room that grows once").isLessThan(4);
            assertThat(TestSaes.bits(inference, inference.encode(half))).isEqualTo(wanted);
        }
    }

    @Test
    void noRowsGiveNoCodes() {
        try (Device device = Device.open(TestDevices.training());
                Sae sae = TestSaes.random(device, new TopK(2), 40, 3, 5);
                SparseCodes codes = sae.encode(new float[0][]);
                Matrix out = sae.decode(codes)) {
            assertThat(codes.rows()).isZero();
            assertThat(codes.entries()).isZero();
            assertThat(out.rows()).isZero();
        }
    }

    @Test
    void twoSaesShareADevice() {
        float[][] x = TestSaes.activations(50, 7, 9);
        try (Device device = Device.open(TestDevices.training())) {
            List<List<Integer>> first;
            List<List<Integer>> second;
            try (Sae one = TestSaes.random(device, new TopK(3), 90, 7, 1)) {
                first = TestSaes.encodedBits(one, x);
            }
            try (Sae two = TestSaes.random(device, new JumpRelu(0), 33, 7, 2)) {
                second = TestSaes.encodedBits(two, x);
            }
            try (Sae one = TestSaes.random(device, new TopK(3), 90, 7, 1);
                    Sae two = TestSaes.random(device, new JumpRelu(0), 33, 7, 2);
                    Inference a = one.inference(50);
                    Inference b = two.inference(50);
                    Matrix rows = device.staging("rows", DType.F32, 50, 7)) {
                for (int row = 0; row < 50; row++) {
                    rows.setRow(row, x[row]);
                }
                SparseCodes codesA = a.encode(rows);
                SparseCodes codesB = b.encode(rows);
                assertThat(TestSaes.bits(a, codesA)).isEqualTo(first);
                assertThat(TestSaes.bits(b, codesB)).isEqualTo(second);
            }
        }
    }

    @Test
    void wrongShapesAreRefused() {
        try (Device device = Device.open(TestDevices.training());
                Sae sae = TestSaes.random(device, new TopK(2), 40, 3, 5);
                Sae other = TestSaes.random(device, new TopK(2), 41, 3, 5);
                SparseCodes codes = other.encode(TestSaes.activations(2, 3, 1));
                Inference inference = sae.inference(2);
                Matrix wide = device.staging("wide", DType.F32, 2, 4);
                Matrix many = device.staging("many", DType.F32, 3, 3)) {
            assertThatThrownBy(() -> sae.encode(new float[][] {{1, 2}})).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> inference.encode(wide))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("width 3, not 4");
            assertThatThrownBy(() -> inference.encode(many))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("3 rows are more than this inference's 2");
            assertThatThrownBy(() -> sae.decode(codes))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("codes of 41 latents");
        }
    }

    @Test
    void batchWideRulesAndMissingThresholdsAreRefused() {
        try (Device device = Device.open(TestDevices.training());
                SaeWeights weights = SaeWeights.allocate(device.memory(), 4, 3, false)) {
            assertThatThrownBy(() -> new Sae(device, weights, new BatchTopK(2), true, Map.of()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("row by row with jumprelu");
            assertThatThrownBy(() -> new Sae(device, weights, new JumpRelu(0), true, Map.of()))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("needs a threshold for each latent");
        }
    }

    @Test
    void useAfterCloseIsAnException() {
        float[][] x = TestSaes.activations(2, 3, 1);
        try (Device device = Device.open(TestDevices.training())) {
            Sae sae = TestSaes.random(device, new TopK(2), 40, 3, 5);
            SparseCodes codes = sae.encode(x);
            sae.close();
            sae.close();
            assertThatThrownBy(() -> sae.encode(x)).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> sae.decode(codes)).isInstanceOf(IllegalStateException.class);
            codes.close();
        }
    }

    @Test
    void aClosedInferenceCannotBeUsed() {
        try (Device device = Device.open(TestDevices.training());
                Sae sae = TestSaes.random(device, new TopK(2), 40, 3, 5);
                Matrix rows = device.staging("rows", DType.F32, 2, 3)) {
            Inference inference = sae.inference(2);
            inference.close();
            inference.close();
            assertThatThrownBy(() -> inference.encode(rows)).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void whatIsNotClosedIsReportedWithItsSize() {
        Device device = Device.open(TestDevices.training());
        Sae sae = TestSaes.random(device, new TopK(2), 40, 3, 5);
        assertThatThrownBy(device::close).isInstanceOf(LeakException.class).hasMessageContaining("encoder");
        sae.close();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void givesEverythingBack(String name) {
        try (Device device = Device.open(name)) {
            for (Sparsity sparsity : List.of(new Relu(), new TopK(2), new JumpRelu(0))) {
                try (Sae sae = TestSaes.random(device, sparsity, 40, 3, 5)) {
                    TestSaes.reconstructed(sae, TestSaes.activations(20, 3, 1));
                }
                assertThat(device.memory().allocatedBytes()).isZero();
            }
        }
    }
}
