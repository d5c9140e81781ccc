// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.SafetensorsFile;
import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.testfiles.Bytes;
import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.Values;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Transcoders and crosscoders as folders: SAELens's, and those that it has no name for. */
@Tag("device")
class MappedFolderTest {
    private static final int WIDTH = 7;
    private static final int OUT = 11;
    private static final int LATENTS = 30;
    private static final Mapping CROSSCODER =
            new Mapping.Crosscoder(List.of(new Mapping.Part("early", 3, 0.25), new Mapping.Part("late", 4, 1.5)));

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

    private static Mapping transcoder(boolean skip) {
        return new Mapping.Transcoder(OUT, skip);
    }

    static Stream<Arguments> all() {
        return Stream.of(
                Arguments.of(new Relu(), transcoder(false), "transcoder"),
                Arguments.of(new Relu(), transcoder(true), "skip_transcoder"),
                Arguments.of(new JumpRelu(0), transcoder(false), "jumprelu_transcoder"),
                Arguments.of(new JumpRelu(0), transcoder(true), "jumprelu_skip_transcoder"),
                Arguments.of(new TopK(5), transcoder(false), "topk_transcoder"),
                Arguments.of(new GroupMax(5), transcoder(true), "groupmax_skip_transcoder"),
                Arguments.of(new Relu(), CROSSCODER, "crosscoder"),
                Arguments.of(new JumpRelu(0), CROSSCODER, "jumprelu_crosscoder"),
                Arguments.of(new TopK(5), CROSSCODER, "topk_crosscoder"));
    }

    private Sae random(Sparsity rule, Mapping mapping) {
        Random random = new Random(8);
        SaeWeights weights = SaeWeights.allocate(device.memory(), LATENTS, WIDTH, mapping, rule.hasThresholds());
        for (Matrix matrix : new Matrix[] {
            weights.encoder(), weights.encoderBias(), weights.decoder(), weights.decoderBias(), weights.skip()
        }) {
            if (matrix != null) {
                fill(random, matrix);
            }
        }
        if (weights.thresholds() != null) {
            device.kernels().fill(weights.thresholds(), 0.8f);
        }
        boolean subtract = mapping instanceof Mapping.Crosscoder;
        return new Sae(device, weights, rule, subtract, RowNormalization.NONE, mapping, Map.of("note", "kept"));
    }

    private void fill(Random random, Matrix matrix) {
        try (Matrix host = device.staging("host", DType.F32, matrix.rows(), matrix.columns())) {
            for (long row = 0; row < host.rows(); row++) {
                for (int column = 0; column < host.columns(); column++) {
                    host.set(row, column, (float) random.nextGaussian());
                }
            }
            device.upload(host, matrix);
        }
    }

    private float[][] output(Sae sae, float[][] x) {
        try (Inference inference = sae.inference(x.length);
                Matrix rows = device.staging("rows", DType.F32, x.length, x[0].length);
                Matrix host = device.staging("out", DType.F32, x.length, sae.outputWidth())) {
            for (int row = 0; row < x.length; row++) {
                rows.setRow(row, x[row]);
            }
            SparseCodes codes = inference.encode(rows);
            device.download(inference.decode(codes), host);
            float[][] out = new float[x.length][];
            for (int row = 0; row < x.length; row++) {
                out[row] = host.toArray(row);
            }
            return out;
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    void whatIsSavedIsLoadedToTheBit(Sparsity rule, Mapping mapping, String architecture) {
        float[][] x = TestSaes.activations(20, WIDTH, 3);
        try (Sae saved = random(rule, mapping)) {
            saved.save(folder);
            Map<String, Object> configuration = JsonFile.read(folder.resolve("cfg.json"));
            assertThat(configuration)
                    .containsEntry("architecture", architecture)
                    .containsEntry("d_in", WIDTH)
                    .containsEntry("note", "kept")
                    .containsEntry("apply_b_dec_to_input", mapping instanceof Mapping.Crosscoder);
            if (mapping instanceof Mapping.Transcoder transcoder) {
                assertThat(configuration).containsEntry("d_out", OUT);
                try (SafetensorsFile file = SafetensorsFile.open(folder.resolve("sae_weights.safetensors"))) {
                    assertThat(file.tensor("W_dec").shape()).containsExactly((long) LATENTS, (long) OUT);
                    assertThat(file.tensor("b_dec").shape()).containsExactly((long) OUT);
                    assertThat(file.tensors().containsKey("W_skip")).isEqualTo(transcoder.skip());
                }
            }
            try (Sae loaded = Sae.load(folder, device)) {
                assertThat(loaded.sparsity()).isEqualTo(rule);
                assertThat(loaded.mapping()).isEqualTo(mapping);
                assertThat(loaded.outputWidth()).isEqualTo(mapping instanceof Mapping.Crosscoder ? WIDTH : OUT);
                assertThat(TestSaes.encodedBits(loaded, x)).isEqualTo(TestSaes.encodedBits(saved, x));
                assertThat(output(loaded, x)).isDeepEqualTo(output(saved, x));
                loaded.save(folder.resolve("again"));
                assertThat(JsonFile.read(folder.resolve("again/cfg.json"))).isEqualTo(configuration);
            }
        }
    }

    // ------------------------------------------------------------------------------- as SAELens computes them

    private static final Random RANDOM = new Random(5);
    private static final Values ENCODER = Values.random(RANDOM, 1, WIDTH, LATENTS);
    private static final Values ENCODER_BIAS = Values.random(RANDOM, 0.4, LATENTS);
    private static final Values DECODER = Values.random(RANDOM, 0.7, LATENTS, OUT);
    private static final Values DECODER_BIAS = Values.random(RANDOM, 0.5, OUT);
    private static final Values SKIP = Values.random(RANDOM, 0.6, OUT, WIDTH);
    private static final Values THRESHOLD = Values.random(RANDOM, 0.5, LATENTS);

    private void write(String configuration, boolean skip) {
        Map<String, Values> tensors = new LinkedHashMap<>();
        tensors.put("W_dec", DECODER);
        tensors.put("W_enc", ENCODER);
        tensors.put("b_enc", ENCODER_BIAS);
        tensors.put("b_dec", DECODER_BIAS);
        tensors.put("threshold", THRESHOLD);
        if (skip) {
            tensors.put("W_skip", SKIP);
        }
        Bytes.write(folder.resolve("cfg.json"), new Bytes().text(configuration).array());
        SafetensorsFiles.write(folder.resolve("sae_weights.safetensors"), tensors);
    }

    @ParameterizedTest
    @CsvSource({
        "transcoder, none",
        "skip_transcoder, none",
        "jumprelu_transcoder, none",
        "jumprelu_skip_transcoder, none",
        "skip_transcoder, layer_norm",
        "transcoder, constant_norm_rescale"
    })
    void theForwardPassIsSaeLenss(String architecture, String normalization) {
        boolean skip = architecture.contains("skip");
        write(
                "{\"architecture\":\"%s\",\"d_in\":%d,\"d_out\":%d,\"d_sae\":%d,\"apply_b_dec_to_input\":false,\"normalize_activations\":\"%s\"}"
                        .formatted(architecture, WIDTH, OUT, LATENTS, normalization),
                skip);
        float[][] x = TestSaes.activations(12, WIDTH, 6);
        try (Sae sae = Sae.load(folder, device)) {
            float[][] actual = output(sae, x);
            for (int row = 0; row < x.length; row++) {
                double[] wanted = forward(x[row], architecture.contains("jumprelu"), skip, normalization);
                for (int at = 0; at < OUT; at++) {
                    assertThat((double) actual[row][at]).isCloseTo(wanted[at], within(2e-5));
                }
            }
        }
    }

    /** {@code act(norm(x)·W_enc + b_enc)·W_dec + b_dec + x·W_skipᵀ}: what is normalised isn't put back, nor skipped. */
    private static double[] forward(float[] x, boolean jump, boolean skip, String normalization) {
        double[] seen = normalised(x, normalization);
        double[] out = DECODER_BIAS.data().clone();
        for (int j = 0; j < LATENTS; j++) {
            double pre = ENCODER_BIAS.data()[j];
            for (int i = 0; i < WIDTH; i++) {
                pre += seen[i] * ENCODER.data()[i * LATENTS + j];
            }
            if (pre > Math.max(0, jump ? THRESHOLD.data()[j] : 0)) {
                for (int o = 0; o < OUT; o++) {
                    out[o] += pre * DECODER.data()[j * OUT + o];
                }
            }
        }
        for (int o = 0; skip && o < OUT; o++) {
            for (int i = 0; i < WIDTH; i++) {
                out[o] += x[i] * SKIP.data()[o * WIDTH + i];
            }
        }
        return out;
    }

    private static double[] normalised(float[] x, String normalization) {
        double mean = 0;
        if (normalization.equals("layer_norm")) {
            for (float value : x) {
                mean += value / (double) WIDTH;
            }
        }
        double squares = 0;
        for (float value : x) {
            squares += (value - mean) * (value - mean);
        }
        double factor =
                switch (normalization) {
                    case "layer_norm" -> 1 / (Math.sqrt(squares / (WIDTH - 1)) + 1e-5);
                    case "constant_norm_rescale" -> Math.sqrt(WIDTH / squares);
                    default -> 1;
                };
        double[] seen = new double[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            seen[i] = (x[i] - mean) * factor;
        }
        return seen;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "transcoder      | \"apply_b_dec_to_input\":true                  | can't have apply_b_dec_to_input = true",
                "transcoder      | \"d_out\":12                                  | d_out is 12, but by the tensor 'W_dec'",
                "skip_transcoder | \"d_out\":11                                  | no tensor 'W_skip'",
                "gated_transcoder| \"d_out\":11                                  | 'gated_transcoder' is none that there is",
                "crosscoder      | \"d_in\":7                                    | at least two tensors, not 0",
                "crosscoder      | \"tensors\":[{\"name\":\"a\",\"width\":7,\"scale\":1}] | at least two tensors, not 1",
                "crosscoder      | \"tensors\":[{\"name\":\"a\",\"width\":3,\"scale\":1},{\"name\":\"b\",\"width\":3,\"scale\":1}] | add up to 6",
                "crosscoder      | \"tensors\":[{\"name\":\"a\",\"width\":3,\"scale\":0},{\"name\":\"b\",\"width\":4,\"scale\":1}] | scale above 0",
                "crosscoder      | \"tensors\":[{\"name\":\"a\",\"width\":3},{\"name\":\"b\",\"width\":4,\"scale\":1}] | without name, width or scale",
                "xyz_transcoder  | \"d_out\":11                                  | 'xyz_transcoder' is not one of",
            })
    void contradictionsAreNamed(String architecture, String entry, String reason) {
        write("{\"architecture\":\"" + architecture + "\"," + entry + "}", false);
        assertThatThrownBy(() -> Sae.load(folder, device))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(reason);
    }

    @Test
    void codesOfASkipTranscoderDoNotSayAll() {
        float[][] x = TestSaes.activations(5, WIDTH, 3);
        try (Sae sae = random(new TopK(4), transcoder(true));
                SparseCodes codes = sae.encode(x);
                Inference inference = sae.inference(5)) {
            assertThatThrownBy(() -> sae.decode(codes))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("skip connection");
            try (Matrix rows = device.staging("rows", DType.F32, 3, WIDTH)) {
                inference.encode(rows.slice(0, 3));
                assertThatThrownBy(() -> inference.decode(inference.encode(rows).firstRows(2)))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("only the 3 rows that were encoded last");
            }
        }
        try (SaeWeights weights = SaeWeights.allocate(device.memory(), LATENTS, WIDTH, transcoder(true), false)) {
            for (Mapping other : List.of(new Mapping.Identity(), transcoder(false), CROSSCODER)) {
                assertThatThrownBy(() ->
                                new Sae(device, weights, new Relu(), false, RowNormalization.NONE, other, Map.of()))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("with a skip connection don't fit a " + other);
            }
        }
    }
}
