// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.JsonFile;
import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import dev.darien.memory.DType;
import dev.darien.train.Recipe;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("device")
class BenchTest {
    private static final BenchEffort LEAST = new BenchEffort(1, 0.001, 0.001, 0.001);

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final Console console = new Console(new PrintWriter(out, true), new PrintWriter(err, true), false);

    static List<String> devices() {
        return TestDevices.all();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void everyFigureOfEverySizeIsThereAndPositive(String name) {
        List<BenchSize> sizes = List.of(new BenchSize(8, 32, 16, 4), new BenchSize(7, 33, 17, 3));
        try (Device device = Device.open(name)) {
            Map<String, Object> result = new BenchCommand(console).measure(device, sizes, DType.F16, LEAST);

            assertThat(result).containsOnlyKeys("machine", "rounds", "sizes");
            assertThat(RunRecord.object(result.get("machine")))
                    .containsEntry("device", name)
                    .containsKeys("kernels", "threads", "fma_gflops", "copy_gb_per_s", "java");
            boolean hasPeaks = device.measurePeaks() != null;
            List<?> measured = (List<?>) result.get("sizes");
            assertThat(measured).hasSize(2);
            for (Object one : measured) {
                Map<String, Object> figures = RunRecord.object(one);
                assertThat(figures)
                        .containsKeys(
                                "d",
                                "latents",
                                "batch",
                                "k",
                                "gemm_gflops",
                                "gemm_share",
                                "tokens_per_second",
                                "fed_share",
                                "step_memory_share");
                figures.forEach((key, value) -> {
                    boolean ofPeak = key.endsWith("_share") || key.startsWith("limit");
                    boolean mayBeLess =
                            key.endsWith("_spread") || key.startsWith("selection") || key.startsWith("outside");
                    if (!mayBeLess && (!ofPeak || hasPeaks)) {
                        assertThat(((Number) value).doubleValue())
                                .as(key)
                                .isPositive()
                                .isFinite();
                    }
                });
            }
            // One line of JSON, and a table for people.
            assertThat(JsonFile.parse(JsonFile.line(result), "bench")).containsOnlyKeys("machine", "rounds", "sizes");
            assertThat(BenchCommand.text(result))
                    .contains("d=8 F=32 B=16 k=4", "tokens/s")
                    .doesNotContain("NaN");
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void methodsAreComparedAtTheSameL0(String name) {
        BenchSize size = new BenchSize(16, 64, 32, 8);
        try (Device device = Device.open(name)) {
            List<BenchMethods.Method> chosen = BenchMethods.ALL.stream()
                    .filter(method -> List.of("batchtopk", "jumprelu", "relu").contains(method.name()))
                    .toList();
            Map<String, Object> result = new BenchCommand(console).compareMethods(device, List.of(size), LEAST, chosen);

            Map<String, Object> figures = RunRecord.object(((List<?>) result.get("sizes")).getFirst());
            List<?> methods = (List<?>) figures.get("methods");
            assertThat(methods).hasSize(3).allSatisfy(one -> {
                Map<String, Object> method = RunRecord.object(one);
                assertThat((double) method.get("l0")).isBetween(6.0, 10.0);
                assertThat((double) method.get("codes_per_row")).isGreaterThanOrEqualTo((double) method.get("l0"));
                assertThat((double) method.get("step_ms")).isNotNegative();
                assertThat(RunRecord.object(method.get("kernels_ms"))).containsKeys("reconstruct", "pack");
            });
            // JumpReLU's window holds codes that aren't active.
            Map<String, Object> jumpRelu = methods.stream()
                    .map(RunRecord::object)
                    .filter(method -> "jumprelu".equals(method.get("method")))
                    .findFirst()
                    .orElseThrow();
            assertThat((double) jumpRelu.get("codes_per_row")).isGreaterThan((double) jumpRelu.get("l0"));
            assertThat((List<?>) figures.get("selections")).hasSize(5);
            assertThat(BenchCommand.methodsText(result)).contains("d=16 F=64 B=32 k=8", "jumprelu", "feature-choice");
        }
    }

    @Test
    void timeAndMemoryGrowWithTheSize() {
        try (Device device = Device.open("cpu:vector")) {
            List<BenchScale.Axis> axes = List.of(new BenchScale.Axis(
                    "F",
                    List.of(new BenchSize(64, 1024, 32, 4), new BenchSize(64, 8192, 32, 4)),
                    size -> size.latents()));
            Map<String, Object> result = new BenchCommand(console).scale(device, LEAST, axes);

            Map<String, Object> axis = RunRecord.object(((List<?>) result.get("axes")).getFirst());
            assertThat((List<?>) axis.get("points")).hasSize(2);
            // Eight times the weights, and what doesn't grow with them.
            assertThat((double) axis.get("memory_exponent")).isBetween(0.5, 1.05);
            assertThat((double) axis.get("time_exponent")).isFinite();
            assertThat(BenchCommand.scaleText(result)).contains("d=64 B=32 k=4", "memory ~ F^");
        }
        assertThat(BenchScale.axes(128, false).getFirst().sizes().getLast().latents())
                .isEqualTo(1 << 18);
    }

    @Test
    void theTimeOfARunIsEstimatedFromItsSteps() {
        try (Device device = Device.open("cpu:vector")) {
            Map<String, Object> result = new BenchCommand(console)
                    .estimate(device, new BenchSize(16, 64, 32, 4), "jumprelu", 3_210, DType.F32, LEAST);

            Map<String, Object> estimate = RunRecord.object(result.get("estimate"));
            assertThat(estimate).containsEntry("steps", 100L).containsEntry("tokens", 3_210L);
            assertThat((double) estimate.get("estimated_seconds"))
                    .isCloseTo(100 * (double) estimate.get("step_ms") / 1e3, within(1e-9));
            assertThat((double) estimate.get("memory_mb")).isPositive();
            assertThat(BenchEstimate.text(result)).contains("100 steps", "Estimated time: 0:0", "What bounds it");
        }
    }

    @Test
    void anUnknownArchitectureIsRefusedInOneLine() {
        int status = Main.run(
                console,
                Interruption.none(),
                "bench",
                "--d",
                "8",
                "--latents",
                "16",
                "--k",
                "2",
                "--tokens",
                "9000",
                "--arch",
                "nothing");

        assertThat(status).isEqualTo(2);
        assertThat(err.toString()).contains("unknown architecture 'nothing'");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void everyArchitectureIsCompared() {
        assertThat(BenchMethods.ALL)
                .extracting(BenchMethods.Method::architecture)
                .contains("topk", "gradient-topk", "feature-choice", "matryoshka", "matching-pursuit", "jumprelu")
                .isSubsetOf(Recipe.ARCHITECTURES);
    }

    @Test
    void peaksOfTheVectorDeviceAreThoseOfSomeComputer() {
        try (Device device = Device.open("cpu:vector")) {
            assertThat(BenchPeaks.of(device).fmaGflops()).isBetween(0.01, 1e6);
            assertThat(BenchPeaks.of(device).copyGigabytesPerSecond()).isBetween(0.01, 1e5);
        }
    }

    @Test
    void aFigureIsTheMedianOfItsRounds() {
        BenchRounds odd = BenchRounds.of(3, 10, 5);
        BenchRounds even = BenchRounds.of(1, 2, 3, 4);

        assertThat(odd.median()).isEqualTo(5);
        assertThat(odd.best()).isEqualTo(10);
        assertThat(odd.spread()).isEqualTo(7 / 5.0, within(1e-15));
        assertThat(even.median()).isEqualTo(2.5);
    }

    @Test
    void anImpossibleSizeIsRefusedInOneLine() {
        int status = Main.run(console, Interruption.none(), "bench", "--d", "8", "--latents", "16", "--k", "17");

        assertThat(status).isEqualTo(2);
        assertThat(err.toString()).contains("--k at most --latents").hasLineCount(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-1", "0", "1001"})
    void anImpossibleNumberOfRoundsIsRefusedInOneLine(String rounds) {
        int status = Main.run(console, Interruption.none(), "bench", "--rounds", rounds);

        assertThat(status).isEqualTo(2);
        assertThat(err.toString()).contains("--rounds").hasLineCount(1);
        assertThat(out.toString()).isEmpty();
    }
}
