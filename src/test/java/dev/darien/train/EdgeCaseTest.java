// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.JsonFile;
import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.TestDevices;
import dev.darien.eval.Evaluation;
import dev.darien.eval.Evaluator;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Sae;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Data and sizes at the edge of what makes sense, for every architecture and preset that there is: training, saving,
 * loading, encoding and evaluating end with finite numbers, and with about the same ones on every device.
 */
@Tag("device")
class EdgeCaseTest {
    private static final int STEPS = 5;
    private static final int ROWS = 45;
    private static final int WIDTH = 7;
    private static final int LATENTS = 13;

    /** What the scalar device comes to, by architecture and preset. */
    private static final Map<String, Map<Scenario, Double>> REFERENCES = new ConcurrentHashMap<>();

    private enum Scenario {
        NO_MULTIPLES(sums(ROWS, WIDTH, 1), LATENTS, 3),
        EQUAL_ROWS(equalRows(0.3f), LATENTS, 3),
        ZEROS(equalRows(0), LATENTS, 3),
        ONE_ROW(sums(1, WIDTH, 1), LATENTS, 3),
        ONE_LATENT(sums(ROWS, WIDTH, 1), 1, 1),
        ONE_COLUMN(sums(ROWS, 1, 1), LATENTS, 3),
        ONE_OF_EACH(sums(1, 1, 1), 1, 1),
        ALL_LATENTS(sums(ROWS, WIDTH, 1), LATENTS, LATENTS),
        ONE_ACTIVE(sums(ROWS, WIDTH, 1), LATENTS, 1),
        DENORMAL(sums(ROWS, WIDTH, 1e-40), LATENTS, 3),
        TINY(sums(ROWS, WIDTH, 1e-20), LATENTS, 3),
        LARGE(sums(ROWS, WIDTH, 1e15), LATENTS, 3),
        HUGE(sums(ROWS, WIDTH, 1e37), LATENTS, 3);

        private final float[][] data;
        private final int latents;
        private final int k;

        Scenario(float[][] data, int latents, int k) {
            this.data = data;
            this.latents = latents;
            this.k = k;
        }

        private static float[][] sums(int rows, int width, double scale) {
            float[][] data = ArraySource.sparseSums(rows, width, 20, 3, 5);
            for (float[] row : data) {
                for (int column = 0; column < width; column++) {
                    row[column] = (float) (row[column] * scale);
                }
            }
            return data;
        }

        private static float[][] equalRows(float value) {
            float[] row = new float[WIDTH];
            for (int column = 0; column < WIDTH; column++) {
                row[column] = value * (1 + column);
            }
            float[][] data = new float[ROWS][];
            Arrays.fill(data, row);
            return data;
        }

        double meanSquare() {
            double sum = 0;
            for (float[] row : data) {
                for (float value : row) {
                    sum += (double) value * value;
                }
            }
            return sum / data.length;
        }

        Recipe recipe(String architecture, Preset preset) {
            int batch = Math.min(11, data.length);
            Recipe recipe = Recipe.of(architecture)
                    .preset(preset)
                    .latents(latents)
                    .batch(batch)
                    .tokens((long) STEPS * batch)
                    .seed(3);
            if (architecture.equals("matryoshka")) {
                recipe.groups(latents == 1 ? List.of(1) : List.of(1, latents - 1));
            }
            return Recipe.hasK(architecture) ? recipe.k(k) : recipe.targetL0(k);
        }
    }

    static Stream<Arguments> architectures() {
        return TestDevices.all().stream()
                .flatMap(device -> Recipe.ARCHITECTURES.stream().map(name -> Arguments.of(device, name)));
    }

    static Stream<Arguments> presets() {
        return Recipe.ARCHITECTURES.stream().flatMap(architecture -> Arrays.stream(Preset.values())
                .filter(preset -> preset != Preset.DEFAULT && exists(architecture, preset))
                .map(preset -> Arguments.of(architecture, preset)));
    }

    /** One thread is enough for a few rows, and doesn't wait for others. */
    private static Device open(String name) {
        return Devices.open(name, new DeviceOptions(1));
    }

    private static boolean exists(String architecture, Preset preset) {
        try {
            Scenario.NO_MULTIPLES.recipe(architecture, preset).build(WIDTH);
            return true;
        } catch (IllegalArgumentException e) {
            assertThat(e).hasMessageContaining("preset " + preset.id() + " is for");
            return false;
        }
    }

    @ParameterizedTest
    @MethodSource("architectures")
    void trainsAndEvaluates(String device, String architecture, @TempDir Path folder) {
        compare(device, architecture, Preset.DEFAULT, folder);
    }

    @Tag("long")
    @ParameterizedTest
    @MethodSource("presets")
    void trainsAndEvaluatesAsPresetsSay(String architecture, Preset preset) {
        compare(TestDevices.training(), architecture, preset, null);
    }

    /** The loss needn't say that weights are NaN: nothing is selected by those, and the decoder bias alone errs finitely. */
    @ParameterizedTest
    @MethodSource("architectures")
    void divergenceIsNoticed(String device, String architecture) {
        try (Device opened = open(device)) {
            for (double clip : new double[] {0, 1}) {
                TrainingOptions options = Scenario.NO_MULTIPLES
                        .recipe(architecture, Preset.DEFAULT)
                        .learningRate(1e30)
                        .clip(clip)
                        .build(WIDTH);
                assertThatThrownBy(() -> {
                            try (Trainer trainer = trainer(opened, Scenario.NO_MULTIPLES, options)) {
                                trainer.train();
                            }
                        })
                        .isInstanceOf(DivergedException.class)
                        .hasMessageContaining("training diverged")
                        .hasMessageContaining("--lr");
            }
        }
    }

    /**
     * Adam turns a gradient that is nothing but rounding into a whole step, and one row in {@value #ROWS} that selects another
     * latent is seen: devices agree on the error to 5 % of the data here, and to the last digits in {@code KernelAgreementTest}.
     */
    private static void compare(String device, String architecture, Preset preset, @Nullable Path folder) {
        Map<Scenario, Double> expected = REFERENCES.computeIfAbsent(
                architecture + preset, key -> errors("cpu:scalar", architecture, preset, null));
        Map<Scenario, Double> actual =
                device.equals("cpu:scalar") ? expected : errors(device, architecture, preset, folder);
        expected.forEach((scenario, error) -> assertThat(actual.get(scenario))
                .as("mean squared error of %s on %s", scenario, device)
                .isCloseTo(error, within(0.05 * Math.max(Float.MIN_NORMAL, Math.max(error, scenario.meanSquare())))));
        assertThat(actual).hasSameSizeAs(expected);
    }

    private static Map<Scenario, Double> errors(
            String name, String architecture, Preset preset, @Nullable Path folder) {
        Map<Scenario, Double> errors = new LinkedHashMap<>();
        try (Device device = open(name)) {
            for (Scenario scenario : Scenario.values()) {
                TrainingOptions options = scenario.recipe(architecture, preset).build(scenario.data[0].length);
                // Unscaled, squares of such activations overflow.
                if (scenario == Scenario.HUGE && options.scaling() == InputScaling.NONE) {
                    assertThatThrownBy(() -> error(device, scenario, options, folder))
                            .as("%s of %s", preset, architecture)
                            .isInstanceOf(DivergedException.class);
                    continue;
                }
                try {
                    errors.put(scenario, error(device, scenario, options, folder));
                } catch (RuntimeException | AssertionError e) {
                    throw new AssertionError("%s on %s, %s with %s".formatted(scenario, name, architecture, preset), e);
                }
            }
        }
        return errors;
    }

    private static Trainer trainer(Device device, Scenario scenario, TrainingOptions options) {
        return new Trainer(device, TestOptions.source(scenario.data, List.of(options)), List.of(options));
    }

    /** Trains, saves and loads where there is a folder, encodes and evaluates; returns the mean squared error. */
    private static double error(Device device, Scenario scenario, TrainingOptions options, @Nullable Path folder) {
        try (Trainer trainer = trainer(device, scenario, options)) {
            trainer.addListener((run, metrics) -> requireJson(metrics.asMap()));
            trainer.train();
            if (folder == null) {
                try (Sae sae = trainer.sae(0)) {
                    return error(sae, scenario);
                }
            }
            try (Sae sae = trainer.sae(0)) {
                sae.save(folder);
            }
        }
        try (Sae sae = Sae.load(folder, device)) {
            return error(sae, scenario);
        }
    }

    private static double error(Sae sae, Scenario scenario) {
        for (int bits : WeightBytes.of(sae)) {
            assertThat(Float.intBitsToFloat(bits)).as("a weight").isFinite();
        }
        try (SparseCodes codes = sae.encode(scenario.data)) {
            for (int entry = 0; entry < codes.entries(); entry++) {
                assertThat(codes.value(entry)).as("a code").isFinite();
            }
        }
        Evaluation evaluation = Evaluator.evaluate(sae, new ArraySource(scenario.data));
        requireJson(evaluation.asMap());
        return evaluation.mse();
    }

    private static void requireJson(Map<String, Object> metrics) {
        assertThat(JsonFile.parse(JsonFile.line(metrics), "metrics").keySet()).containsAll(metrics.keySet());
    }
}
