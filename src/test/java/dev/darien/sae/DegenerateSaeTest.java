// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.TestDevices;
import dev.darien.eval.Directions;
import dev.darien.eval.Geometry;
import dev.darien.eval.Similarity;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** SAEs whose weights mean nothing, by every rule that there is: refused if they are no numbers, else computed with. */
@Tag("device")
class DegenerateSaeTest {
    private static final int WIDTH = 5;
    private static final int LATENTS = 9;
    private static final float[][] X = TestSaes.activations(12, WIDTH, 3);

    @TempDir
    private Path folder;

    static Stream<Arguments> rules() {
        return TestDevices.all().stream().flatMap(device -> Stream.of(Sparsity.class.getPermittedSubclasses())
                .map(DegenerateSaeTest::rule)
                .filter(rule -> !rule.batchWide())
                .map(rule -> Arguments.of(device, rule)));
    }

    private static Sparsity rule(Class<?> type) {
        return Stream.of(
                        new Relu(),
                        new TopK(3),
                        new GradientTopK(3, 1, true),
                        new BatchTopK(3),
                        new FeatureChoice(3, false),
                        new GroupMax(3),
                        new AbsTopK(3),
                        new MatchingPursuit(3),
                        new JumpRelu(0),
                        new Gated())
                .filter(type::isInstance)
                .findAny()
                .orElseThrow(() -> new AssertionError("no example of " + type));
    }

    private static Device open(String name) {
        return Devices.open(name, new DeviceOptions(1));
    }

    private static Sae sae(Device device, Sparsity rule) {
        return rule.isTied()
                ? TestSaes.tied(device, rule, LATENTS, WIDTH, 4)
                : TestSaes.random(device, rule, LATENTS, WIDTH, 4);
    }

    private static Sparsity saved(Sparsity rule) {
        return rule instanceof GradientTopK ? rule.inference() : rule;
    }

    @ParameterizedTest
    @MethodSource("rules")
    void weightsThatAreNoNumbersAreRefused(String name, Sparsity rule) throws IOException {
        try (Device device = open(name)) {
            try (Sae sae = sae(device, saved(rule))) {
                sae.save(folder);
            }
            Path file = folder.resolve(SaeFolder.WEIGHTS);
            byte[] sound = Files.readAllBytes(file);
            for (var tensor : firstBytes(sound).entrySet()) {
                for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
                    ByteBuffer damaged = ByteBuffer.wrap(sound.clone()).order(ByteOrder.LITTLE_ENDIAN);
                    damaged.putFloat(tensor.getValue(), bad);
                    Files.write(file, damaged.array());
                    if (Float.isNaN(bad) || !tensor.getKey().matches("threshold|b_gate|r_mag")) {
                        assertThatThrownBy(() -> Sae.load(folder, device))
                                .as("%s of %s", bad, tensor.getKey())
                                .isInstanceOf(DataException.class)
                                .hasMessageContaining(SaeFolder.WEIGHTS)
                                .hasMessageContaining("weights must be finite numbers");
                        assertThatThrownBy(() -> SaeEncoder.load(folder)).isInstanceOf(DataException.class);
                    } else if (!tensor.getKey().equals("r_mag") || bad < 0) {
                        // Comes to the threshold of latent 0, which is then never above it, or always, or to a scale of
                        // 0.
                        try (Sae sae = Sae.load(folder, device)) {
                            assertThat(TestSaes.encodedBits(sae, X)).hasSize(X.length);
                        }
                    }
                }
            }
        }
    }

    private static void requireFinite(Map<String, Object> figures) {
        figures.forEach((name, value) -> {
            if (value instanceof Double number) {
                assertThat(number).as(name).isFinite();
            }
        });
    }

    /** Where each tensor begins in the file. */
    private static Map<String, Integer> firstBytes(byte[] file) {
        int header = (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
        Map<String, Integer> first = new LinkedHashMap<>();
        JsonFile.parse(new String(file, 8, header, StandardCharsets.UTF_8), "header")
                .forEach((name, tensor) -> {
                    if (tensor instanceof Map<?, ?> map && map.get("data_offsets") instanceof List<?> offsets) {
                        first.put(name, 8 + header + ((Number) offsets.getFirst()).intValue());
                    }
                });
        assertThat(first).isNotEmpty();
        return first;
    }

    @ParameterizedTest
    @MethodSource("rules")
    void rowsOfLengthZeroAndDeadLatentsAreComputedWith(String name, Sparsity rule) {
        try (Device device = open(name)) {
            for (boolean dead : new boolean[] {false, true}) {
                try (Sae sae = sae(device, rule);
                        Matrix none = device.memory().matrix("zeros", LATENTS / 2, WIDTH)) {
                    device.kernels().convert(none, 1, null, sae.decoder().slice(0, LATENTS / 2));
                    if (dead) {
                        device.kernels().fill(sae.weights().encoderBias(), -1e6f);
                        device.kernels().fill(sae.weights().decoder(), 0);
                    }
                    try (Inference inference = sae.inference(X.length);
                            Matrix x = device.staging("x", DType.F32, X.length, WIDTH);
                            Matrix out = device.staging("out", DType.F32, X.length, WIDTH)) {
                        for (int row = 0; row < X.length; row++) {
                            x.setRow(row, X[row]);
                        }
                        SparseCodes codes = rule instanceof GradientTopK ? inference.encode(x, x) : inference.encode(x);
                        device.download(inference.decode(codes), out);
                        for (int row = 0; row < X.length; row++) {
                            for (float value : out.toArray(row)) {
                                assertThat(value).as("reconstruction").isFinite();
                            }
                        }
                    }
                    requireFinite(Geometry.of(List.of(sae)).asMap());
                    try (Directions directions = Directions.decoders(List.of(sae))) {
                        Similarity same = Similarity.of(directions, directions, true);
                        requireFinite(same.asMap());
                        assertThat(same.mmcs())
                                .as("mean of the largest cosines")
                                .isBetween(-1.0, 1.0 + 1e-6);
                    }
                }
            }
        }
    }
}
