// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import static dev.darien.testfiles.Expected.affine;
import static dev.darien.testfiles.Expected.jumpRelu;
import static dev.darien.testfiles.Expected.minus;
import static dev.darien.testfiles.Expected.relu;
import static dev.darien.testfiles.Expected.topK;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.SafetensorsFile;
import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.HostWeights;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Relu;
import dev.darien.sae.RowNormalization;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeWeights;
import dev.darien.sae.Sparsity;
import dev.darien.sae.TopK;
import dev.darien.testfiles.Expected;
import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.Values;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is written, read as the other projects do: by their names, their layouts and their formulas. */
class FormatWritingTest extends FormatFixture {

    private Sae sae(Sparsity sparsity, boolean subtract, Map<String, Object> configuration) {
        return sae(sparsity, subtract, RowNormalization.NONE, configuration);
    }

    private Sae sae(
            Sparsity sparsity, boolean subtract, RowNormalization normalization, Map<String, Object> configuration) {
        return sae(decoder, sparsity, subtract, normalization, configuration);
    }

    private Sae sae(
            Values rows,
            Sparsity sparsity,
            boolean subtract,
            RowNormalization normalization,
            Map<String, Object> configuration) {
        SaeWeights weights = SaeWeights.allocate(device.memory(), LATENTS, WIDTH, sparsity.hasThresholds());
        fill(weights.encoder(), encoder.transposed());
        fill(weights.decoder(), rows);
        fill(weights.encoderBias(), encoderBias);
        fill(weights.decoderBias(), decoderBias);
        if (weights.thresholds() != null) {
            fill(weights.thresholds(), threshold);
        }
        return new Sae(device, weights, sparsity, subtract, normalization, configuration);
    }

    private void fill(Matrix matrix, Values values) {
        try (Matrix host = device.staging("values", DType.F32, matrix.rows(), matrix.columns())) {
            for (int i = 0; i < values.data().length; i++) {
                host.set(i / matrix.columns(), i % matrix.columns(), (float) values.data()[i]);
            }
            device.upload(host, matrix);
        }
    }

    /** A decoder of rows of length 1, as nearly as single precision has them. */
    private Values unitDecoder() {
        double[] data = decoder.data().clone();
        double[] norms = Expected.norms(decoder);
        for (int i = 0; i < data.length; i++) {
            data[i] = (float) (data[i] / norms[i / WIDTH]);
        }
        return Values.of(data, LATENTS, WIDTH);
    }

    private static Map<String, Values> safetensors(Path path) {
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            Map<String, Values> tensors = new LinkedHashMap<>();
            file.tensors().forEach((name, info) -> {
                Matrix matrix = file.matrix(name);
                double[] data = new double[Math.toIntExact(matrix.rows() * matrix.columns())];
                for (int i = 0; i < data.length; i++) {
                    data[i] = matrix.get(i / matrix.columns(), i % matrix.columns());
                }
                int[] shape = info.shape().stream().mapToInt(Long::intValue).toArray();
                tensors.put(name, new Values(info.dtype(), data, shape));
            });
            return tensors;
        }
    }

    private static double[] data(Map<String, Values> tensors, String name) {
        return tensors.get(name).data();
    }

    // ---------------------------------------------------------------------------------------------------- sparsify

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void sparsify(boolean subtract) {
        Path out = folder.resolve("out");
        try (Sae sae = sae(new TopK(4), subtract, Map.of())) {
            assertThat(SaeExport.write(sae, SaeFormat.SPARSIFY, out, false)).hasSize(subtract ? 0 : 1);
            assertThat(out.toFile().list()).containsExactlyInAnyOrder("cfg.json", "sae.safetensors");
            Map<String, Values> tensors = safetensors(out.resolve("sae.safetensors"));
            assertThat(tensors).containsOnlyKeys("encoder.weight", "encoder.bias", "W_dec", "b_dec");
            assertThat(tensors.get("encoder.weight").shape()).containsExactly(LATENTS, WIDTH);
            assertThat(tensors.get("W_dec").shape()).containsExactly(LATENTS, WIDTH);
            new Expected(
                            x -> topK(
                                    relu(affine(
                                            minus(x, data(tensors, "b_dec")),
                                            tensors.get("encoder.weight").transposed(),
                                            data(tensors, "encoder.bias"))),
                                    4),
                            codes -> affine(codes, tensors.get("W_dec"), data(tensors, "b_dec")))
                    .assertSame(sae);
        }
        assertThat(JsonFile.read(out.resolve("cfg.json")))
                .containsEntry("activation", "topk")
                .containsEntry("num_latents", LATENTS)
                .containsEntry("k", 4)
                .containsEntry("d_in", WIDTH)
                .containsEntry("transcode", false)
                .containsEntry("skip_connection", false)
                .containsEntry("normalize_decoder", false)
                .containsKeys("expansion_factor", "multi_topk");
    }

    // ------------------------------------------------------------------------------------------ dictionary_learning

    @ParameterizedTest
    @CsvSource({"true,true", "true,false", "false,false"})
    void dictionaryLearningRelu(boolean subtract, boolean unit) {
        Path out = folder.resolve("out");
        String type = subtract && unit ? "AutoEncoder" : "AutoEncoderNew";
        try (Sae sae = sae(unit ? unitDecoder() : decoder, new Relu(), subtract, RowNormalization.NONE, Map.of())) {
            SaeExport.write(sae, SaeFormat.DICTIONARY_LEARNING, out, false);
            Map<String, Values> tensors = safetensors(out.resolve("ae.safetensors"));
            String bias = type.equals("AutoEncoder") ? "bias" : "decoder.bias";
            assertThat(tensors).containsOnlyKeys("encoder.weight", "encoder.bias", "decoder.weight", bias);
            assertThat(tensors.get("decoder.weight").shape()).containsExactly(WIDTH, LATENTS);
            new Expected(
                            x -> relu(affine(
                                    type.equals("AutoEncoder") ? minus(x, data(tensors, bias)) : x,
                                    tensors.get("encoder.weight").transposed(),
                                    data(tensors, "encoder.bias"))),
                            codes -> affine(codes, tensors.get("decoder.weight").transposed(), data(tensors, bias)))
                    .assertSame(sae);
        }
        assertThat(Candidate.object(JsonFile.read(out.resolve("config.json")).get("trainer")))
                .containsEntry("dict_class", type)
                .containsEntry("activation_dim", WIDTH)
                .containsEntry("dict_size", LATENTS);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void dictionaryLearningTopK(boolean subtract) {
        Path out = folder.resolve("out");
        try (Sae sae = sae(new TopK(4), subtract, Map.of())) {
            SaeExport.write(sae, SaeFormat.DICTIONARY_LEARNING, out, false);
            Map<String, Values> tensors = safetensors(out.resolve("ae.safetensors"));
            assertThat(tensors)
                    .containsOnlyKeys("b_dec", "k", "threshold", "encoder.weight", "encoder.bias", "decoder.weight");
            assertThat(tensors.get("k").dtype()).isEqualTo("I32");
            assertThat(tensors.get("k").shape()).isEmpty();
            assertThat(data(tensors, "k")).containsExactly(4);
            assertThat(tensors.get("threshold").shape()).isEmpty();
            assertThat(data(tensors, "threshold")).containsExactly(-1);
            new Expected(
                            x -> topK(
                                    relu(affine(
                                            minus(x, data(tensors, "b_dec")),
                                            tensors.get("encoder.weight").transposed(),
                                            data(tensors, "encoder.bias"))),
                                    4),
                            codes -> affine(codes, tensors.get("decoder.weight").transposed(), data(tensors, "b_dec")))
                    .assertSame(sae);
        }
        assertThat(Candidate.object(JsonFile.read(out.resolve("config.json")).get("trainer")))
                .containsEntry("dict_class", "AutoEncoderTopK")
                .containsEntry("k", 4);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void dictionaryLearningJumpRelu(boolean subtract) {
        Path out = folder.resolve("out");
        try (Sae sae = sae(new JumpRelu(0), subtract, Map.of())) {
            assertThat(SaeExport.write(sae, SaeFormat.DICTIONARY_LEARNING, out, false))
                    .hasSize(subtract ? 1 : 0);
            Map<String, Values> tensors = safetensors(out.resolve("ae.safetensors"));
            assertThat(tensors).containsOnlyKeys("W_enc", "b_enc", "W_dec", "b_dec", "threshold");
            gemmaScope(tensors).assertSame(sae);
        }
    }

    /** JumpReLU of x·W_enc + b_enc: Gemma Scope's, and dictionary_learning's. */
    private static Expected gemmaScope(Map<String, Values> tensors) {
        return new Expected(
                x -> jumpRelu(affine(x, tensors.get("W_enc"), data(tensors, "b_enc")), data(tensors, "threshold")),
                codes -> affine(codes, tensors.get("W_dec"), data(tensors, "b_dec")));
    }

    // --------------------------------------------------------------------------------------------------------- npz

    @ParameterizedTest
    @CsvSource({"true,true", "true,false", "false,true", "false,false"})
    void npz(boolean subtract, boolean thresholds) throws IOException {
        Path out = folder.resolve("params.npz");
        try (Sae sae = sae(thresholds ? new JumpRelu(0) : new Relu(), subtract, Map.of("of", "interest"))) {
            assertThat(SaeExport.write(sae, SaeFormat.NPZ, out, false)).hasSize(subtract ? 1 : 0);
            Map<String, Values> arrays = npz(out);
            assertThat(arrays.keySet()).containsExactly("W_enc", "W_dec", "b_enc", "b_dec", "threshold");
            assertThat(arrays.get("W_enc").shape()).containsExactly(WIDTH, LATENTS);
            gemmaScope(arrays).assertSame(sae);
        }
        same(out, SaeFormat.NPZ, gemmaScope(npz(out)));
    }

    /** Read with the JDK's own zip and the few lines that NumPy's format takes. */
    private static Map<String, Values> npz(Path path) throws IOException {
        Map<String, Values> arrays = new LinkedHashMap<>();
        try (ZipFile zip = new ZipFile(path.toFile())) {
            for (var entry : zip.stream().toList()) {
                ByteBuffer bytes = ByteBuffer.wrap(zip.getInputStream(entry).readAllBytes())
                        .order(ByteOrder.LITTLE_ENDIAN);
                int begin = 10 + bytes.getShort(8);
                assertThat(begin % 64).isZero();
                String header = new String(bytes.array(), 10, begin - 10, StandardCharsets.ISO_8859_1);
                assertThat(header)
                        .contains("'descr': '<f4'", "'fortran_order': False")
                        .endsWith("\n");
                int[] shape = Arrays.stream(
                                header.replaceAll(".*\\(([^)]*)\\).*\n", "$1").split(",\\s*"))
                        .filter(size -> !size.isBlank())
                        .mapToInt(Integer::parseInt)
                        .toArray();
                double[] data = new double[(bytes.limit() - begin) / 4];
                for (int i = 0; i < data.length; i++) {
                    data[i] = bytes.getFloat(begin + 4 * i);
                }
                arrays.put(entry.getName().replaceFirst("\\.npy$", ""), Values.of(data, shape));
            }
        }
        return arrays;
    }

    // ----------------------------------------------------------------------------------------------------- refusals

    @Test
    void whatAFormatHasNoFieldForIsRefusedWithTheReason() {
        try (Sae relu = sae(new Relu(), true, Map.of());
                Sae jumpRelu = sae(new JumpRelu(0), true, Map.of());
                Sae topK = sae(new TopK(3), true, Map.of())) {
            refused(relu, SaeFormat.SPARSIFY, "selection of a relu SAE");
            refused(jumpRelu, SaeFormat.SPARSIFY, "selection of a jumprelu SAE");
            refused(topK, SaeFormat.NPZ, "selection of a topk SAE");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"SPARSIFY", "DICTIONARY_LEARNING", "NPZ"})
    void aNormalisationOfRowsIsRefusedByAllButSaeLens(SaeFormat format) {
        Sparsity rule = format == SaeFormat.NPZ ? new Relu() : new TopK(3);
        try (Sae sae = sae(rule, true, RowNormalization.LAYER_NORM, Map.of())) {
            refused(sae, format, "layer_norm");
            SaeExport.write(sae, SaeFormat.SAE_LENS, folder.resolve("kept"), false);
            try (Sae read = Sae.load(folder.resolve("kept"), device)) {
                assertThat(read.normalization()).isEqualTo(RowNormalization.LAYER_NORM);
            }
        }
    }

    private void refused(Sae sae, SaeFormat format, String reason) {
        assertThatThrownBy(() -> SaeExport.write(sae, format, folder.resolve("refused"), false))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(reason);
        assertThat(folder.toFile().list()).doesNotContain("refused").noneMatch(name -> name.endsWith(".tmp"));
    }

    // -------------------------------------------------------------------------------------------------- round trips

    private static Map<String, Object> unknown() {
        Map<String, Object> unknown = new LinkedHashMap<>();
        unknown.put(
                "metadata",
                Map.of("hook_name", "blocks.8.hook_mlp_out", "sae_lens_version", "6.30.0", "x", List.of(1)));
        unknown.put("nothing", null);
        unknown.put("of_mine", Map.of("deep", List.of("er", 2.5)));
        unknown.put("__metadata__", Map.of("run", "7"));
        return unknown;
    }

    @ParameterizedTest
    @EnumSource(names = {"SAE_LENS", "SPARSIFY", "DICTIONARY_LEARNING", "NPZ"})
    void bitsAndMetadataSurviveARoundTrip(SaeFormat format) {
        Sparsity rule = format == SaeFormat.NPZ ? new JumpRelu(0) : new TopK(4);
        boolean subtract = format != SaeFormat.NPZ;
        try (Sae sae = sae(rule, subtract, unknown())) {
            SaeExport.write(sae, format, folder.resolve("there"), false);
            try (SaeFile file = SaeFile.open(folder.resolve("there"));
                    Sae read = file.load(device)) {
                assertThat(file.format()).isEqualTo(format);
                assertThat(read.sparsity()).isEqualTo(rule);
                assertThat(read.subtractsDecoderBias()).isEqualTo(subtract);
                assertThat(bits(read)).isEqualTo(bits(sae));
                SaeExport.write(read, SaeFormat.SAE_LENS, folder.resolve("back"), false);
            }
        }
        Map<String, Object> saved = JsonFile.read(folder.resolve("back/cfg.json"));
        assertThat(saved).containsEntry("nothing", null).containsEntry("of_mine", Map.of("deep", List.of("er", 2.5)));
        assertThat(Candidate.object(saved.get("metadata")))
                .containsEntry("hook_name", "blocks.8.hook_mlp_out")
                .containsEntry("sae_lens_version", "6.30.0")
                .containsEntry("x", List.of(1));
        try (SafetensorsFile weights = SafetensorsFile.open(folder.resolve("back/sae_weights.safetensors"))) {
            assertThat(weights.metadata()).containsEntry("run", "7");
        }
    }

    private static List<List<Integer>> bits(Sae sae) {
        try (HostWeights host = HostWeights.of(sae)) {
            return bits(host.weights());
        }
    }

    private static List<List<Integer>> bits(SaeWeights weights) {
        return Stream.of(
                        weights.encoder(),
                        weights.encoderBias(),
                        weights.decoder(),
                        weights.decoderBias(),
                        weights.thresholds() == null ? weights.decoderBias() : weights.thresholds())
                .map(matrix -> {
                    List<Integer> bits = new ArrayList<>();
                    for (int row = 0; row < matrix.rows(); row++) {
                        for (float value : matrix.toArray(row)) {
                            bits.add(Float.floatToRawIntBits(value));
                        }
                    }
                    return bits;
                })
                .toList();
    }

    /** From a device whose memory Java can't reach. */
    @ParameterizedTest
    @EnumSource(names = {"SAE_LENS", "SPARSIFY", "DICTIONARY_LEARNING", "NPZ"})
    void anyDevicesMemoryIsWrittenAlike(SaeFormat format) throws IOException {
        Sparsity rule = format == SaeFormat.NPZ ? new JumpRelu(0) : new TopK(4);
        try (Sae sae = sae(rule, format == SaeFormat.NPZ, Map.of())) {
            SaeExport.write(sae, format, folder.resolve("here"), false);
        }
        Device here = device;
        try (Device remote = Device.open("remote")) {
            device = remote;
            try (Sae sae = sae(rule, format == SaeFormat.NPZ, Map.of())) {
                SaeExport.write(sae, format, folder.resolve("there"), false);
            }
        } finally {
            device = here;
        }
        for (String file : format.writer().files().isEmpty()
                ? List.of("")
                : format.writer().files()) {
            assertThat(folder.resolve("there").resolve(file))
                    .hasBinaryContent(Files.readAllBytes(folder.resolve("here").resolve(file)));
        }
    }

    /** What another project wrote, through ours and back: with what it wrote that we don't know. */
    @Test
    void anotherProjectsConfigurationComesBack() {
        state.put("encoder.weight", encoder.transposed());
        state.put("encoder.bias", encoderBias);
        state.put("W_dec", decoder);
        state.put("b_dec", decoderBias);
        String configuration = "{\"expansion_factor\":32,\"num_latents\":27,\"k\":4,\"d_in\":10,\"multi_topk\":true,"
                + "\"normalize_decoder\":true,\"brand_new\":[1,{\"a\":null}]}";
        text("in/cfg.json", configuration);
        SafetensorsFiles.write(folder.resolve("in/sae.safetensors"), tensors(), "{\"format\":\"pt\",\"owner\":\"me\"}");
        convert("in", SaeFormat.SAE_LENS, "ours");
        convert("ours", SaeFormat.SPARSIFY, "out");
        assertThat(JsonFile.read(folder.resolve("out/cfg.json")))
                .containsAllEntriesOf(JsonFile.parse(configuration, "test"));
        try (SafetensorsFile weights = SafetensorsFile.open(folder.resolve("out/sae.safetensors"))) {
            assertThat(weights.metadata()).isEqualTo(Map.of("format", "pt", "owner", "me"));
        }
        assertThat(safetensors(folder.resolve("out/sae.safetensors")).keySet())
                .containsExactlyInAnyOrderElementsOf(state.keySet());
    }

    private void convert(String in, SaeFormat format, String out) {
        try (SaeFile file = SaeFile.open(folder.resolve(in));
                Sae sae = file.load(device)) {
            SaeExport.write(sae, format, folder.resolve(out), false);
        }
    }

    // ------------------------------------------------------------------------------------------------------- places

    @Test
    void whatIsThereIsOnlyReplacedWhenAskedFor() throws IOException {
        Path out = folder.resolve("out");
        try (Sae topK = sae(new TopK(4), true, Map.of());
                Sae relu = sae(new Relu(), true, Map.of())) {
            SaeExport.write(topK, SaeFormat.SPARSIFY, out, false);
            Files.writeString(out.resolve("notes.txt"), "mine");
            Files.writeString(out.resolve("darien.json"), "{\"k\":4}");
            byte[] before = Files.readAllBytes(out.resolve("sae.safetensors"));
            assertThatThrownBy(() -> SaeExport.write(relu, SaeFormat.SAE_LENS, out, false))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("--overwrite");
            assertThatThrownBy(() -> SaeExport.write(relu, SaeFormat.SPARSIFY, out, true))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("selection");
            assertThat(out.resolve("sae.safetensors")).hasBinaryContent(before);

            SaeExport.write(relu, SaeFormat.SAE_LENS, out, true);
            assertThat(out.toFile().list())
                    .containsExactlyInAnyOrder("cfg.json", "sae_weights.safetensors", "notes.txt");
            assertThat(folder.toFile().list()).containsExactly("out");

            Path file = folder.resolve("a.npz");
            SaeExport.write(relu, SaeFormat.NPZ, file, false);
            assertThatThrownBy(() -> SaeExport.write(relu, SaeFormat.NPZ, file, false))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("--overwrite");
            SaeExport.write(relu, SaeFormat.NPZ, file, true);
            assertThatThrownBy(() -> SaeExport.write(relu, SaeFormat.NPZ, out, true))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("is a folder");
            assertThatThrownBy(() -> SaeExport.write(relu, SaeFormat.SAE_LENS, file, true))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("is a file");
            assertThatThrownBy(() -> SaeExport.write(relu, SaeFormat.SAE_LENS, folder.resolve("a/b"), true))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("doesn't exist");
            assertThatThrownBy(() -> SaeExport.write(relu, SaeFormat.OPENAI, folder.resolve("x"), true))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
