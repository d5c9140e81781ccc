// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataException;
import dev.darien.data.SafetensorsFile;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CollectorTest {
    private static final CollectListener SILENT = (tokens, share, seconds) -> true;
    private static final CollectOptions OPTIONS = CollectOptions.of(TinyLm.HOOK, List.of(TinyLm.TEXT));

    @TempDir
    private Path folder;

    private CollectResult collect(Path model, CollectOptions options, Path out, boolean resume) {
        try (OnnxModel opened = OnnxModel.open(model)) {
            return new Collector(opened, options).collect(out, resume, SILENT);
        }
    }

    private CollectResult collect(CollectOptions options, Path out) {
        return collect(TinyLm.MODEL, options, out, false);
    }

    private Path embedder(String text) throws IOException {
        Path model = TinyEmbedder.write(folder);
        Files.writeString(folder.resolve("text.txt"), text);
        return model;
    }

    private CollectOptions embedderOptions() {
        return CollectOptions.of(TinyEmbedder.HOOK, List.of(folder.resolve("text.txt")));
    }

    /** The activations that PyTorch got from the same model are among the samples, in half precision. */
    @Test
    void activationsAreThoseOfTheFrameworkThatTheModelComesFrom() {
        Path out = folder.resolve("a.safetensors");
        CollectResult result = collect(OPTIONS, out);

        assertThat(result.tokens()).isEqualTo(256 * 64);
        assertThat(result.context()).isEqualTo(64);
        try (ActivationSource ours = ActivationSources.open(List.of(out), "activations");
                SafetensorsFile theirs = SafetensorsFile.open(Path.of("samples", "tiny-lm-heldout.safetensors"))) {
            Matrix expected = theirs.matrix("activations");
            Matrix row = matrix(1, TinyLm.WIDTH);
            for (long token = 0; token < expected.rows(); token++) {
                ours.read(token, 1, row);
                assertThat(row.toArray(0))
                        .as("token %d", token)
                        .containsExactly(expected.toArray(token), within(0.02f));
            }
        }
        assertThat(Files.exists(folder.resolve(".a.safetensors.parts"))).isFalse();
    }

    private static Matrix matrix(long rows, int width) {
        return Matrix.of(Arena.ofAuto().allocate(rows * width * Float.BYTES), DType.F32, rows, width);
    }

    @Test
    void tokensAndTargetsAreTheTextsCharacters() throws IOException {
        Path out = folder.resolve("a.safetensors");
        collect(OPTIONS.withStorage(DType.F32, 1000, 4096), out);
        String text = Files.readString(TinyLm.TEXT);
        List<String> characters = TokenizerFile.open(TinyLm.TOKENIZER).tokens();
        try (SafetensorsFile file = SafetensorsFile.open(out)) {
            assertThat(file.metadata())
                    .containsEntry("context", "64")
                    .containsEntry("hook", "residual")
                    .containsEntry("model", "tiny-lm.onnx");
            assertThat(file.tensor("tokens").shape()).containsExactly(1000L);
            for (int i = 0; i < 1000; i++) {
                assertThat(characters.get((int) file.matrix("tokens").getLong(0, i)))
                        .isEqualTo(text.substring(i, i + 1));
                assertThat(characters.get((int) file.matrix("targets").getLong(0, i)))
                        .isEqualTo(text.substring(i + 1, i + 2));
                assertThat(file.matrix("sequences").getLong(0, i)).isEqualTo(i / 64);
            }
        }
    }

    @Test
    void anyNumberOfThreadsWritesTheSameBytes() throws IOException {
        Path one = folder.resolve("one");
        Path three = folder.resolve("three");
        CollectOptions options = OPTIONS.withStorage(DType.F16, 5000, 2000);
        collect(options.withBatch(8, 1), one);
        CollectResult result = collect(options.withBatch(8, 3), three);
        assertThat(result.shards()).isEqualTo(3);
        for (int shard = 0; shard < 3; shard++) {
            String name = "shard-0000" + shard + ".safetensors";
            assertThat(three.resolve(name)).hasSameBinaryContentAs(one.resolve(name));
        }
    }

    @Test
    void aStoppedCollectionGoesOnAsIfNothingHadBeen() throws IOException {
        CollectOptions options = OPTIONS.withStorage(DType.F32, 6000, 1000);
        Path whole = folder.resolve("whole.safetensors");
        collect(options, whole);

        Path out = folder.resolve("out.safetensors");
        try (OnnxModel model = OnnxModel.open(TinyLm.MODEL)) {
            CollectResult stopped =
                    new Collector(model, options).collect(out, false, (tokens, share, seconds) -> tokens < 2500);
            assertThat(stopped.finished()).isFalse();
            assertThat(stopped.tokens()).isBetween(1000L, 5000L);
            assertThat(out).doesNotExist();
        }
        CollectResult rest = collect(TinyLm.MODEL, options, out, true);
        assertThat(rest.tokens()).isEqualTo(6000);
        assertThat(rest.newTokens()).isLessThan(6000);
        assertThat(out).hasSameBinaryContentAs(whole);
    }

    @Test
    void aDamagedShardIsCollectedAgain() throws IOException {
        CollectOptions options = OPTIONS.withStorage(DType.F32, 4000, 1000);
        Path out = folder.resolve("out");
        collect(options, out);
        byte[] last = Files.readAllBytes(out.resolve("shard-00002.safetensors"));
        Files.write(out.resolve("shard-00002.safetensors"), Arrays.copyOf(last, 100));
        Files.writeString(
                out.resolve("collect.json"),
                Files.readString(out.resolve("collect.json")).replace("\"finished\" : true", "\"finished\" : false"));

        CollectResult again = collect(TinyLm.MODEL, options, out, true);
        assertThat(again.tokens()).isEqualTo(4000);
        assertThat(out.resolve("shard-00002.safetensors")).hasBinaryContent(last);
    }

    @Test
    void goingOnWithSomethingElseIsRefused() {
        Path out = folder.resolve("out");
        collect(OPTIONS.withStorage(DType.F32, 200, 100), out);
        assertThatThrownBy(() -> collect(TinyLm.MODEL, OPTIONS.withStorage(DType.F16, 200, 100), out, true))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("holds a collection with dtype F32, not F16");
        assertThat(collect(TinyLm.MODEL, OPTIONS.withStorage(DType.F32, 200, 100), out, true)
                        .newTokens())
                .isZero();
    }

    /** The gradient says how the loss changes with each activation. */
    @Test
    void gradientsAreThoseOfTheLoss() {
        Path out = folder.resolve("g.safetensors");
        collect(OPTIONS.withStorage(DType.F32, 64, 64).withGradients(TinyLm.GRADIENT), out);
        float step = 0.02f;
        try (SafetensorsFile file = SafetensorsFile.open(out);
                OnnxModel model = OnnxModel.open(TinyLm.MODEL);
                DownstreamEvaluator evaluator =
                        DownstreamEvaluator.ofModel(model, OPTIONS.withStorage(DType.F32, 64, 64), SILENT)) {
            Matrix gradients = file.matrix("gradients");
            assertThat(gradients.shape()).isEqualTo("F32[64, 128]");
            for (int[] at : new int[][] {{0, 0}, {5, 100}, {30, 7}, {63, 64}}) {
                double slope = (loss(evaluator, at, step) - loss(evaluator, at, -step)) * 64 / (2 * step);
                assertThat(slope)
                        .as("token %d, channel %d", at[0], at[1])
                        .isCloseTo(gradients.get(at[0], at[1]), within(2e-3));
            }
        }
    }

    private static double loss(DownstreamEvaluator evaluator, int[] at, float change) {
        Splice shifted = (activations, out) -> {
            out.copyFrom(activations);
            out.set(at[0], at[1], activations.get(at[0], at[1]) + change);
        };
        DownstreamEvaluation.Loss loss =
                evaluator.evaluate(Map.of("shifted", shifted)).get("shifted").loss();
        return loss == null ? Double.NaN : loss.spliced();
    }

    @Test
    void eachLineIsATextAndSpecialTokensAreLeftOut() throws IOException {
        Path model = embedder("a b\n\n  \nc a a c\nb");
        Path out = folder.resolve("out.safetensors");
        CollectResult result = collect(model, embedderOptions(), out, false);
        assertThat(result.tokens()).isEqualTo(7);
        assertThat(result.sequences()).isEqualTo(3);
        try (SafetensorsFile file = SafetensorsFile.open(out)) {
            assertThat(numbers(file, "tokens")).containsExactly(1, 2, 3, 1, 1, 3, 2);
            // The separator follows the last word.
            assertThat(numbers(file, "targets")).containsExactly(2, 4, 1, 1, 3, 4, 4);
            assertThat(numbers(file, "sequences")).containsExactly(0, 0, 3, 3, 3, 3, 4);
            int[] tokens = numbers(file, "tokens");
            for (int row = 0; row < tokens.length; row++) {
                assertThat(file.matrix("activations").toArray(row))
                        .containsExactly(
                                TinyEmbedder.table(tokens[row], 0) + 0.5f, TinyEmbedder.table(tokens[row], 1) + 0.5f);
            }
        }
    }

    /** Large models keep their weights beside them. */
    @Test
    void weightsInAFileOfTheirOwnAreFound() throws IOException {
        Path one = folder.resolve("one.safetensors");
        Path two = folder.resolve("two.safetensors");
        Path model = embedder("a b\nc a a c\nb");
        collect(model, embedderOptions(), one, false);
        collect(TinyEmbedder.write(folder, true), embedderOptions(), two, false);
        assertThat(two).hasSameBinaryContentAs(one);
    }

    @Test
    void specialTokensComeAlongWhenAskedForAndLongTextsAreCut() throws IOException {
        Path model = embedder("a b c a b c a b c\n");
        Path out = folder.resolve("out.safetensors");
        CollectResult result = collect(model, embedderOptions().withSequences(0, 5, true), out, false);
        assertThat(result.truncated()).isEqualTo(1);
        try (SafetensorsFile file = SafetensorsFile.open(out)) {
            assertThat(numbers(file, "tokens")).containsExactly(0, 1, 2, 3, 4);
        }
    }

    private static int[] numbers(SafetensorsFile file, String tensor) {
        Matrix matrix = file.matrix(tensor);
        int[] numbers = new int[matrix.columns()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (int) matrix.getLong(0, i);
        }
        return numbers;
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16"})
    void halvesAreTheRoundedActivations(DType dtype) {
        Path full = folder.resolve("full.safetensors");
        Path half = folder.resolve("half.safetensors");
        collect(OPTIONS.withStorage(DType.F32, 64, 64), full);
        collect(OPTIONS.withStorage(dtype, 64, 64), half);
        try (SafetensorsFile a = SafetensorsFile.open(full);
                SafetensorsFile b = SafetensorsFile.open(half)) {
            assertThat(b.tensor("activations").dtype()).isEqualTo(dtype.name());
            Matrix rounded = Matrix.of(Arena.ofAuto().allocate(64L * TinyLm.WIDTH * 2), dtype, 64, TinyLm.WIDTH);
            for (int row = 0; row < 64; row++) {
                rounded.setRow(row, a.matrix("activations").toArray(row));
                assertThat(b.matrix("activations").toArray(row)).containsExactly(rounded.toArray(row));
            }
        }
    }

    @Test
    void textWithoutTokensIsRefusedAndLeavesNothing() throws IOException {
        Path model = embedder(" \n\n");
        Path out = folder.resolve("out");
        assertThatThrownBy(() -> collect(model, embedderOptions(), out, false))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("text.txt has no text with tokens");
        assertThat(out).doesNotExist();
        Path few = Files.writeString(folder.resolve("few.txt"), "To be");
        assertThatThrownBy(() -> collect(CollectOptions.of(TinyLm.HOOK, List.of(few)), out))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("not even the 65 of one sequence");
    }

    @Test
    void aTokenizerOfAnotherModelIsRefused() throws IOException {
        embedder("a");
        CollectOptions other = OPTIONS.withTokenizer(folder.resolve("tokenizer.json"));
        assertThatThrownBy(() -> collect(other, folder.resolve("out")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("tokenizer.json has 6 tokens", "table of tokens has 65 rows");
    }

    @Test
    void whatCantBeCollectedIsRefused() throws IOException {
        assertThatThrownBy(() -> collect(CollectOptions.of("logit", List.of(TinyLm.TEXT)), folder.resolve("out")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("nearest: logits");
        assertThatThrownBy(() -> collect(CollectOptions.of("loss", List.of(TinyLm.TEXT)), folder.resolve("out")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("but activations are F32 [sequences, tokens, width]");
        assertThatThrownBy(() -> collect(OPTIONS.withSequences(32, 0, false), folder.resolve("out")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("only takes sequences of 64 tokens, not 32");
        Path latin = Files.write(folder.resolve("latin.txt"), new byte[] {'a', (byte) 0xE9, 'b', '\n'});
        assertThatThrownBy(() -> collect(CollectOptions.of(TinyLm.HOOK, List.of(latin)), folder.resolve("out")))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("latin.txt isn't text in UTF-8");
        assertThat(folder.resolve("out")).doesNotExist();
    }
}
