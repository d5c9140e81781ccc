// SPDX-License-Identifier: Apache-2.0
package dev.darien.ensemble;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.ActivationSource;
import dev.darien.data.DataCheck;
import dev.darien.data.DataSummary;
import dev.darien.data.OnNan;
import dev.darien.data.SyntheticSource;
import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.TestDevices;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.HostWeights;
import dev.darien.sae.Sae;
import dev.darien.train.Recipe;
import dev.darien.train.Trainer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** How members are trained: with the plain SAE's bits where they should be, and on what is left otherwise. */
@Tag("device")
class EnsembleTrainerTest {
    private static final int WIDTH = 12;
    private static final int STEPS = 8;
    private static final String DATA = "synthetic:d=12,true=24,p=0.1,offset=2,rows=600,seed=3";

    static List<String> devices() {
        return List.of(TestDevices.training());
    }

    private static Recipe recipe(String architecture) {
        Recipe recipe = Recipe.of(architecture).latents(16).batch(32).tokens(32 * STEPS);
        return Recipe.hasK(architecture) ? recipe.k(3) : recipe.targetL0(3);
    }

    /** Every weight of an SAE. */
    private static List<Float> weights(Sae sae) {
        List<Float> values = new ArrayList<>();
        try (HostWeights host = HostWeights.of(sae)) {
            Stream.of(
                            host.weights().encoder(),
                            host.weights().encoderBias(),
                            host.weights().decoder(),
                            host.weights().decoderBias(),
                            host.weights().thresholds())
                    .filter(matrix -> matrix != null)
                    .forEach(matrix -> {
                        for (long row = 0; row < matrix.rows(); row++) {
                            for (float value : matrix.toArray(row)) {
                                values.add(value);
                            }
                        }
                    });
        }
        return values;
    }

    private static List<List<Float>> members(
            Device device, EnsembleKind kind, String architecture, long seed, int count) {
        try (ActivationSource source = SyntheticSource.parse(DATA);
                Ensemble ensemble = EnsembleTrainer.train(
                        device, source, kind, EnsembleTrainer.options(recipe(architecture), seed, count, WIDTH))) {
            return ensemble.members().stream().map(EnsembleTrainerTest::weights).toList();
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aSingleMemberIsThePlainSaeToTheBit(String name) {
        for (String architecture : List.of("batchtopk", "jumprelu")) {
            try (Device device = Device.open(name);
                    ActivationSource source = SyntheticSource.parse(DATA);
                    Trainer trainer = new Trainer(
                            device, source, List.of(recipe(architecture).seed(5).build(WIDTH)))) {
                trainer.train();
                try (Sae plain = trainer.sae(0)) {
                    for (EnsembleKind kind : EnsembleKind.values()) {
                        assertThat(members(device, kind, architecture, 5, 1))
                                .as(architecture)
                                .containsExactly(weights(plain));
                    }
                }
            }
        }
    }

    @Test
    void membersDifferAndDontDependOnTheNumberOfThreads() {
        for (EnsembleKind kind : EnsembleKind.values()) {
            @Nullable List<List<Float>> first = null;
            for (int threads : new int[] {1, 3}) {
                try (Device device = Devices.open("cpu", new DeviceOptions(threads))) {
                    List<List<Float>> members = members(device, kind, "topk", 2, 3);
                    assertThat(members).doesNotHaveDuplicates();
                    first = first == null ? members : first;
                    assertThat(members).isEqualTo(first);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void theSummaryOfResidualsIsThatOfAScan(String name) {
        try (Device device = Device.open(name);
                ActivationSource source = SyntheticSource.parse(DATA);
                Ensemble ensemble = EnsembleTrainer.train(
                        device,
                        source,
                        EnsembleKind.BOOSTING,
                        EnsembleTrainer.options(recipe("topk").tokens(32 * 5 * STEPS), 1, 2, WIDTH));
                Residual residual = new Residual(ensemble.members(), 50, WIDTH);
                Matrix batch = device.staging("x", source.dtype(), 50, WIDTH);
                Matrix out = device.staging("r", DType.F32, 50, WIDTH)) {
            DataSummary data = DataCheck.scan(source, OnNan.FAIL, 1);
            DataSummary summary = residual.summary(source, data, 9);
            double[] sums = new double[WIDTH];
            double squares = 0;
            for (int first = 0; first < 600; first += 50) {
                source.read(first, 50, batch);
                device.download(residual.apply(batch), out);
                for (int row = 0; row < 50; row++) {
                    for (int column = 0; column < WIDTH; column++) {
                        sums[column] += out.get(row, column) / 600.0;
                        squares += Math.pow(out.get(row, column), 2) / 600.0;
                    }
                }
            }
            assertThat(summary.hash()).isEqualTo(data.hash());
            assertThat(summary.rows()).isEqualTo(600);
            assertThat(summary.meanSquaredNorm()).isEqualTo(squares, within(1e-9 * squares));
            for (int column = 0; column < WIDTH; column++) {
                assertThat(summary.mean()[column]).isEqualTo(sums[column], within(1e-9));
            }
            // The offset of the data went into the first member's bias.
            assertThat(Arrays.stream(summary.mean()).map(value -> value * value).sum())
                    .isLessThan(0.01
                            * Arrays.stream(data.mean())
                                    .map(value -> value * value)
                                    .sum());
            assertThat(summary.totalVariance()).isLessThan(0.5 * data.totalVariance());
        }
    }

    @Test
    void anEnsembleHasAMember() {
        assertThatThrownBy(() -> EnsembleTrainer.options(recipe("topk"), 1, 0, WIDTH))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("at least 1 member, not 0");
    }
}
