// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectModelTest {
    private static final Path MODEL = Path.of("samples", "tiny-lm.onnx");

    @TempDir
    private Path folder;

    @Test
    void aModelIsListedWithItsHooks() {
        Map<String, Object> found = Darien.run("inspect", MODEL, "--json").json();
        assertThat(found).containsEntry("kind", "ONNX model").containsKeys("parameters", "inputs", "outputs");
        assertThat((List<?>) found.get("hooks")).anySatisfy(hook -> assertThat(RunRecord.object(hook))
                .containsEntry("name", "residual")
                .containsEntry("crossing", 0));
        assertThat(Darien.run("inspect", MODEL).succeeded().out())
                .contains("tensors for --hook", "\nresidual ", "[sequences, tokens, 128]");
    }

    /** A part of a model can be looked at, though no text can be run through it. */
    @Test
    void aModelThatTakesNoTextIsStillListed() {
        assertThat(Darien.run("inspect", Path.of("samples", "tiny-lm-gradient.onnx"))
                        .succeeded()
                        .out())
                .contains("it can't be used: ", "has the input 'residual'", "gradient ");
    }

    /** As the class path of the other tests of processes has it: without ONNX Runtime. */
    @Test
    void withoutOnnxRuntimeItSaysSoAndListsTheRest() throws Exception {
        Darien.Outcome outcome = Darien.spawn(folder, "inspect", MODEL.toAbsolutePath());
        assertThat(outcome.status()).as(outcome.err()).isZero();
        assertThat(outcome.out())
                .contains("ONNX Runtime isn't there", "com.microsoft.onnxruntime:onnxruntime", "logits ");
        assertThat(outcome.err()).isEmpty();
    }

    @Test
    void whatIsNoModelIsRefused() throws IOException {
        Path file = Files.writeString(folder.resolve("a.onnx"), "not a model");
        Darien.run("inspect", file).refused("a.onnx", "ONNX");
    }
}
