// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.data.DataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OnnxModelTest {
    @TempDir
    private Path folder;

    @Test
    void aModelSaysWhatItTakesAndReturns() {
        try (OnnxModel model = OnnxModel.open(TinyLm.MODEL)) {
            assertThat(model.inputs())
                    .containsExactly(
                            new ModelTensor("tokens", "I64", List.of("batch", "64"), "", 0),
                            new ModelTensor("targets", "I64", List.of("batch", "64"), "", 0));
            assertThat(model.outputs()).extracting(ModelTensor::name).containsExactly("logits", "loss");
            assertThat(model.parameters()).isBetween(818_000L, 850_000L);
            assertThat(model.vocabulary("tokens")).hasValue(TinyLm.CHARACTERS);
            assertThat(model.vocabulary("targets")).isEmpty();
        }
    }

    @Test
    void theResidualStreamIsAmongItsHooksWithNothingGoingPastIt() {
        try (OnnxModel model = OnnxModel.open(TinyLm.MODEL)) {
            assertThat(model.hooks())
                    .contains(
                            new ModelTensor("residual", "F32", List.of("sequences", "tokens", "128"), "Add", 0),
                            new ModelTensor("gelu", "F32", List.of("sequences", "tokens", "512"), "Gelu", 1))
                    .extracting(ModelTensor::name)
                    .doesNotContain("tokens", "loss");
        }
    }

    @Test
    void modelsAreToldFromOtherFiles() {
        assertThat(OnnxModel.isModel(TinyLm.MODEL)).isTrue();
        assertThat(OnnxModel.isModel(Path.of("samples", "tiny-lm.safetensors"))).isFalse();
        assertThat(OnnxModel.isModel(TinyLm.TEXT)).isFalse();
        assertThat(OnnxModel.isModel(folder.resolve("absent"))).isFalse();
    }

    @Test
    void whatIsNoModelIsRefusedInOneSentence() throws IOException {
        Path text = Files.writeString(folder.resolve("text.onnx"), "To be, or not to be\n".repeat(20));
        assertThatThrownBy(() -> OnnxModel.open(text))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("text.onnx")
                .hasMessageNotContaining("\n");
        Path empty = Files.write(folder.resolve("version.onnx"), new byte[] {8, 9});
        assertThatThrownBy(() -> OnnxModel.open(empty))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("holds no ONNX graph");
    }

    @Test
    void aTruncatedModelIsRefused() throws IOException {
        byte[] whole = Files.readAllBytes(TinyLm.MODEL);
        Path cut = folder.resolve("cut.onnx");
        for (int length : new int[] {1, 2, 100, 5000, whole.length / 2, whole.length - 1}) {
            Files.write(cut, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> OnnxModel.open(cut)).as("%d bytes", length).isInstanceOf(DataException.class);
        }
    }

    /** Opening only looks at the structure: whatever is changed there, it is read or refused, and nothing else. */
    @Test
    void aDamagedModelIsReadOrRefused() throws IOException {
        byte[] whole = Files.readAllBytes(TinyLm.MODEL);
        Path damaged = folder.resolve("damaged.onnx");
        long seed = 20261128;
        Random random = new Random(seed);
        for (int trial = 0; trial < 20; trial++) {
            byte[] bytes = whole.clone();
            for (int i = 0; i < 8; i++) {
                // The operations come first, then the weights, of which any bytes will do.
                bytes[random.nextInt(20_000)] = (byte) random.nextInt(256);
            }
            Files.write(damaged, bytes);
            assertThatCode(() -> {
                        try (OnnxModel model = OnnxModel.open(damaged)) {
                            model.outputs();
                        } catch (DataException refused) {
                            assertThat(refused).hasMessageContaining("damaged.onnx");
                        }
                    })
                    .as("seed %d, trial %d", seed, trial)
                    .doesNotThrowAnyException();
        }
    }
}
