// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.device.TestDevices;
import dev.darien.sae.Mapping;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The gradients of transcoders and crosscoders, against differences of their loss: Adam's first moments with β1 = 0. */
@Tag("device")
class MappedGradientTest {
    private static final Mapping CROSSCODER = new Mapping.Crosscoder(
            List.of(new Mapping.Part("a", MappedLoss.IN, 1), new Mapping.Part("b", MappedLoss.OUT, 1)));

    static Stream<Arguments> transcoders() {
        return devices(List.of("relu", "jumprelu", "topk", "batchtopk", "matryoshka", "multi-topk"));
    }

    static Stream<Arguments> crosscoders() {
        return devices(List.of("relu", "jumprelu", "topk", "batchtopk"));
    }

    private static Stream<Arguments> devices(List<String> architectures) {
        return TestDevices.all().stream()
                .flatMap(device -> architectures.stream().map(name -> Arguments.of(device, name)));
    }

    @ParameterizedTest
    @MethodSource("transcoders")
    void transcodersWithAndWithoutASkipConnection(String device, String architecture) {
        for (boolean skip : List.of(false, true)) {
            MappedLoss loss = new MappedLoss(architecture, false, skip, 5);
            // By the fused step, and with gradients stored first.
            check(device, loss, new Mapping.Transcoder(MappedLoss.OUT, skip), skip ? 0 : 1e9);
        }
    }

    @ParameterizedTest
    @MethodSource("crosscoders")
    void crosscodersWhosePenaltySumsTheNormsOfTensors(String device, String architecture) {
        for (double clip : new double[] {0, 1e9}) {
            check(device, new MappedLoss(architecture, true, false, 6), CROSSCODER, clip);
        }
    }

    private static void check(String device, MappedLoss loss, Mapping mapping, double clip) {
        try (LearnerFixture fixture =
                new LearnerFixture(device, options(loss.architecture, mapping, clip), layout(mapping))) {
            List<String> names = new ArrayList<>(loss.parameters.keySet());
            for (String name : names) {
                double sign = name.equals("skip") ? -1 : 1;
                fixture.set(inCheckpoint(name), scaled(loss.parameters.get(name), sign));
            }
            if (loss.architecture.equals("jumprelu")) {
                float[] thresholds = new float[MappedLoss.LATENTS];
                java.util.Arrays.fill(thresholds, MappedLoss.THRESHOLD);
                fixture.set("thresholds", thresholds);
            }
            fixture.train(loss.data);
            for (String name : names) {
                float[][] wanted = loss.gradient(name);
                float[][] actual = fixture.get(inCheckpoint(name) + ".m");
                LearnerFixture.assertClose(
                        loss.architecture + " " + mapping + ": " + name,
                        actual,
                        name.equals("skip") ? scaled(wanted, -1) : wanted);
            }
            TrainingMetrics metrics = fixture.learner.metrics(1, 0, 0);
            double wanted = loss.loss();
            assertThat(metrics.loss()).isCloseTo(wanted, within(1e-4 * wanted));
        }
    }

    private static String inCheckpoint(String name) {
        return name.equals("skip") ? "negated_skip" : name;
    }

    private static BatchLayout layout(Mapping mapping) {
        BatchLayout.Columns first = new BatchLayout.Columns(0, MappedLoss.IN, MappedLoss.FIRST_SCALE);
        BatchLayout.Columns other = new BatchLayout.Columns(MappedLoss.IN, MappedLoss.OUT, MappedLoss.OTHER_SCALE);
        return mapping instanceof Mapping.Crosscoder
                ? new BatchLayout(List.of(first, other), null)
                : new BatchLayout(List.of(first), other);
    }

    private static TrainingOptions options(String architecture, Mapping mapping, double clip) {
        Recipe recipe = Recipe.of(architecture)
                .mapping(mapping)
                .latents(MappedLoss.LATENTS)
                .batch(MappedLoss.BATCH)
                .tokens(10L * MappedLoss.BATCH)
                .learningRate(1e-3)
                .warmup(0)
                .decay(0)
                .clip(clip)
                .sparsityWarmup(0)
                .scaling(InputScaling.NONE);
        switch (architecture) {
            case "relu" -> recipe.l1(MappedLoss.L1);
            case "jumprelu" -> recipe.l0(0).bandwidth(0.1);
            case "matryoshka" ->
                recipe.groups(List.of(4, MappedLoss.LATENTS - 4))
                        .k(MappedLoss.K)
                        .auxiliary(new Auxiliary.None());
            default -> recipe.k(MappedLoss.K).auxiliary(new Auxiliary.None());
        }
        return TestOptions.with(
                recipe.build(MappedLoss.IN), "beta1", 0.0, "unitDecoder", false, "initialThreshold", 0.5);
    }

    private static float[][] scaled(double[][] rows, double factor) {
        float[][] all = new float[rows.length][rows[0].length];
        for (int row = 0; row < rows.length; row++) {
            for (int at = 0; at < rows[row].length; at++) {
                all[row][at] = (float) (factor * rows[row][at]);
            }
        }
        return all;
    }

    private static float[][] scaled(float[][] rows, double factor) {
        double[][] all = new double[rows.length][rows[0].length];
        for (int row = 0; row < rows.length; row++) {
            for (int at = 0; at < rows[row].length; at++) {
                all[row][at] = rows[row][at];
            }
        }
        return scaled(all, factor);
    }
}
