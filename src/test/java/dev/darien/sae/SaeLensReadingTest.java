// SPDX-License-Identifier: Apache-2.0
package dev.darien.sae;

import static dev.darien.testfiles.Expected.affine;
import static dev.darien.testfiles.Expected.jumpRelu;
import static dev.darien.testfiles.Expected.minus;
import static dev.darien.testfiles.Expected.norms;
import static dev.darien.testfiles.Expected.relu;
import static dev.darien.testfiles.Expected.times;
import static dev.darien.testfiles.Expected.topK;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.SafetensorsFile;
import dev.darien.data.TensorFile;
import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import dev.darien.testfiles.Bytes;
import dev.darien.testfiles.Expected;
import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.Values;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every architecture and normalisation of SAELens 5 and 6, against its forward pass in double precision. */
class SaeLensReadingTest {
    private static final int WIDTH = 9;
    private static final int LATENTS = 21;

    @TempDir
    Path folder;

    private Device device;
    private final Random random = new Random(5);
    private final Values encoder = Values.random(random, 1, WIDTH, LATENTS);
    private final Values decoder = Values.random(random, 0.7, LATENTS, WIDTH);
    private final Values encoderBias = Values.random(random, 0.4, LATENTS);
    private final Values decoderBias = Values.random(random, 0.5, WIDTH);
    private final Values threshold = positive(Values.random(random, 0.5, LATENTS));
    private final Map<String, Values> tensors = new LinkedHashMap<>();

    @BeforeEach
    void open() {
        device = Device.open(TestDevices.training());
        tensors.put("b_dec", decoderBias);
        tensors.put("W_enc", encoder);
        tensors.put("b_enc", encoderBias);
        tensors.put("W_dec", decoder);
    }

    @AfterEach
    void close() {
        device.close();
    }

    private static Values positive(Values values) {
        return Values.of(
                Arrays.stream(values.data())
                        .map(value -> Math.abs(value) + 0.01)
                        .toArray(),
                values.shape());
    }

    private void write(String configuration) {
        Bytes.write(folder.resolve("cfg.json"), new Bytes().text(configuration).array());
        SafetensorsFiles.write(folder.resolve("sae_weights.safetensors"), tensors, "{\"format\":\"pt\",\"run\":\"7\"}");
    }

    private Sae read(String configuration) {
        write(configuration);
        return Sae.load(folder, device);
    }

    private double[] pre(double[] x) {
        return affine(minus(x, decoderBias.data()), encoder, encoderBias.data());
    }

    private double[] out(double[] codes) {
        return affine(codes, decoder, decoderBias.data());
    }

    @ParameterizedTest
    @ValueSource(strings = {"F32", "F16", "BF16", "F64"})
    void standardOfEveryPrecision(String dtype) {
        tensors.replaceAll((name, values) -> values.as(dtype));
        try (Sae sae = read("{\"architecture\":\"standard\",\"d_in\":9,\"d_sae\":21,\"dtype\":\"torch.float16\"}")) {
            new Expected(x -> relu(pre(x)), this::out).assertSame(sae);
        }
    }

    @Test
    void withoutSubtraction() {
        try (Sae sae = read("{\"architecture\":\"standard\",\"apply_b_dec_to_input\":false}")) {
            new Expected(x -> relu(affine(x, encoder, encoderBias.data())), this::out).assertSame(sae);
        }
    }

    @Test
    void topKWithAndWithoutRescaling() {
        try (Sae sae = read("{\"architecture\":\"topk\",\"k\":4,\"rescale_acts_by_decoder_norm\":false}")) {
            new Expected(x -> topK(pre(x), 4), this::out).assertSame(sae);
        }
        double[] norms = norms(decoder);
        double[] inverse = Arrays.stream(norms).map(norm -> 1 / norm).toArray();
        try (Sae sae = read("{\"architecture\":\"topk\",\"k\":4,\"rescale_acts_by_decoder_norm\":true}")) {
            new Expected(x -> topK(times(pre(x), norms), 4), codes -> out(times(codes, inverse))).assertSame(sae);
            sae.save(folder.resolve("again"));
        }
        assertThat(JsonFile.read(folder.resolve("again/cfg.json")))
                .containsEntry("rescale_acts_by_decoder_norm", false);
    }

    @Test
    void jumpReluWithThresholdsAlsoAsLogarithms() {
        tensors.put("threshold", threshold);
        try (Sae sae = read("{\"architecture\":\"jumprelu\"}")) {
            new Expected(x -> jumpRelu(pre(x), threshold.data()), this::out).assertSame(sae);
        }
        tensors.remove("threshold");
        Values logarithms = Values.random(new Random(8), 0.4, LATENTS);
        tensors.put("log_threshold", logarithms);
        double[] exp = Arrays.stream(logarithms.data()).map(Math::exp).toArray();
        try (Sae sae = read("{\"architecture\":\"jumprelu\"}")) {
            new Expected(x -> jumpRelu(pre(x), exp), this::out).assertSame(sae);
        }
    }

    @Test
    void gatedIsJumpRelu() {
        Values gate = Values.random(random, 0.5, LATENTS);
        Values magnitude = Values.random(random, 0.5, LATENTS);
        Values scale = Values.random(random, 0.4, LATENTS);
        tensors.remove("b_enc");
        tensors.put("b_gate", gate);
        tensors.put("b_mag", magnitude);
        tensors.put("r_mag", scale);
        double[] exp = Arrays.stream(scale.data()).map(Math::exp).toArray();
        try (Sae sae = read("{\"architecture\":\"gated\",\"sae_lens_version\":\"5.4.2\"}")) {
            assertThat(sae.sparsity()).isEqualTo(new Gated());
            new Expected(
                            x -> {
                                double[] u = affine(minus(x, decoderBias.data()), encoder, new double[LATENTS]);
                                double[] codes = new double[LATENTS];
                                for (int i = 0; i < LATENTS; i++) {
                                    double magnitudes = Math.max(
                                            0, exp[i] * u[i] + magnitude.data()[i]);
                                    codes[i] = u[i] + gate.data()[i] > 0 ? magnitudes : 0;
                                }
                                return codes;
                            },
                            this::out)
                    .assertSame(sae);
        }
    }

    /** methods.md, golden vectors: r = .3, b_gate = -.2, b_mag = .1 is a threshold of .369972. */
    @Test
    void theThresholdOfAGate() {
        tensors.clear();
        tensors.put("W_enc", Values.of(new double[][] {{1}}));
        tensors.put("W_dec", Values.of(new double[][] {{1}}));
        tensors.put("b_dec", Values.of(new double[1], 1));
        tensors.put("b_gate", Values.of(new double[] {-0.2}, 1));
        tensors.put("b_mag", Values.of(new double[] {0.1}, 1));
        tensors.put("r_mag", Values.of(new double[] {0.3}, 1));
        try (Sae sae = read("{\"architecture\":\"gated\"}")) {
            assertThat(sae.weights().thresholds().get(0, 0)).isEqualTo(0.369972f, within(1e-6f));
            assertThat(TestSaes.encodedBits(sae, new float[][] {{0.19f}, {0.21f}, {0.5f}}))
                    .extracting(row -> row.isEmpty() ? 0 : Float.intBitsToFloat(row.get(1)))
                    .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-6 ? 0 : 1)
                    .containsExactly(0f, 0.383470f, 0.774929f);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"batchtopk", "matryoshka_batchtopk"})
    void trainingCheckpointsOfBatchTopKHaveOneThreshold(String architecture) {
        tensors.put("topk_threshold", Values.scalar("F64", 0.61));
        String configuration = "{\"architecture\":\"" + architecture + "\",\"k\":4.0,\"topk_threshold_lr\":0.01";
        try (Sae sae = read(configuration + "}")) {
            new Expected(x -> jumpRelu(pre(x), 0.61), this::out).assertSame(sae);
        }
        double[] norms = norms(decoder);
        double[] inverse = Arrays.stream(norms).map(norm -> 1 / norm).toArray();
        try (Sae sae = read(configuration + ",\"rescale_acts_by_decoder_norm\":true}")) {
            new Expected(x -> jumpRelu(times(pre(x), norms), 0.61), codes -> out(times(codes, inverse)))
                    .assertSame(sae);
        }
        tensors.put("topk_threshold", Values.scalar("F64", 0));
        write(configuration + "}");
        assertThatThrownBy(() -> Sae.load(folder, device))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("topk_threshold", "never trained", "--as topk");
    }

    @Test
    void rowsAreNormalisedAndPutBack() {
        tensors.put("threshold", threshold);
        Expected plain = new Expected(x -> jumpRelu(pre(x), threshold.data()), this::out);
        try (Sae sae = read("{\"architecture\":\"jumprelu\",\"normalize_activations\":\"layer_norm\"}")) {
            plain.withLayerNorm().assertSame(sae);
            sae.save(folder.resolve("layer"));
            assertThatThrownBy(() -> sae.decode(sae.encode(new float[1][WIDTH])))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("layer_norm");
            device.memory().releaseAll();
        }
    }

    @Test
    void normalisationIsSavedAndReadAgain() {
        Expected plain = new Expected(x -> topK(pre(x), 3), this::out);
        try (Sae sae =
                read("{\"architecture\":\"topk\",\"k\":3,\"normalize_activations\":\"constant_norm_rescale\"}")) {
            plain.withConstantNorm().assertSame(sae);
            sae.save(folder.resolve("again"));
        }
        try (Sae sae = Sae.load(folder.resolve("again"), device)) {
            assertThat(sae.normalization()).isEqualTo(RowNormalization.CONSTANT_NORM);
            plain.withConstantNorm().assertSame(sae);
            plain.withConstantNorm().assertSame(sae.with(new TopK(3)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"expected_average_only_in\"", "true"})
    void anInputScaleIsFoldedFromTheFileBesideIt(String normalize) {
        tensors.put("threshold", threshold);
        String configuration = "{\"architecture\":\"jumprelu\",\"normalize_activations\":" + normalize + "}";
        write(configuration);
        assertThatThrownBy(() -> Sae.load(folder, device))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("expected_average_only_in", "activation_scaler.json");
        Bytes.write(
                folder.resolve("activation_scaler.json"),
                new Bytes().text("{\"scaling_factor\":1.7}").array());
        try (Sae sae = read(configuration)) {
            new Expected(x -> jumpRelu(pre(times(x, 1.7)), threshold.data()), codes -> times(out(codes), 1 / 1.7))
                    .assertSame(sae);
        }
        for (String wrong : new String[] {"0", "-1", "\"x\""}) {
            Bytes.write(
                    folder.resolve("activation_scaler.json"),
                    new Bytes().text("{\"scaling_factor\":" + wrong + "}").array());
            assertThatThrownBy(() -> Sae.load(folder, device))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("not a number above 0");
        }
    }

    @Test
    void scalingFactorsAreDroppedOrFolded() {
        double[] ones = new double[LATENTS];
        Arrays.fill(ones, 1);
        tensors.put("scaling_factor", Values.of(ones, LATENTS));
        try (Sae sae = read("{\"architecture\":\"standard\"}")) {
            new Expected(x -> relu(pre(x)), this::out).assertSame(sae);
        }
        tensors.put("scaling_factor", threshold);
        try (Sae sae = read("{\"architecture\":\"standard\",\"finetuning_scaling_factor\":true}")) {
            new Expected(x -> relu(pre(x)), codes -> out(times(codes, threshold.data()))).assertSame(sae);
        }
        write("{\"architecture\":\"standard\",\"finetuning_scaling_factor\":false}");
        assertThatThrownBy(() -> Sae.load(folder, device))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("scaling_factor", "whether it applies can't be told");
    }

    /** A TopK SAE that says it is a standard one (SAELens#553), with everything at the top. */
    @Test
    void filesFromBeforeVersion6() {
        try (Sae sae = read("""
                {"d_in":9,"d_sae":21,"dtype":"float32","device":"cuda","hook_point":"blocks.3.attn.hook_z",
                 "hook_point_head_index":null,"activation_fn_str":"topk","activation_fn_kwargs":{"k":5},
                 "normalize_activations":null,"model_name":"gpt2","l1_coefficient":2,"sae_lens_version":"5.1.0"}
                """)) {
            new Expected(x -> topK(pre(x), 5), this::out).assertSame(sae);
            sae.save(folder.resolve("again"));
        }
        Map<String, Object> saved = JsonFile.read(folder.resolve("again/cfg.json"));
        assertThat(saved)
                .containsEntry("architecture", "topk")
                .containsEntry("k", 5)
                .containsEntry("l1_coefficient", 2)
                .containsEntry("reshape_activations", "hook_z")
                .containsEntry("normalize_activations", "none")
                .doesNotContainKeys("activation_fn_str", "hook_point", "model_name");
        assertThat(SaeLensConfiguration.metadata(saved))
                .containsEntry("hook_name", "blocks.3.attn.hook_z")
                .containsEntry("hook_head_index", null)
                .containsEntry("model_name", "gpt2")
                .containsEntry("sae_lens_version", "6.0.0");
        try (SafetensorsFile weights = SafetensorsFile.open(folder.resolve("again/sae_weights.safetensors"))) {
            assertThat(weights.metadata()).isEqualTo(Map.of("format", "pt", "run", "7"));
        }
    }

    /** As {@code _encode_matching_pursuit} goes: the support is compared, then the residual, both after a step. */
    private double[] pursued(double[] x, Values atoms, int steps, double threshold, boolean stopOnRepeat) {
        double[] residual = minus(x, decoderBias.data());
        double[] codes = new double[LATENTS];
        boolean done = false;
        for (int step = 0; step < steps && !done; step++) {
            int best = 0;
            double[] products = new double[LATENTS];
            for (int latent = 0; latent < LATENTS; latent++) {
                for (int t = 0; t < WIDTH; t++) {
                    products[latent] += residual[t] * atoms.data()[latent * WIDTH + t];
                }
                best = products[latent] > products[best] ? latent : best;
            }
            double value = Math.max(0, products[best]);
            boolean unchanged = value == 0 || codes[best] != 0;
            codes[best] += value;
            double squares = 0;
            for (int t = 0; t < WIDTH; t++) {
                residual[t] -= value * atoms.data()[best * WIDTH + t];
                squares += residual[t] * residual[t];
            }
            done = (stopOnRepeat && unchanged) || (threshold > 0 && Math.sqrt(squares) < threshold);
        }
        return codes;
    }

    @ParameterizedTest
    @CsvSource({"6, 0, false", "40, 0, true", "5, 1.5, false", "40, 0.8, true", "null, 0, true"})
    void matchingPursuitStopsAsItsConfigurationSays(String steps, double threshold, boolean stopOnRepeat) {
        Values atoms = Values.random(new Random(3), 0.33, LATENTS, WIDTH);
        tensors.keySet().removeAll(List.of("W_enc", "b_enc"));
        tensors.put("W_dec", atoms);
        int most = steps.equals("null") ? WIDTH : Integer.parseInt(steps);
        try (Sae sae = read(("{\"architecture\":\"matching_pursuit\",\"max_iterations\":%s,\"residual_threshold\":%s,"
                        + "\"stop_on_duplicate_support\":%s}")
                .formatted(steps, threshold, stopOnRepeat))) {
            new Expected(
                            x -> pursued(x, atoms, most, threshold, stopOnRepeat),
                            codes -> affine(codes, atoms, decoderBias.data()))
                    .assertSame(sae);
            sae.save(folder.resolve("again"));
        }
        assertThat(JsonFile.read(folder.resolve("again/cfg.json")))
                .containsEntry("architecture", "matching_pursuit")
                .containsEntry("max_iterations", most)
                .containsEntry("residual_threshold", threshold)
                .containsEntry("stop_on_duplicate_support", stopOnRepeat)
                .doesNotContainKey("k");
        try (SafetensorsFile weights = SafetensorsFile.open(folder.resolve("again/sae_weights.safetensors"))) {
            assertThat(weights.tensors()).containsOnlyKeys("W_dec", "b_dec");
        }
    }

    /** Without subtracting the decoder bias SAELens doesn't add it either. */
    @Test
    void matchingPursuitWithoutADecoderBias() {
        Values atoms = Values.random(new Random(3), 0.33, LATENTS, WIDTH);
        tensors.keySet().removeAll(List.of("W_enc", "b_enc"));
        tensors.put("W_dec", atoms);
        double[] shift = Arrays.stream(decoderBias.data()).map(value -> -value).toArray();
        double[] none = new double[WIDTH];
        try (Sae sae =
                read("{\"architecture\":\"matching_pursuit\",\"max_iterations\":4,\"apply_b_dec_to_input\":false,"
                        + "\"residual_threshold\":0,\"stop_on_duplicate_support\":false}")) {
            new Expected(x -> pursued(minus(x, shift), atoms, 4, 0, false), codes -> affine(codes, atoms, none))
                    .assertSame(sae);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"max_iterations\":0                                       | max_iterations is 0",
                "\"max_iterations\":2.5                                     | max_iterations is 2.5",
                "\"residual_threshold\":\"small\"                           | residual_threshold is small",
                "\"stop_on_duplicate_support\":3                            | stop_on_duplicate_support",
                "\"normalize_activations\":\"expected_average_only_in\"     | can't be folded",
            })
    void settingsOfMatchingPursuitThatMeanNothingAreNamed(String entries, String reason) {
        tensors.keySet().removeAll(List.of("W_enc", "b_enc"));
        write("{\"architecture\":\"matching_pursuit\"," + entries + "}");
        assertThatThrownBy(() -> Sae.load(folder, device))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(reason);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "temporal             | in several steps",
                "abstopk              | is not one of",
            })
    void whatDarienCanNotComputeIsNamed(String architecture, String reason) {
        write("{\"architecture\":\"" + architecture + "\"}");
        assertThatThrownBy(() -> Sae.load(folder, device))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("'" + architecture + "'", reason);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"activation_fn\":\"tanh-relu\"                                            | 'tanh-relu'",
                "\"activation_fn\":\"topk\",\"activation_fn_kwargs\":{\"k\":5,\"signed\":true} | signed",
                "\"normalize_activations\":\"covariance_whitening\"                         | covariance_whitening",
            })
    void settingsThatDarienCanNotComputeAreNamed(String entries, String reason) {
        write("{\"architecture\":\"standard\"," + entries + "}");
        assertThatThrownBy(() -> Sae.load(folder, device))
                .isInstanceOf(DataException.class)
                .hasMessageContaining(reason);
    }

    @Test
    void aDecoderRowOfZerosIsNoNaN() {
        double[] zeroed = decoder.data().clone();
        Arrays.fill(zeroed, 0, WIDTH, 0);
        tensors.put("W_dec", Values.of(zeroed, LATENTS, WIDTH));
        try (Sae sae = read("{\"architecture\":\"topk\",\"k\":4,\"rescale_acts_by_decoder_norm\":true}")) {
            assertThat(sae.weights().decoder().toArray(0)).containsOnly(0f);
            for (float[] row : TestSaes.reconstructed(sae, TestSaes.activations(8, WIDTH, 2))) {
                for (float value : row) {
                    assertThat(value).isFinite();
                }
            }
        }
    }

    @Test
    void tensorsWithoutAPartAreNoted() {
        tensors.put("act_mean", decoderBias);
        write("{\"architecture\":\"standard\"}");
        Path cfg = folder.resolve("cfg.json");
        try (var weights = TensorFile.open(folder.resolve("sae_weights.safetensors"))) {
            assertThat(SaeFolder.read(cfg, JsonFile.read(cfg), weights, false).notes())
                    .singleElement()
                    .asString()
                    .contains("act_mean");
        }
    }
}
