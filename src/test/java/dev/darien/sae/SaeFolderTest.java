// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.SafetensorsFile;
import dev.darien.data.SafetensorsWriter;
import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** SAEs as folders that SAELens 6 reads and writes. */
@Tag("device")
class SaeFolderTest {
    private static final int WIDTH = 7;
    private static final int LATENTS = 30;
    private static final float[][] X = TestSaes.activations(40, WIDTH, 3);

    @TempDir
    Path folder;

    private Device device;

    @BeforeEach
    void open() {
        device = Device.open(TestDevices.training());
    }

    /** Fails if a test, or a refused load, has left memory behind. */
    @AfterEach
    void close() {
        device.close();
    }

    static Stream<Sparsity> sparsities() {
        return Stream.of(new Relu(), new TopK(5), new JumpRelu(0), new Gated(), new GroupMax(5), new AbsTopK(5));
    }

    @ParameterizedTest
    @MethodSource("sparsities")
    void aLoadedSaeComputesTheSameBits(Sparsity sparsity) {
        for (boolean subtract : new boolean[] {true, false}) {
            Path target = folder.resolve("new/" + subtract);
            try (Sae saved = TestSaes.random(device, sparsity, subtract, LATENTS, WIDTH, 4, Map.of())) {
                saved.save(target);
                try (Sae loaded = Sae.load(target, device)) {
                    assertThat(loaded.sparsity()).isEqualTo(sparsity);
                    assertThat(loaded.subtractsDecoderBias()).isEqualTo(subtract);
                    assertThat(TestSaes.encodedBits(loaded, X)).isEqualTo(TestSaes.encodedBits(saved, X));
                    assertThat(TestSaes.reconstructed(loaded, X)).isDeepEqualTo(TestSaes.reconstructed(saved, X));
                }
            }
        }
    }

    @Test
    void aLoadedMatchingPursuitComputesTheSameBits() {
        try (Sae saved = TestSaes.tied(device, new MatchingPursuit(6, 0.7f, true), LATENTS, WIDTH, 4)) {
            saved.save(folder);
            try (Sae loaded = Sae.load(folder, device)) {
                assertThat(loaded.sparsity()).isEqualTo(saved.sparsity());
                assertThat(TestSaes.encodedBits(loaded, X)).isEqualTo(TestSaes.encodedBits(saved, X));
                assertThat(TestSaes.reconstructed(loaded, X)).isDeepEqualTo(TestSaes.reconstructed(saved, X));
            }
        }
    }

    @Test
    void theFilesAreThoseOfSaeLens() {
        try (Sae sae = TestSaes.random(device, new JumpRelu(0.1f), LATENTS, WIDTH, 4)) {
            sae.save(folder);
        }
        assertThat(folder.toFile().list()).containsExactlyInAnyOrder("cfg.json", "sae_weights.safetensors");
        assertThat(JsonFile.read(folder.resolve("cfg.json")))
                .containsEntry("architecture", "jumprelu")
                .containsEntry("d_in", WIDTH)
                .containsEntry("d_sae", LATENTS)
                .containsEntry("dtype", "float32")
                .containsEntry("device", "cpu")
                .containsEntry("apply_b_dec_to_input", true)
                .containsEntry("normalize_activations", "none")
                .containsEntry("reshape_activations", "none")
                .containsEntry("metadata", Map.of("sae_lens_version", "6.0.0"));
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("sae_weights.safetensors"))) {
            Map<String, List<Long>> shapes = new LinkedHashMap<>();
            file.tensors().forEach((name, tensor) -> {
                assertThat(tensor.dtype()).isEqualTo("F32");
                shapes.put(name, tensor.shape());
            });
            assertThat(shapes)
                    .containsOnly(
                            Map.entry("W_enc", List.of((long) WIDTH, (long) LATENTS)),
                            Map.entry("W_dec", List.of((long) LATENTS, (long) WIDTH)),
                            Map.entry("b_enc", List.of((long) LATENTS)),
                            Map.entry("b_dec", List.of((long) WIDTH)),
                            Map.entry("threshold", List.of((long) LATENTS)));
        }
    }

    @Test
    void theConfigurationNamesTheRule() {
        try (Sae sae = TestSaes.random(device, new TopK(5), LATENTS, WIDTH, 4)) {
            sae.save(folder);
        }
        assertThat(JsonFile.read(folder.resolve("cfg.json")))
                .containsEntry("architecture", "topk")
                .containsEntry("k", 5)
                .containsEntry("rescale_acts_by_decoder_norm", false);
        try (Sae sae = TestSaes.random(device, new Relu(), LATENTS, WIDTH, 4)) {
            sae.save(folder);
        }
        assertThat(JsonFile.read(folder.resolve("cfg.json"))).containsEntry("architecture", "standard");
    }

    @Test
    void whatDarienDoesNotKnowSurvives() {
        Map<String, Object> unknown = new LinkedHashMap<>();
        unknown.put(
                "metadata",
                Map.of("hook_name", "blocks.8.hook_resid_pre", "prepend_bos", true, "sae_lens_version", "6.37.1"));
        unknown.put("new_in_version_9", List.of(1, "two", Map.of("three", 3.5)));
        unknown.put("nothing", null);
        try (Sae sae = TestSaes.random(device, new Relu(), true, LATENTS, WIDTH, 4, unknown)) {
            sae.save(folder);
        }
        try (Sae loaded = Sae.load(folder, device)) {
            assertThat(loaded.configuration()).containsAllEntriesOf(unknown);
            loaded.save(folder.resolve("again"));
        }
        assertThat(JsonFile.read(folder.resolve("again/cfg.json")))
                .isEqualTo(JsonFile.read(folder.resolve("cfg.json")))
                .containsAllEntriesOf(unknown);
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16", "F64"})
    void weightsOfOtherPrecisionsLoad(DType dtype) {
        Map<String, Object> config = config("jumprelu");
        float[][] encoder = write(dtype, config, null);
        try (Sae sae = Sae.load(folder, device);
                Matrix loaded = device.staging("encoder", DType.F32, LATENTS, WIDTH)) {
            device.download(sae.weights().encoder(), loaded);
            for (int latent = 0; latent < LATENTS; latent++) {
                for (int at = 0; at < WIDTH; at++) {
                    assertThat(loaded.get(latent, at)).isEqualTo(encoder[at][latent]);
                }
            }
            assertThat(TestSaes.encodedBits(sae, X)).anyMatch(row -> !row.isEmpty());
        }
    }

    /** In SAELens values pass a ReLU besides the threshold. */
    @Test
    void aThresholdBelowZeroLetsNoNegativeValueThrough() {
        write(DType.F32, config("jumprelu"), null);
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("sae_weights.safetensors"));
                Allocator memory = Allocator.host("test");
                Matrix thresholds = memory.vector("threshold", LATENTS)) {
            for (int latent = 0; latent < LATENTS; latent++) {
                thresholds.set(0, latent, -0.5f);
            }
            SafetensorsWriter writer = new SafetensorsWriter().tensor("threshold", thresholds, LATENTS);
            for (String name : List.of("W_enc", "b_enc", "W_dec", "b_dec")) {
                writer.tensor(name, file.matrix(name), shape(file, name));
            }
            writer.write(folder.resolve("sae_weights.safetensors"));
        }
        try (Sae sae = Sae.load(folder, device)) {
            assertThat(TestSaes.encodedBits(sae, X)).allSatisfy(row -> {
                for (int at = 1; at < row.size(); at += 2) {
                    assertThat(Float.intBitsToFloat(row.get(at))).isPositive();
                }
            });
        }
    }

    @ParameterizedTest
    @CsvSource({
        "W_enc, absent, has no tensor 'W_enc'",
        "b_enc, absent, has no tensor 'b_enc'",
        "W_dec, absent, has no tensor 'W_dec'",
        "b_dec, absent, has no tensor 'b_dec'",
        "threshold, absent, has no tensor 'threshold'",
        "W_enc, longer, d_in is 7",
        "b_enc, longer, tensor 'b_enc'",
        "W_dec, longer, tensor 'W_dec'",
        "b_dec, longer, tensor 'b_dec'",
        "threshold, longer, tensor 'threshold'",
        "W_enc, flat, tensor 'W_enc' has the shape [210]",
        "W_dec, flat, tensor 'W_dec'",
        "W_enc, integers, tensor 'W_enc' is of type I32",
        "b_dec, integers, tensor 'b_dec' is of type I32",
        "threshold, integers, tensor 'threshold' is of type I32",
        "W_enc, empty, tensor 'W_enc' has the shape",
    })
    void aTensorThatIsMissingOrDoesNotFitIsNamed(String tensor, String fault, String sentence) {
        write(DType.F32, config("jumprelu"), tensor + " " + fault);
        assertThatThrownBy(() -> Sae.load(folder, device))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(folder.toString())
                .hasMessageContaining(sentence);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "architecture | \"gated2\"        | architecture 'gated2' is not one of",
                "architecture | null              | architecture 'null'",
                "k            | 0                 | needs k, a whole number of at least 1, but k is 0",
                "k            | 2.5               | but k is 2.5",
                "k            | \"5\"             | but k is 5",
                "k            | 4294967301        | but k is 4294967301",
                "k            | 31                | k is 31 but there are only 30 latents",
                "d_in         | 8                 | d_in is 8, but by the tensor 'W_enc'",
                "d_sae        | 29                | d_sae is 29, but by the tensor 'W_enc'",
                "d_sae        | \"many\"          | d_sae is many",
                "normalize_activations | \"whitening\" | normalize_activations 'whitening' is not supported",
                "rescale_acts_by_decoder_norm | 1      | rescale_acts_by_decoder_norm is '1'",
                "apply_b_dec_to_input | \"yes\"   | apply_b_dec_to_input is 'yes'",
            })
    void aConfigurationThatDoesNotFitIsRefused(String key, String value, String sentence) throws IOException {
        write(DType.F32, config("topk"), null);
        Map<String, Object> config = JsonFile.read(folder.resolve("cfg.json"));
        config.putAll(JsonFile.parse("{\"" + key + "\": " + value + "}", "test"));
        JsonFile.write(folder.resolve("cfg.json"), config);
        assertThatThrownBy(() -> Sae.load(folder, device))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(folder.resolve("cfg.json").toString())
                .hasMessageContaining(sentence);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"null", "[]", "17", "{", "''", "{\"k\": }"})
    void aConfigurationThatIsNoObjectIsRefused(String text) throws IOException {
        write(DType.F32, config("topk"), null);
        Files.writeString(folder.resolve("cfg.json"), text);
        assertThatThrownBy(() -> Sae.load(folder, device))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("cfg.json");
    }

    @Test
    void aFolderWithoutAnSaeIsRefused() throws IOException {
        assertThatThrownBy(() -> Sae.load(folder.resolve("absent"), device))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("is not a folder with an SAE");
        assertThatThrownBy(() -> Sae.load(folder, device))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("there is no cfg.json");
        JsonFile.write(folder.resolve("cfg.json"), config("topk"));
        assertThatThrownBy(() -> Sae.load(folder, device))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("sae_weights.safetensors");
    }

    /** Whatever is in the file: an SAE or one sentence, and no memory left behind. */
    @Test
    void damagedWeightsAreAnSaeOrADataException() throws IOException {
        write(DType.F32, config("jumprelu"), null);
        Path file = folder.resolve("sae_weights.safetensors");
        byte[] sound = Files.readAllBytes(file);
        long seed = 17;
        Random random = new Random(seed);
        for (int trial = 0; trial < 300; trial++) {
            byte[] bytes = sound.clone();
            int header = 500;
            int at = random.nextInt(header);
            bytes[at] = (byte) random.nextInt(256);
            if (trial % 5 == 0) {
                bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
            }
            Files.write(file, bytes);
            try (Sae sae = Sae.load(folder, device)) {
                assertThat(sae.latents()).isEqualTo(LATENTS);
            } catch (DataException e) {
                assertThat(e).hasMessageContaining(file.toString());
            } catch (RuntimeException | Error e) {
                throw new AssertionError("trial " + trial + ", byte " + at + ", seed " + seed, e);
            }
        }
    }

    @Test
    void aFileInThePlaceOfTheFolderIsReported() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        try (Sae sae = TestSaes.random(device, new Relu(), LATENTS, WIDTH, 4)) {
            assertThatThrownBy(() -> sae.save(file))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining(file.toString());
        }
    }

    private static Map<String, Object> config(String architecture) {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("architecture", architecture);
        config.put("d_in", WIDTH);
        config.put("d_sae", LATENTS);
        config.put("k", 5);
        return config;
    }

    private static long[] shape(SafetensorsFile file, String name) {
        return file.tensor(name).shape().stream().mapToLong(Long::longValue).toArray();
    }

    /** Writes an SAE as another program would; returns W_enc as stored. */
    private float[][] write(DType dtype, Map<String, Object> config, @Nullable String fault) {
        JsonFile.write(folder.resolve("cfg.json"), config);
        Random random = new Random(8);
        float[][] encoder = new float[WIDTH][LATENTS];
        try (Allocator memory = Allocator.host("test")) {
            SafetensorsWriter writer = new SafetensorsWriter();
            for (String name : List.of("W_enc", "b_enc", "W_dec", "b_dec", "threshold")) {
                String wrong = fault != null && fault.startsWith(name + " ") ? fault.split(" ", -1)[1] : "";
                int rows = name.equals("W_enc") ? WIDTH : name.equals("W_dec") ? LATENTS : 1;
                int columns = name.equals("W_dec") || name.equals("b_dec") ? WIDTH : LATENTS;
                rows += wrong.equals("longer") && rows > 1 ? 1 : 0;
                columns += wrong.equals("longer") && rows == 1 ? 1 : 0;
                rows = wrong.equals("empty") ? 0 : rows;
                DType type = wrong.equals("integers") ? DType.I32 : dtype;
                Matrix matrix = memory.matrix(name, type, rows, columns);
                for (int row = 0; row < rows; row++) {
                    for (int column = 0; column < columns; column++) {
                        float value = (float) random.nextGaussian();
                        if (type == DType.F64) {
                            matrix.setDouble(row, column, value);
                        } else {
                            matrix.set(row, column, value);
                        }
                        if (name.equals("W_enc") && row < WIDTH) {
                            encoder[row][column] = matrix.get(row, column);
                        }
                    }
                }
                boolean vector = name.startsWith("b") || name.startsWith("t");
                long[] shape = vector || wrong.equals("flat")
                        ? new long[] {(long) rows * columns}
                        : new long[] {rows, columns};
                if (!wrong.equals("absent")) {
                    writer.tensor(name, matrix, shape);
                }
            }
            writer.write(folder.resolve("sae_weights.safetensors"));
            memory.releaseAll();
        }
        return encoder;
    }
}
