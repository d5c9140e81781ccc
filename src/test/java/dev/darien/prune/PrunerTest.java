// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.TestDevices;
import dev.darien.train.DivergedException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Tag("device")
class PrunerTest {
    private static final LabelledImages IMAGES = LabelledImages.generated(400, 13, 2);
    private static final LabelledImages TRAINING = IMAGES.slice(0, 300);
    private static final LabelledImages HELD_OUT = IMAGES.slice(300, 100);
    private static final NetworkShape SHAPE = NetworkShape.mlp(169, 10, 12, 8);
    private static final ClassifierTraining OPTIONS = new ClassifierTraining(2, 32, 0.1, 0.9, 5e-4);
    private static final int CYCLES = 3;

    private static List<PruningCycle> prune(Device device, NetworkShape shape, PruningMethod method) {
        try (Pruner pruner = new Pruner(device, shape, TRAINING, HELD_OUT, OPTIONS, 9)) {
            return pruner.prune(method, CYCLES, cycle -> {});
        }
    }

    private static List<PruningCycle> prune(PruningMethod method) {
        try (Device device = Device.open(TestDevices.training())) {
            return prune(device, SHAPE, method);
        }
    }

    private static List<Object> maps(List<PruningCycle> cycles) {
        return new ArrayList<>(cycles.stream().map(PruningCycle::asMap).toList());
    }

    @ParameterizedTest
    @EnumSource
    void masksAreNestedAndAsManyAreLeftAsWithoutTheActivatingStep(BaseMethod base) {
        List<PruningCycle> with = prune(PruningMethod.of(base, 0.3, 0.1));
        List<PruningCycle> without = prune(PruningMethod.of(base, 0.3, 0));

        int left = SHAPE.weights();
        for (int cycle = 0; cycle <= CYCLES; cycle++) {
            PruningMask mask = with.get(cycle).mask();
            assertThat(mask.surviving()).isEqualTo(left);
            assertThat(without.get(cycle).mask().surviving()).isEqualTo(left);
            if (cycle > 0) {
                PruningMask before = with.get(cycle - 1).mask();
                PruningCycle.Pruned pruned = with.get(cycle).pruning();
                assertThat(pruned).isNotNull();
                assertThat(pruned.byActivating()).isEqualTo((int) (before.surviving() * 0.1));
                assertThat(pruned.byBase() + pruned.byActivating()).isEqualTo(before.surviving() - mask.surviving());
                for (int i = 0; i < mask.size(); i++) {
                    assertThat(mask.keeps(i) && !before.keeps(i)).isFalse();
                }
            }
            left -= (int) (left * 0.3);
        }
    }

    @ParameterizedTest
    @EnumSource
    void withoutAnActivatingStepItIsTheBaseMethodAlone(BaseMethod base) {
        try (Device device = Device.open(TestDevices.training());
                Pruner pruner = new Pruner(device, SHAPE, TRAINING, HELD_OUT, OPTIONS, 9);
                Classifier classifier = new Classifier(device, SHAPE, 32)) {
            List<PruningCycle> cycles = pruner.prune(PruningMethod.of(base, 0.3, 0), 1, cycle -> {});

            classifier.initialise(9);
            ClassifierRuns.train(classifier, TRAINING, OPTIONS, Floats.of(SHAPE.weights(), i -> 1), 9);
            float[] gradients = ClassifierRuns.meanGradient(classifier, TRAINING);
            float[] weights = classifier.weights();
            PruningMask mask = cycles.get(1).mask();
            PruningCycle.Pruned pruned = cycles.get(1).pruning();
            assertThat(pruned).isNotNull();
            assertThat(pruned.byActivating()).isZero();
            assertThat(pruned.afterAll()).isEqualTo(pruned.afterBase());
            if (base != BaseMethod.RANDOM) {
                PruningMask expected = new PruningMask(weights.length);
                expected.pruneLowest(
                        base.scores(SHAPE, expected, weights, gradients, 0), (int) (0.3 * weights.length), i -> true);
                assertThat(mask.factors()).containsExactly(expected.factors());
            }
            if (base == BaseMethod.MAGNITUDE) {
                double[] sizes = new double[weights.length];
                Arrays.setAll(sizes, i -> Math.abs(weights[i]));
                Arrays.sort(sizes);
                double threshold = sizes[(int) (0.3 * sizes.length)];
                for (int i = 0; i < sizes.length; i++) {
                    if (Math.abs(weights[i]) != threshold) {
                        assertThat(mask.keeps(i)).isEqualTo(Math.abs(weights[i]) > threshold);
                    }
                }
            }
        }
    }

    @Test
    void theActivatingStepLeavesFewerNeuronsDead() {
        for (PruningCycle cycle : prune(PruningMethod.of(BaseMethod.RANDOM, 0.3, 0.1))) {
            if (cycle.pruning() != null) {
                assertThat(cycle.pruning().afterAll().total())
                        .isLessThan(cycle.pruning().afterBase().total());
            }
        }
    }

    @Test
    void threadsAndEarlierRunsDontChangeTheResult() {
        PruningMethod method = PruningMethod.of(BaseMethod.LAMP, 0.3, 0.1);
        for (NetworkShape shape : List.of(SHAPE, NetworkShape.convolutional(169, 10, 2, 8))) {
            List<List<Object>> results = new ArrayList<>();
            for (int threads : new int[] {1, 3}) {
                try (Device device = Devices.open(TestDevices.training(), new DeviceOptions(threads));
                        Pruner pruner = new Pruner(device, shape, TRAINING, HELD_OUT, OPTIONS, 9)) {
                    if (threads > 1) {
                        pruner.prune(PruningMethod.of(BaseMethod.GRADIENT, 0.5, 0), 1, cycle -> {});
                    }
                    results.add(maps(pruner.prune(method, CYCLES, cycle -> {})));
                }
            }
            assertThat(results.get(1)).isEqualTo(results.get(0));
        }
    }

    @Test
    void theBaseMethodMakesUpForNegativeWeightsThatRunOut() {
        List<PruningCycle> cycles = prune(PruningMethod.of(BaseMethod.MAGNITUDE, 0.9, 0.9));

        PruningCycle.Pruned pruned = cycles.get(1).pruning();
        assertThat(pruned).isNotNull();
        assertThat(pruned.byBase()).isPositive();
        assertThat(cycles.get(1).mask().surviving()).isEqualTo(SHAPE.weights() - (int) (SHAPE.weights() * 0.9));
    }

    @Test
    void aLossThatIsNoNumberIsAnError() {
        try (Device device = Device.open(TestDevices.training());
                Pruner pruner =
                        new Pruner(device, SHAPE, TRAINING, HELD_OUT, new ClassifierTraining(4, 32, 1e9, 0.9, 0), 1)) {
            assertThatThrownBy(() -> pruner.prune(PruningMethod.of(BaseMethod.RANDOM, 0.3, 0), 1, cycle -> {}))
                    .isInstanceOf(DivergedException.class)
                    .hasMessageContaining("lower the learning rate");
        }
    }

    @Test
    void whatCantBeIsRefusedInASentence() {
        assertThatThrownBy(() -> PruningMethod.of(BaseMethod.RANDOM, 1, 0)).hasMessageContaining("between 0 and 1");
        assertThatThrownBy(() -> PruningMethod.of(BaseMethod.RANDOM, Double.NaN, 0))
                .hasMessageContaining("NaN");
        assertThatThrownBy(() -> PruningMethod.of(BaseMethod.RANDOM, 0.2, 0.3)).hasMessageContaining("0.3");
        try (Device device = Device.open(TestDevices.training())) {
            assertThatThrownBy(() -> new Pruner(device, NetworkShape.mlp(100, 10, 5), TRAINING, HELD_OUT, OPTIONS, 0))
                    .hasMessageContaining("169 pixels");
        }
    }
}
