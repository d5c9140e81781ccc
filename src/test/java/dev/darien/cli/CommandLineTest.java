// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.data.DataException;
import dev.darien.device.DeviceException;
import dev.darien.device.DeviceUnavailableException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CommandLineTest {

    @ParameterizedTest
    @ValueSource(
            strings = {
                "demo",
                "devices",
                "train",
                "evaluate",
                "encode",
                "decode",
                "convert",
                "collect",
                "inspect",
                "prune",
                "reproduce",
                "bench"
            })
    void everyCommandExplainsItself(String command) {
        Darien.Outcome help = Darien.run(command, "--help").succeeded();

        assertThat(help.out()).startsWith("Usage: darien " + command).contains("--json", "-h, --help");
        assertThat(help.err()).isEmpty();
    }

    @Test
    void helpListsEveryCommand() {
        assertThat(Darien.run("--help").succeeded().out())
                .contains(
                        "demo",
                        "devices",
                        "train",
                        "evaluate",
                        "encode",
                        "decode",
                        "convert",
                        "collect",
                        "inspect",
                        "prune",
                        "reproduce",
                        "130 interrupted");
    }

    @Test
    void versionNamesDarienAndJava() {
        assertThat(Darien.run("--version").succeeded().out()).matches("darien \\S+ \\(Java 2.+\\)\\R");
    }

    @Test
    void noCommandIsWrongUsageAndShowsHelpOnStandardError() {
        Darien.Outcome nothing = Darien.run();

        assertThat(nothing.status()).isEqualTo(2);
        assertThat(nothing.out()).isEmpty();
        assertThat(nothing.err()).contains("Usage: darien");
    }

    @ParameterizedTest
    @CsvSource({"trian, train", "eval, evaluate", "device, devices", "insect, inspect"})
    void anUnknownCommandNamesTheNearest(String typed, String meant) {
        Darien.run(typed).refused("'" + typed + "'", "did you mean '" + meant + "'?");
    }

    @Test
    void anUnknownOptionNamesTheNearest() {
        Darien.run("train", "x.npy", "--out", "y", "--latent", "3").refused("'--latent'", "did you mean '--latents'?");
        Darien.run("train", "x.npy", "--out", "y", "--frobnicate").refused("'--frobnicate'", "darien train --help");
    }

    @Test
    void devicesListsWhatThereIsAndMarksTheChosenOne() {
        Map<String, Object> devices = Darien.run("devices", "--json").json();

        assertThat(devices).containsKeys("simd_bits", "threads", "java", "darien");
        assertThat((List<?>) devices.get("devices"))
                .hasSizeGreaterThanOrEqualTo(2)
                .allSatisfy(device ->
                        assertThat(RunRecord.object(device)).containsOnlyKeys("name", "available", "chosen", "detail"));
        assertThat((List<?>) devices.get("devices"))
                .filteredOn(
                        device -> Boolean.TRUE.equals(RunRecord.object(device).get("chosen")))
                .hasSize(1);
        assertThat(Darien.run("devices").succeeded().out()).contains("cpu:scalar", "*");
    }

    @Test
    void aDeviceThatCantBeHadIsStatusThree() {
        Darien.Outcome outcome = Darien.train(Darien.DATA, java.nio.file.Path.of("never"), "--device", "cuda:77");

        assertThat(outcome.status()).isEqualTo(3);
        assertThat(outcome.err()).contains("cuda:77").doesNotContain("Exception");
        assertThat(java.nio.file.Path.of("never")).doesNotExist();
    }

    @Test
    void everyFailureIsOneLineWithItsStatus() {
        assertThat(report(new DataException("bad"))).isEqualTo("2 darien: bad\n");
        assertThat(report(new UsageException("bad"))).isEqualTo("2 darien: bad\n");
        assertThat(report(new DeviceUnavailableException("one;\n  two"))).isEqualTo("3 darien: one;; two\n");
        assertThat(report(new InterruptedCommandException("stopped"))).isEqualTo("130 darien: stopped\n");
        assertThat(report(new DeviceException("cuda:0", "cuMemcpyDtoH", "CUDA_ERROR_UNKNOWN", "x F32[1, 2]", false)))
                .isEqualTo("1 darien: cuda:0 failed: cuMemcpyDtoH (x F32[1, 2]) answered CUDA_ERROR_UNKNOWN\n");
        assertThat(report(new OutOfMemoryError("9 GB"))).startsWith("1 darien: out of memory: 9 GB");
        assertThat(report(new IllegalStateException("broken")))
                .isEqualTo("1 darien: unexpected error: IllegalStateException: broken (DARIEN_DEBUG=1 shows where)\n");
    }

    private static String report(Throwable failure) {
        StringWriter err = new StringWriter();
        PrintWriter writer = new PrintWriter(err, true);
        int status = Failures.report(new Console(writer, writer, false), failure);
        return status + " " + err.toString().replace("\r", "");
    }

    @ParameterizedTest
    @CsvSource({"topkk, topk", "jumpreluu, jumprelu", "batchtop, batchtopk", "Rleu, relu"})
    void theNearestWordIsTheOneWithTheFewestEdits(String typed, String meant) {
        assertThat(Suggestions.nearest(typed, List.of("relu", "topk", "batchtopk", "jumprelu")))
                .contains(meant);
    }

    @Test
    void aWordThatIsNothingLikeAnyHasNoSuggestion() {
        assertThat(Suggestions.nearest("frobnicate", List.of("relu", "topk"))).isEmpty();
        assertThat(Suggestions.hint("frobnicate", List.of("relu", "topk"))).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"topk, topk, 0", "topk, tokp, 1", "topk, top, 1", "relu, jumprelu, 4", "'', abc, 3"})
    void editsAreCountedWithExchangesOfNeighbours(String a, String b, int edits) {
        assertThat(Suggestions.distance(a, b)).isEqualTo(edits);
        assertThat(Suggestions.distance(b, a)).isEqualTo(edits);
    }
}
