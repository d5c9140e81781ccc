// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtSession;
import dev.darien.data.DataException;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DownstreamEvaluatorTest {
    private static final CollectListener SILENT = (tokens, share, seconds) -> true;
    private static final long TOKENS = 512;

    @TempDir
    private Path folder;

    private static CollectOptions options(String hook) {
        return CollectOptions.of(hook, List.of(TinyLm.TEXT)).withStorage(DType.F32, TOKENS, 1 << 16);
    }

    private static DownstreamEvaluation.Loss loss(Map<String, DownstreamEvaluation> results, String name) {
        return Objects.requireNonNull(Objects.requireNonNull(results.get(name)).loss());
    }

    /** Loss of the model as it is, by its own output. */
    private static double unspliced() {
        try (OnnxModel model = OnnxModel.open(TinyLm.MODEL);
                OnnxSession whole = model.whole(1);
                SequenceReader reader = new Collector(model, options(TinyLm.HOOK)).reader();
                TokenBatch batch = new TokenBatch(
                        whole.runtime(),
                        new ModelInputs(model.graph()),
                        reader.next().subList(0, (int) TOKENS / TinyLm.CONTEXT));
                OrtSession.Result result = whole.run(batch.tensors(), Map.of())) {
            FloatBuffer loss = ((OnnxTensor) result.get("loss").orElseThrow()).getFloatBuffer();
            double sum = 0;
            for (int i = 0; i < loss.limit(); i++) {
                sum += loss.get(i);
            }
            return sum / loss.limit();
        }
    }

    /** In the residual stream, and in the middle of an MLP, past which the residual stream goes. */
    @ParameterizedTest
    @ValueSource(strings = {TinyLm.HOOK, "gelu"})
    void theIdentityInPlaceOfAnSaeLeavesTheModelAsItIs(String hook) {
        try (OnnxModel model = OnnxModel.open(TinyLm.MODEL);
                DownstreamEvaluator evaluator = DownstreamEvaluator.ofModel(model, options(hook), SILENT)) {
            DownstreamEvaluation.Loss loss =
                    loss(evaluator.evaluate(Map.of("identity", Splice.identity())), "identity");
            assertThat(loss.tokens()).isEqualTo(TOKENS);
            assertThat(loss.clean()).isCloseTo(unspliced(), within(1e-5));
            assertThat(loss.spliced()).isCloseTo(unspliced(), within(1e-5));
            assertThat(loss.recovered()).isCloseTo(1, within(1e-5));
            assertThat(loss.kl()).isCloseTo(0, within(1e-6));
            assertThat(loss.zeroAblated()).isGreaterThan(loss.clean() + 0.1);
            assertThat(evaluator.crossing()).hasSize(hook.equals("gelu") ? 1 : 0);
        }
    }

    @Test
    void severalSplicesAreMeasuredInOnePass() {
        try (OnnxModel model = OnnxModel.open(TinyLm.MODEL);
                DownstreamEvaluator evaluator = DownstreamEvaluator.ofModel(model, options(TinyLm.HOOK), SILENT)) {
            Map<String, Splice> splices = new LinkedHashMap<>();
            splices.put("zero", Splice.zero());
            splices.put("mean", Splice.constant(ActivationRows.mean(evaluator.activations())));
            splices.put("half", (activations, out) -> {
                for (long row = 0; row < out.rows(); row++) {
                    for (int i = 0; i < out.columns(); i++) {
                        out.set(row, i, activations.get(row, i) * 0.5f);
                    }
                }
            });
            Map<String, DownstreamEvaluation> results = evaluator.evaluate(splices);
            assertThat(results.keySet()).containsExactly("zero", "mean", "half");
            assertThat(evaluator.evaluate(splices)).isEqualTo(results);
            DownstreamEvaluation.Loss zero = loss(results, "zero");
            assertThat(zero.spliced()).isEqualTo(zero.zeroAblated());
            assertThat(zero.recovered()).isZero();
            DownstreamEvaluation.Loss mean = loss(results, "mean");
            assertThat(mean.spliced()).isEqualTo(mean.meanAblated());
            // A later layer norm undoes the scale of what is left alone, not the balance with what later blocks add.
            DownstreamEvaluation.Loss half = loss(results, "half");
            assertThat(half.spliced()).isBetween(half.clean(), half.meanAblated());
            assertThat(half.kl()).isPositive();
        }
    }

    @Test
    void theRestOfAModelAsAFileOfItsOwnMeasuresTheSame() throws IOException {
        Path data = folder.resolve("shards");
        Path rest = folder.resolve("rest.onnx");
        Map<String, Splice> splices = Map.of("zero", Splice.zero());
        try (OnnxModel model = OnnxModel.open(TinyLm.MODEL)) {
            CollectResult collected = new Collector(model, options(TinyLm.HOOK).withStorage(DType.F32, TOKENS, 200))
                    .collect(data, false, SILENT);
            assertThat(collected.shards()).isEqualTo(2);
            assertThat(model.saveSuffix(TinyLm.HOOK, rest)).isEmpty();
            DownstreamEvaluation.Loss expected;
            try (DownstreamEvaluator whole = DownstreamEvaluator.ofModel(model, options(TinyLm.HOOK), SILENT)) {
                expected = loss(whole.evaluate(splices), "zero");
            }
            try (OnnxModel opened = OnnxModel.open(rest);
                    DownstreamEvaluator evaluator =
                            DownstreamEvaluator.ofSuffix(opened, List.of(data), "activations", 1)) {
                DownstreamEvaluation.Loss loss = loss(evaluator.evaluate(splices), "zero");
                // Files are read in whole sequences.
                assertThat(loss.tokens()).isEqualTo(TOKENS);
                assertThat(loss.clean()).isCloseTo(expected.clean(), within(1e-6));
                assertThat(loss.spliced()).isCloseTo(expected.spliced(), within(1e-6));
                assertThat(loss.kl()).isCloseTo(expected.kl(), within(1e-6));
            }
        }
    }

    @Test
    void aSuffixThatNeedsMoreThanTheHookIsRefusedAndSaysWhat() throws IOException {
        Path data = folder.resolve("data.safetensors");
        Path rest = folder.resolve("rest.onnx");
        try (OnnxModel model = OnnxModel.open(TinyLm.MODEL)) {
            new Collector(model, options("gelu").withStorage(DType.F32, 64, 64)).collect(data, false, SILENT);
            assertThat(model.saveSuffix("gelu", rest)).containsExactly("add_108");
        }
        try (OnnxModel opened = OnnxModel.open(rest)) {
            assertThatThrownBy(() -> DownstreamEvaluator.ofSuffix(opened, List.of(data), "activations", 1))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("needs more than the hook", "add_108", "cross the cut", "--model");
        }
    }

    /** By hand: texts of "a b" and "c", special tokens as they are, the mean over a text's tokens. */
    @Test
    void aModelWithoutALanguageModelHeadIsMeasuredByItsEmbeddings() throws IOException {
        Path path = TinyEmbedder.write(folder);
        Path text = Files.writeString(folder.resolve("text.txt"), "a b\nc\n");
        try (OnnxModel model = OnnxModel.open(path);
                DownstreamEvaluator evaluator = DownstreamEvaluator.ofModel(
                        model, CollectOptions.of(TinyEmbedder.HOOK, List.of(text)), SILENT)) {
            Map<String, DownstreamEvaluation> results =
                    evaluator.evaluate(Map.of("identity", Splice.identity(), "doubled", (activations, out) -> {
                        for (long row = 0; row < out.rows(); row++) {
                            out.setRow(row, activations.get(row, 0) * 2, activations.get(row, 1) * 2);
                        }
                    }));
            DownstreamEvaluation.Embedding identity = Objects.requireNonNull(
                    Objects.requireNonNull(results.get("identity")).embedding());
            assertThat(identity.texts()).isEqualTo(2);
            assertThat(identity.spliced()).isCloseTo(0, within(1e-12));
            assertThat(identity.recovered()).isCloseTo(1, within(1e-12));
            double ab = distance(new int[] {0, 1, 2, 4}, 1, 0);
            double c = distance(new int[] {0, 3, 4}, 1, 0);
            assertThat(identity.zeroAblated()).isCloseTo((ab + c) / 2, within(1e-7));
            DownstreamEvaluation.Embedding doubled = Objects.requireNonNull(
                    Objects.requireNonNull(results.get("doubled")).embedding());
            assertThat(doubled.spliced())
                    .isCloseTo(
                            (distance(new int[] {0, 1, 2, 4}, 1, 2) + distance(new int[] {0, 3, 4}, 1, 2)) / 2,
                            within(1e-7));
        }
    }

    /** 1 - cos of the mean states with the words' hidden vectors times {@code before} and times {@code after}. */
    private static double distance(int[] tokens, float before, float after) {
        double[] a = state(tokens, before);
        double[] b = state(tokens, after);
        return 1 - (a[0] * b[0] + a[1] * b[1]) / Math.sqrt((a[0] * a[0] + a[1] * a[1]) * (b[0] * b[0] + b[1] * b[1]));
    }

    private static double[] state(int[] tokens, float scale) {
        double[] state = new double[2];
        for (int token : tokens) {
            boolean special = token == 0 || token == 4;
            for (int i = 0; i < 2; i++) {
                float looked = TinyEmbedder.table(token, i);
                state[i] += (looked + 0.5f) * (special ? 1 : scale) + looked;
            }
        }
        return state;
    }

    @Test
    void activationsAreThereToBeEvaluatedOn() {
        try (OnnxModel model = OnnxModel.open(TinyLm.MODEL);
                DownstreamEvaluator evaluator = DownstreamEvaluator.ofModel(model, options(TinyLm.HOOK), SILENT)) {
            assertThat(evaluator.activations().rows()).isEqualTo(TOKENS);
            assertThat(evaluator.activations().width()).isEqualTo(TinyLm.WIDTH);
            Matrix row = Matrix.of(Arena.ofAuto().allocate(4L * TinyLm.WIDTH), DType.F32, 1, TinyLm.WIDTH);
            evaluator.activations().read(0, 1, row);
            assertThat(row.toArray(0)).isNotEqualTo(new float[TinyLm.WIDTH]);
        }
    }
}
