// SPDX-License-Identifier: Apache-2.0
package dev.darien.interop;

import static dev.darien.testfiles.Expected.affine;
import static dev.darien.testfiles.Expected.jumpRelu;
import static dev.darien.testfiles.Expected.minus;
import static dev.darien.testfiles.Expected.norms;
import static dev.darien.testfiles.Expected.relu;
import static dev.darien.testfiles.Expected.times;
import static dev.darien.testfiles.Expected.topK;
import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.testfiles.Expected;
import dev.darien.testfiles.NpzFiles;
import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.TorchFiles;
import dev.darien.testfiles.Values;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each format as its project writes it, against what that project computes from it, in double precision. */
class FormatReadingTest {

    // ---------------------------------------------------------------------------------------------------- sparsify

    @Nested
    class Sparsify extends FormatFixture {
        private static final String CONFIGURATION = """
                {"activation":"topk","expansion_factor":32,"normalize_decoder":true,"num_latents":27,"k":4,
                 "multi_topk":false,"skip_connection":false,"transcode":false,"d_in":10}""";

        private Path write(String configuration) {
            state.put("W_dec", decoder);
            state.put("b_dec", decoderBias);
            state.put("encoder.bias", encoderBias);
            state.put("encoder.weight", encoder.transposed());
            return write(configuration, "F32");
        }

        private Path write(String configuration, String dtype) {
            text("layers.3/cfg.json", configuration);
            Map<String, Values> tensors = tensors();
            tensors.replaceAll((name, values) -> values.as(dtype));
            SafetensorsFiles.write(folder.resolve("layers.3/sae.safetensors"), tensors);
            return folder.resolve("layers.3");
        }

        @ParameterizedTest
        @ValueSource(strings = {"F32", "BF16", "F16"})
        void topKOfWhatIsPositive(String dtype) {
            write(CONFIGURATION);
            same(
                    write(CONFIGURATION, dtype),
                    SaeFormat.SPARSIFY,
                    new Expected(x -> topK(relu(centredPre(x)), 4), this::out));
        }

        /** Old files lack activation and transcode, and num_latents may be 0. */
        @Test
        void oldFiles() {
            same(
                    write("{\"expansion_factor\":32,\"num_latents\":0,\"k\":4,\"signed\":false,\"d_in\":10}"),
                    SaeFormat.SPARSIFY,
                    new Expected(x -> topK(relu(centredPre(x)), 4), this::out));
        }

        /** Without the ReLU, too. */
        @Test
        void signedOnesSelectByMagnitude() {
            same(
                    write("{\"num_latents\":27,\"k\":4,\"signed\":true,\"d_in\":10}"),
                    SaeFormat.SPARSIFY,
                    new Expected(
                            x -> {
                                double[] pre = centredPre(x);
                                double[] kept =
                                        topK(Arrays.stream(pre).map(Math::abs).toArray(), 4);
                                for (int latent = 0; latent < kept.length; latent++) {
                                    kept[latent] *= Math.signum(pre[latent]);
                                }
                                return kept;
                            },
                            this::out));
        }

        @ParameterizedTest
        @CsvSource(
                delimiter = '|',
                value = {
                    "\"activation\":\"groupmax\"    | groupmax",
                    "\"activation\":\"relu\"        | 'relu'",
                    "\"transcode\":true           | transcoder",
                    "\"skip_connection\":true     | skip connection",
                    "\"signed\":3                 | neither true nor false",
                    "\"k\":0                      | k is 0",
                    "\"k\":2.5                    | k is 2.5",
                    "\"k\":28                     | k is 28",
                    "\"d_in\":11                  | d_in is 11",
                    "\"num_latents\":26           | num_latents is 26",
                })
        void whatDarienCanNotComputeIsNamed(String entry, String reason) {
            refused(write(CONFIGURATION.replaceFirst("\\}$", "," + entry + "}")), null, reason);
        }

        @Test
        void whatIsMissingIsNamed() {
            write(CONFIGURATION);
            state.put("W_skip", Values.random(new Random(1), 1, WIDTH, WIDTH));
            refused(write(CONFIGURATION, "F32"), null, "W_skip");
            state.remove("W_skip");
            state.remove("W_dec");
            refused(write(CONFIGURATION, "F32"), null, "without its decoder");
            Path bare = SafetensorsFiles.write(folder.resolve("bare/sae.safetensors"), tensors());
            refused(bare, null, "needs its cfg.json");
        }
    }

    // ------------------------------------------------------------------------------------------ dictionary_learning

    @Nested
    class DictionaryLearning extends FormatFixture {
        private Path write() {
            return TorchFiles.write(folder.resolve("trainer_0/ae.pt"), state);
        }

        private void trainer(String entries) {
            text("trainer_0/config.json", "{\"trainer\":{" + entries + "},\"buffer\":{\"ctx_len\":128}}");
        }

        /** As torch saves it after {@code encoder.weight = w.T}: the transpose, with strides (1, F). */
        private void linear() {
            state.put("encoder.weight", new TorchFiles.Transposed(encoder.transposed()));
            state.put("decoder.weight", decoder.transposed());
        }

        @Test
        void autoEncoderGetsADecoderOfUnitLength() {
            state.put("bias", decoderBias);
            linear();
            state.put("encoder.bias", encoderBias);
            double[] norms = norms(decoder);
            double[] inverse = Arrays.stream(norms).map(norm -> 1 / norm).toArray();
            same(
                    write(),
                    SaeFormat.DICTIONARY_LEARNING,
                    new Expected(x -> times(relu(centredPre(x)), norms), codes -> out(times(codes, inverse))));
        }

        @Test
        void autoEncoderNewSubtractsNothing() {
            linear();
            state.put("encoder.bias", encoderBias);
            state.put("decoder.bias", decoderBias);
            same(write(), SaeFormat.DICTIONARY_LEARNING, new Expected(x -> relu(pre(x)), this::out));
        }

        @Test
        void gatedIsJumpRelu() {
            Values scale = Values.random(new Random(2), 0.3, LATENTS);
            Values gate = Values.random(new Random(3), 0.5, LATENTS);
            state.put("decoder_bias", decoderBias);
            linear();
            state.put("r_mag", scale);
            state.put("gate_bias", gate);
            state.put("mag_bias", encoderBias);
            same(
                    write(),
                    "gated",
                    SaeFormat.DICTIONARY_LEARNING,
                    new Expected(
                            x -> {
                                double[] u = affine(minus(x, decoderBias.data()), encoder, new double[LATENTS]);
                                double[] codes = new double[LATENTS];
                                for (int i = 0; i < LATENTS; i++) {
                                    codes[i] = u[i] + gate.data()[i] > 0
                                            ? Math.max(
                                                    0,
                                                    Math.exp(scale.data()[i]) * u[i]
                                                            + encoderBias.data()[i])
                                            : 0;
                                }
                                return codes;
                            },
                            this::out));
        }

        private void topKOrBatchTopK(double thresholdValue) {
            state.put("b_dec", decoderBias);
            state.put("k", Values.scalar("I32", 5));
            state.put("threshold", Values.scalar("F32", thresholdValue));
            linear();
            state.put("encoder.bias", encoderBias);
        }

        private final Expected five = new Expected(x -> topK(relu(centredPre(x)), 5), this::out);
        private final Expected threeQuarters = new Expected(x -> jumpRelu(centredPre(x), 0.75), this::out);

        @Test
        void aThresholdThatIsSetMeansBatchTopK() {
            topKOrBatchTopK(0.75);
            Path file = write();
            same(file, SaeFormat.DICTIONARY_LEARNING, threeQuarters);
            same(file, "batchtopk", SaeFormat.DICTIONARY_LEARNING, threeQuarters);
            same(file, "topk", SaeFormat.DICTIONARY_LEARNING, five);
            same(file, "dictionary-learning:topk", SaeFormat.DICTIONARY_LEARNING, five);
            try (SaeFile opened = SaeFile.open(file)) {
                assertThat(opened.read().notes()).singleElement().asString().contains("read as BatchTopK", "--as topk");
            }
        }

        @ParameterizedTest
        @ValueSource(doubles = {-1, 0})
        void aThresholdThatIsNotSetIsRefusedOrNotNeeded(double unset) {
            topKOrBatchTopK(unset);
            Path file = write();
            refused(file, null, "AutoEncoderTopK", "BatchTopKSAE", "threshold is " + unset, "--as topk");
            refused(file, "batchtopk", "threshold of this BatchTopK SAE is " + unset, "after 1000 steps");
            same(file, "topk", SaeFormat.DICTIONARY_LEARNING, five);
            trainer("\"dict_class\":\"AutoEncoderTopK\",\"k\":5,\"activation_dim\":10,\"dict_size\":27");
            same(file, SaeFormat.DICTIONARY_LEARNING, five);
            same(folder.resolve("trainer_0"), SaeFormat.DICTIONARY_LEARNING, five);
            trainer("\"dict_class\":\"BatchTopKSAE\",\"k\":5");
            refused(file, null, "threshold of this BatchTopK SAE", "--as topk");
        }

        @Test
        void theConfigurationNamesTheClass() {
            topKOrBatchTopK(0.75);
            Path file = write();
            trainer("\"dict_class\":\"AutoEncoderTopK\",\"k\":5");
            same(file, SaeFormat.DICTIONARY_LEARNING, five);
            trainer("\"dict_class\":\"BatchTopKSAE\",\"k\":5");
            same(file, SaeFormat.DICTIONARY_LEARNING, threeQuarters);
            trainer("\"dict_class\":\"AutoEncoderTopK\",\"k\":6");
            refused(file, null, "k is 6, but by the tensor 'k'", "it is 5");
            trainer("\"dict_class\":\"AutoEncoderTopK\",\"dict_size\":28");
            refused(file, null, "dict_size is 28");
        }

        /** Before k became a tensor it was in the configuration alone. */
        @Test
        void theOlderLayoutHasKInTheConfiguration() {
            topKOrBatchTopK(-1);
            state.remove("k");
            state.remove("threshold");
            Path file = write();
            refused(file, "topk", "no tensor 'k'", "config.json");
            trainer("\"dict_class\":\"AutoEncoderTopK\",\"k\":5");
            same(file, SaeFormat.DICTIONARY_LEARNING, five);
        }

        @Test
        void aBackupHoldsTheStateDictionaryAndMore() {
            topKOrBatchTopK(-1);
            Map<String, Object> backup = new TreeMap<>();
            backup.put("step", 400);
            backup.put("ae", state);
            backup.put("optimizer", Map.of("param_groups", Map.of("lr", 1e-3)));
            backup.put("config", Map.of("dict_class", "AutoEncoderTopK", "k", 5));
            backup.put("norm_factor", 12.5);
            same(TorchFiles.write(folder.resolve("ae.pt"), backup), SaeFormat.DICTIONARY_LEARNING, five);
        }

        @Test
        void aWrappedStateDictionaryWithExtras() {
            topKOrBatchTopK(0.75);
            Map<String, Object> wrapped =
                    Map.of("state_dict", state, "cfg", Map.of("lr", 3e-4), "act_mean", decoderBias);
            Path file = TorchFiles.write(folder.resolve("any.pt"), wrapped);
            same(file, SaeFormat.DICTIONARY_LEARNING, threeQuarters);
            try (SaeFile opened = SaeFile.open(file)) {
                assertThat(opened.read().notes())
                        .anySatisfy(note -> assertThat(note).contains("act_mean"));
                assertThat(opened.read().configuration().toString()).contains("cfg={lr=3.0E-4}");
            }
        }

        @Test
        void jumpReluSubtractsNothing() {
            state.put("W_enc", new TorchFiles.Transposed(encoder));
            state.put("b_enc", encoderBias);
            state.put("W_dec", decoder);
            state.put("b_dec", decoderBias);
            state.put("threshold", threshold);
            same(
                    write(),
                    SaeFormat.DICTIONARY_LEARNING,
                    new Expected(x -> jumpRelu(pre(x), threshold.data()), this::out));
        }

        @Test
        void matryoshkaIsBatchTopKOfAllGroups() {
            state.put("W_enc", encoder.as("BF16"));
            state.put("b_enc", encoderBias.as("BF16"));
            state.put("W_dec", decoder.as("BF16"));
            state.put("b_dec", decoderBias.as("BF16"));
            state.put("k", Values.scalar("I32", 5));
            state.put("threshold", Values.scalar("F32", 0.75));
            state.put("group_sizes", new Values("I64", new double[] {9, 18}, 2));
            Path file = write();
            same(file, SaeFormat.DICTIONARY_LEARNING, threeQuarters);
            same(file, "topk", SaeFormat.DICTIONARY_LEARNING, five);
            state.put("threshold", Values.scalar("F32", -1));
            refused(write(), null, "so not set");
        }

        @Test
        void whatDoesNotFitIsNamed() {
            topKOrBatchTopK(0.75);
            state.put("encoder.bias", decoderBias);
            refused(write(), null, "tensor 'encoder.bias' has the shape [10] where [27] was expected");
            state.put("encoder.bias", encoderBias.as("I32"));
            refused(write(), null, "tensor 'encoder.bias' is of type I32");
            state.put("encoder.bias", encoderBias);
            state.put("decoder.weight", decoder);
            refused(write(), null, "tensor 'decoder.weight'", "doesn't fit the encoder");
            state.put("decoder.weight", decoder.transposed());
            state.put("k", Values.scalar("I32", 28));
            refused(write(), "topk", "only 27 latents, but k is 28");
            state.put("k", Values.scalar("F32", 2.5));
            refused(write(), "topk", "tensor 'k' is 2.5");
            state.put("threshold", new Values("F32", new double[] {1, 2}, 2));
            refused(write(), "batchtopk", "has 2 elements where one was expected");
        }
    }

    // ------------------------------------------------------------------------------------------------- Gemma Scope

    @Nested
    class GemmaScope extends FormatFixture {
        private Path write(boolean compressed, boolean lowerCase) {
            state.put(lowerCase ? "w_dec" : "W_dec", decoder);
            state.put(lowerCase ? "w_enc" : "W_enc", encoder);
            state.put("b_dec", decoderBias);
            state.put("b_enc", encoderBias);
            state.put("threshold", threshold);
            return NpzFiles.write(folder.resolve("params.npz"), tensors(), compressed);
        }

        @ParameterizedTest
        @CsvSource({"true,false", "false,false", "false,true"})
        void storedOrCompressedInEitherCase(boolean compressed, boolean lowerCase) {
            Path file = write(compressed, lowerCase);
            Expected expected = new Expected(x -> jumpRelu(pre(x), threshold.data()), this::out);
            same(file, SaeFormat.NPZ, expected);
            same(folder, SaeFormat.NPZ, expected);
        }

        @Test
        void embeddingSaesAreScaledWhenAskedFor() {
            double root = Math.sqrt(WIDTH);
            same(
                    write(false, false),
                    "npz-embedding",
                    SaeFormat.NPZ_EMBEDDING,
                    new Expected(
                            x -> jumpRelu(affine(times(x, 1 / root), encoder, encoderBias.data()), threshold.data()),
                            codes -> affine(times(codes, root), decoder, decoderBias.data())));
        }

        @Test
        void withoutThresholdsItHasToBeSaid() {
            write(false, false);
            state.remove("threshold");
            Path file = NpzFiles.write(folder.resolve("params.npz"), tensors(), false);
            refused(file, null, "no array 'threshold'", "--as relu");
            same(file, "relu", SaeFormat.NPZ, new Expected(x -> relu(pre(x)), this::out));
        }

        @Test
        void whatDoesNotFitIsNamed() {
            refused(write(false, false), "topk", "jumprelu", "can't be read as topk");
            state.put("w_enc", encoder);
            refused(NpzFiles.write(folder.resolve("params.npz"), tensors(), false), null, "both 'W_enc' and 'w_enc'");
            state.remove("w_enc");
            state.put("scaling_factor", threshold);
            refused(
                    NpzFiles.write(folder.resolve("params.npz"), tensors(), false),
                    null,
                    "'scaling_factor' isn't all ones");
            state.remove("scaling_factor");
            state.put("b_enc", decoderBias);
            refused(NpzFiles.write(folder.resolve("params.npz"), tensors(), false), null, "'b_enc' has the shape [10]");
        }
    }

    @Nested
    class GemmaScope2 extends FormatFixture {
        private static final String CONFIGURATION = """
                {"hf_hook_point_in":"model.layers.17.output","hf_hook_point_out":"model.layers.17.output","width":27,
                 "model_name":"google/gemma-3-1b-pt","architecture":"jump_relu","l0":20,"affine_connection":false,
                 "type":"sae"}""";

        private Path write(String configuration) {
            text("config.json", configuration);
            state.put("w_enc", encoder);
            state.put("w_dec", decoder);
            state.put("b_enc", encoderBias);
            state.put("b_dec", decoderBias);
            state.put("threshold", threshold);
            return SafetensorsFiles.write(folder.resolve("params.safetensors"), tensors());
        }

        @Test
        void jumpReluWithoutSubtraction() {
            Path file = write(CONFIGURATION);
            Expected expected = new Expected(x -> jumpRelu(pre(x), threshold.data()), this::out);
            same(file, SaeFormat.GEMMA_SCOPE_2, expected);
            // Real folders hold a second file, of examples.
            SafetensorsFiles.write(folder.resolve("examples.safetensors"), Map.of("tokens", encoderBias.as("I32")));
            same(folder, SaeFormat.GEMMA_SCOPE_2, expected);
        }

        @ParameterizedTest
        @CsvSource(
                delimiter = '|',
                value = {
                    "\"hf_hook_point_out\":\"model.layers.17.mlp\"| transcoder",
                    "\"type\":\"transcoder\"                   | 'transcoder'",
                    "\"type\":\"crosscoder\"                   | 'crosscoder'",
                    "\"architecture\":\"topk\"                 | 'topk'",
                    "\"affine_connection\":true              | skip connection",
                    "\"width\":28                            | width is 28",
                })
        void whatDarienCanNotComputeIsNamed(String entry, String reason) {
            refused(write(CONFIGURATION.replaceFirst("\\}$", "," + entry + "}")), null, reason);
        }

        @Test
        void crossLayerTranscodersAndSkipConnectionsAreSeenInTheWeights() {
            write("{}");
            state.put("affine_skip_connection", Values.random(new Random(1), 1, WIDTH, WIDTH));
            refused(SafetensorsFiles.write(folder.resolve("params.safetensors"), tensors()), null, "skip connection");
            state.remove("affine_skip_connection");
            state.put("w_dec", new Values("F32", decoder.data(), LATENTS, 1, WIDTH));
            refused(SafetensorsFiles.write(folder.resolve("params.safetensors"), tensors()), null, "cross-layer");
        }
    }

    // ------------------------------------------------------------------------------------------------- Llama Scope

    @Nested
    class LlamaScope extends FormatFixture {
        private static final String CONFIGURATION = """
                {"hook_point_in":"blocks.8.hook_resid_post","hook_point_out":"blocks.8.hook_resid_post",
                 "use_decoder_bias":true,"apply_decoder_bias_to_pre_encoder":false,"expansion_factor":8,"d_model":10,
                 "d_sae":27,"norm_activation":"dataset-wise","top_k":50,"act_fn":"jumprelu",
                 "jump_relu_threshold":0.5,"dataset_average_activation_norm":{"in":2.25,"out":2.25}""";
        private static final double SCALE = Math.sqrt(10) / 2.25;

        private Path write(String more) {
            text("hyperparams.json", CONFIGURATION + more + "}");
            state.put("encoder.weight", encoder.transposed().as("BF16"));
            state.put("encoder.bias", encoderBias.as("BF16"));
            state.put("decoder.weight", decoder.transposed().as("BF16"));
            state.put("decoder.bias", decoderBias.as("BF16"));
            return SafetensorsFiles.write(folder.resolve("checkpoints/final.safetensors"), tensors());
        }

        private double[] scaledPre(double[] x) {
            return affine(times(x, SCALE), encoder, encoderBias.data());
        }

        private double[] scaledOut(double[] codes) {
            return times(out(codes), 1 / SCALE);
        }

        @Test
        void theScaleIsFoldedAndTheThresholdScaled() {
            Path file = write("");
            Expected expected = new Expected(x -> jumpRelu(scaledPre(x), 0.5 * SCALE), this::scaledOut);
            same(file, SaeFormat.LLAMA_SCOPE, expected);
            same(folder, SaeFormat.LLAMA_SCOPE, expected);
        }

        /** OpenMOSS: pre-activations of unscaled inputs, times the length of the decoder row, against the threshold. */
        @Test
        void theLengthOfTheDecoderMayCount() {
            double[] norms = norms(decoder);
            double[] thresholds =
                    Arrays.stream(norms).map(norm -> 0.5 * SCALE / norm).toArray();
            same(
                    write(",\"sparsity_include_decoder_norm\":true"),
                    SaeFormat.LLAMA_SCOPE,
                    new Expected(x -> jumpRelu(scaledPre(x), thresholds), this::scaledOut));
        }

        @Test
        void otherRules() {
            same(
                    write(",\"act_fn\":\"relu\""),
                    SaeFormat.LLAMA_SCOPE,
                    new Expected(x -> relu(scaledPre(x)), this::scaledOut));
            same(
                    write(",\"act_fn\":\"topk\",\"top_k\":6,\"norm_activation\":\"inference\""),
                    SaeFormat.LLAMA_SCOPE,
                    new Expected(x -> topK(pre(x), 6), this::out));
        }

        @ParameterizedTest
        @CsvSource(
                delimiter = '|',
                value = {
                    "\"hook_point_out\":\"blocks.8.hook_mlp_out\"     | transcoder",
                    "\"use_glu_encoder\":true                       | use_glu_encoder",
                    "\"apply_decoder_bias_to_pre_encoder\":true     | apply_decoder_bias_to_pre_encoder",
                    "\"norm_activation\":\"token-wise\"               | 'token-wise'",
                    "\"act_fn\":\"prolu\"                             | 'prolu'",
                    "\"jump_relu_threshold\":\"x\"                    | jump_relu_threshold is x",
                    "\"dataset_average_activation_norm\":{\"in\":0}   | dataset_average_activation_norm.in is 0",
                    "\"d_model\":11                                 | d_model is 11",
                })
        void whatDarienCanNotComputeIsNamed(String entry, String reason) {
            refused(write("," + entry), null, reason);
        }

        @Test
        void theR1SeriesIsRefusedForWantOfItsScale() {
            write("");
            state.put("log_jumprelu_threshold", threshold);
            refused(
                    SafetensorsFiles.write(folder.resolve("checkpoints/final.safetensors"), tensors()),
                    null,
                    "R1-Distill");
        }
    }

    // ------------------------------------------------------------------------------------------------------- OpenAI

    @Nested
    class OpenAi extends FormatFixture {
        private void weights() {
            state.put("pre_bias", decoderBias);
            state.put("latent_bias", encoderBias);
            state.put("stats_last_nonzero", new Values("I64", new double[LATENTS], LATENTS));
            state.put("latents_activation_frequency", encoderBias);
            state.put("latents_mean_square", encoderBias);
            state.put("encoder.weight", encoder.transposed());
            state.put("decoder.weight", decoder.transposed());
        }

        private Path write() {
            return TorchFiles.write(folder.resolve("8.pt"), state);
        }

        @Test
        void reluOnActivationsAsTheyAre() {
            weights();
            state.put("activation", "ReLU");
            state.put("activation_state_dict", Map.of());
            same(write(), SaeFormat.OPENAI, new Expected(x -> relu(centredPre(x)), this::out));
        }

        @Test
        void topKOnStandardisedActivations() {
            weights();
            state.put("activation", "TopK");
            state.put("activation_state_dict", Map.of("k", 3, "postact_fn", "ReLU"));
            same(write(), SaeFormat.OPENAI, new Expected(x -> topK(centredPre(x), 3), this::out).withLayerNorm());
        }

        @Test
        void tiedWeights() {
            weights();
            state.remove("decoder.weight");
            state.put("decoder.linear.weight", encoder.transposed());
            same(
                    write(),
                    SaeFormat.OPENAI,
                    new Expected(
                            x -> relu(centredPre(x)),
                            codes -> affine(codes, encoder.transposed(), decoderBias.data())));
        }

        @Test
        void otherActivationsAreNamed() {
            weights();
            state.put("activation", "Identity");
            refused(write(), null, "'Identity'");
            state.put("activation", "TopK");
            state.put("activation_state_dict", Map.of("k", 3, "postact_fn", "Identity"));
            refused(write(), null, "applies Identity");
            state.put("activation_state_dict", Map.of());
            refused(write(), null, "without a k");
        }
    }

    // ----------------------------------------------------------------------------------- BatchTopK, matryoshka_sae

    @Nested
    class Bussmann extends FormatFixture {
        private Path write(String entries) {
            text(
                    "config.json",
                    "{\"act_size\":10,\"dtype\":\"torch.float32\",\"hook_point\":\"blocks.8\"," + entries + "}");
            state.put("W_enc", encoder);
            state.put("W_dec", decoder);
            state.put("b_enc", encoderBias);
            state.put("b_dec", decoderBias);
            return TorchFiles.write(folder.resolve("sae.pt"), state);
        }

        /** The TopK family never adds the b_enc that it has. */
        private double[] unbiased(double[] x) {
            return affine(minus(x, decoderBias.data()), encoder, new double[LATENTS]);
        }

        @Test
        void vanillaAndTopK() {
            same(
                    write("\"sae_type\":\"vanilla\",\"input_unit_norm\":false,\"dict_size\":27"),
                    SaeFormat.BUSSMANN,
                    new Expected(x -> relu(centredPre(x)), this::out));
            same(
                    write("\"sae_type\":\"topk\",\"top_k\":4,\"input_unit_norm\":true,\"dict_size\":27"),
                    SaeFormat.BUSSMANN,
                    new Expected(x -> topK(unbiased(x), 4), this::out).withLayerNorm());
        }

        @ParameterizedTest
        @CsvSource({"batch-topk", "global-matryoshka-topk"})
        void theThresholdOfMatryoshkaSae(String type) {
            state.put("threshold", Values.scalar("F32", 0.75));
            String entries = "\"sae_type\":\"" + type + "\",\"top_k\":4,\"input_unit_norm\":\"True\","
                    + "\"group_sizes\":\"[9, 18]\"";
            Path file = write(entries);
            same(file, SaeFormat.BUSSMANN, new Expected(x -> jumpRelu(unbiased(x), 0.75), this::out).withLayerNorm());
            same(file, "topk", SaeFormat.BUSSMANN, new Expected(x -> topK(unbiased(x), 4), this::out).withLayerNorm());
            state.put("threshold", Values.scalar("F32", 0));
            refused(write(entries), null, "not set yet");
        }

        @Test
        void batchTopKHasNoThreshold() {
            Path file = write("\"sae_type\":\"batchtopk\",\"top_k\":4,\"input_unit_norm\":false");
            refused(file, null, "without a threshold", "--as topk");
            same(file, "topk", SaeFormat.BUSSMANN, new Expected(x -> topK(unbiased(x), 4), this::out));
        }

        @Test
        void jumpReluSubtractsNothing() {
            Values logarithms = Values.random(new Random(8), 0.4, LATENTS);
            state.put("jumprelu.log_threshold", logarithms);
            double[] exp = Arrays.stream(logarithms.data()).map(Math::exp).toArray();
            same(
                    write("\"sae_type\":\"jumprelu\",\"input_unit_norm\":true"),
                    SaeFormat.BUSSMANN,
                    new Expected(x -> jumpRelu(pre(x), exp), this::out).withLayerNorm());
        }

        @Test
        void whatIsMissingOrUnknownIsNamed() throws Exception {
            refused(write("\"sae_type\":\"gated\""), null, "sae_type 'gated'");
            refused(write("\"sae_type\":\"topk\""), null, "no top_k");
            refused(write("\"sae_type\":\"vanilla\",\"dict_size\":28"), null, "dict_size is 28");
            refused(write("\"sae_type\":\"vanilla\",\"input_unit_norm\":\"maybe\""), null, "neither true nor false");
            Path file = write("\"sae_type\":\"vanilla\"");
            Files.delete(folder.resolve("config.json"));
            refused(file, null, "needs its config.json");
        }
    }
}
