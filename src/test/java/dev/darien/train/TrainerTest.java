// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.DataCheck;
import dev.darien.data.DataException;
import dev.darien.data.DataSummary;
import dev.darien.data.OnNan;
import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Sae;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("device")
class TrainerTest {
    private static final int WIDTH = 16;
    private static final float[][] DATA = ArraySource.sparseSums(2000, WIDTH, 30, 3, 21);
    private static final String[] ARCHITECTURES = TestOptions.ARCHITECTURES;

    /** Writes down what it is told. */
    private record Recorder(String name, List<String> calls, List<TrainingMetrics> metrics)
            implements TrainingListener {
        @Override
        public void onReport(int run, TrainingMetrics report) {
            calls.add(name + " report " + run + " " + report.step());
            metrics.add(report);
        }

        @Override
        public void onCheckpoint(long step) {
            calls.add(name + " checkpoint " + step);
        }

        @Override
        public void close() {
            calls.add(name + " close");
        }
    }

    private static Recipe recipe(String architecture) {
        return TestOptions.recipe(architecture)
                .latents(64)
                .batch(64)
                .tokens(300 * 64)
                .learningRate(3e-3)
                .seed(4);
    }

    private static List<TrainingMetrics> train(float[][] data, TrainingOptions options) {
        List<TrainingMetrics> reports = new ArrayList<>();
        try (Device device = Device.open(TestDevices.training());
                Trainer trainer = new Trainer(device, TestOptions.source(data, List.of(options)), List.of(options))) {
            trainer.addListener((run, metrics) -> reports.add(metrics));
            trainer.train();
        }
        return reports;
    }

    @Tag("long")
    @ParameterizedTest
    @FieldSource("ARCHITECTURES")
    void theErrorFalls(String architecture) {
        List<TrainingMetrics> reports = train(DATA, recipe(architecture).build(WIDTH));
        assertThat(reports.getLast().fvu())
                .isLessThan(0.5 * reports.getFirst().fvu())
                .isLessThan(0.5);
        assertThat(reports.getLast().step()).isEqualTo(300);
        assertThat(reports.getLast().tokens()).isEqualTo(300 * 64);
    }

    @Tag("long")
    @Test
    void penaltiesAreSteeredToTheTargetL0() {
        for (String architecture : List.of("jumprelu", "relu", "gated", "p-anneal")) {
            TrainingOptions options =
                    recipe(architecture).targetL0(6).tokens(1500 * 64).build(WIDTH);
            List<TrainingMetrics> reports = train(DATA, options);
            double mean = reports.stream()
                    .skip(reports.size() * 3L / 4)
                    .mapToDouble(TrainingMetrics::l0)
                    .average()
                    .orElse(0);
            assertThat(mean).as(architecture).isCloseTo(6, within(0.6));
        }
    }

    @Test
    void listenersAreToldInOrderAndClosedOnce(@TempDir Path folder) {
        List<String> calls = new ArrayList<>();
        TrainingOptions options = recipe("topk").tokens(4 * 64).build(WIDTH);
        try (Device device = Device.open(TestDevices.training())) {
            Trainer trainer = new Trainer(device, new ArraySource(DATA), List.of(options, options));
            trainer.addListener(new Recorder("a", calls, new ArrayList<>()));
            trainer.addListener(new Recorder("b", calls, new ArrayList<>()));
            trainer.checkpointTo(List.of(folder.resolve("0"), folder.resolve("1")), 2);
            assertThat(trainer.metrics(0)).isNull();
            trainer.train();
            assertThat(trainer.metrics(1).step()).isEqualTo(4);
            trainer.close();
            trainer.close();
        }
        List<String> wanted = new ArrayList<>();
        for (int step = 1; step <= 4; step++) {
            for (int run = 0; run < 2; run++) {
                wanted.add("a report " + run + " " + step);
                wanted.add("b report " + run + " " + step);
            }
            if (step == 2) {
                wanted.addAll(List.of("a checkpoint 2", "b checkpoint 2"));
            }
        }
        wanted.addAll(List.of("a close", "b close"));
        assertThat(calls).isEqualTo(wanted);
    }

    @Test
    void aLossThatIsNoNumberEndsTheRun() {
        TrainingOptions options =
                recipe("relu").targetL0(0).clip(0).learningRate(1e30).build(WIDTH);
        assertThatThrownBy(() -> train(DATA, TestOptions.with(options, "unitDecoder", false)))
                .isInstanceOf(DivergedException.class)
                .hasMessageContaining("step")
                .hasMessageContaining("--lr");
    }

    @Test
    void fewerRowsThanABatchAreRefused() {
        TrainingOptions options = recipe("topk").build(WIDTH);
        float[][] few = Arrays.copyOf(DATA, 63);
        assertThatThrownBy(() -> train(few, options))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("63 usable rows")
                .hasMessageContaining("batch of 64");
        assertThat(train(Arrays.copyOf(DATA, 64), options)).isNotEmpty();
    }

    @Test
    void runsThatDoNotFitTogetherAreRefused() {
        TrainingOptions options = recipe("topk").build(WIDTH);
        TrainingOptions other = TestOptions.with(options, "batch", 32);
        try (Device device = Device.open(TestDevices.training())) {
            assertThatThrownBy(() -> new Trainer(device, new ArraySource(DATA), List.of(options, other)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("same batch and tokens");
            assertThatThrownBy(() -> new Trainer(device, new ArraySource(DATA), List.of()))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void saesTrainedInOnePassAreThoseTrainedAlone() {
        List<TrainingOptions> all = Arrays.stream(ARCHITECTURES)
                .map(name -> recipe(name).tokens(40 * 64).build(WIDTH))
                .toList();
        List<List<Integer>> together = new ArrayList<>();
        try (Device device = Device.open(TestDevices.training());
                Trainer trainer = new Trainer(device, TestOptions.source(DATA, all), all)) {
            trainer.train();
            for (int run = 0; run < all.size(); run++) {
                together.add(WeightBytes.of(trainer, run));
            }
        }
        for (int run = 0; run < all.size(); run++) {
            try (Device device = Device.open(TestDevices.training());
                    Trainer trainer = new Trainer(
                            device, TestOptions.source(DATA, List.of(all.get(run))), List.of(all.get(run)))) {
                trainer.train();
                assertThat(WeightBytes.of(trainer, 0)).as(ARCHITECTURES[run]).isEqualTo(together.get(run));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"topk", "batchtopk"})
    void kFallsFromTheWidthToItsValue(String architecture) {
        TrainingOptions options = recipe(architecture)
                .k(2)
                .kWarmup(100)
                .tokens(200 * 64)
                .auxiliary(new Auxiliary.None())
                .build(WIDTH);
        List<TrainingMetrics> reports = train(DATA, options);
        assertThat(reports).hasSize(200);
        assertThat(reports.getFirst().l0()).isGreaterThan(8);
        assertThat(reports.get(50).l0()).isBetween(5.0, 10.0);
        for (TrainingMetrics report : reports.subList(100, 200)) {
            assertThat(report.l0()).isLessThanOrEqualTo(2);
        }
    }

    /** Most latents start looking away from all data, and with TopK would never fire. */
    @Tag("long")
    @Test
    void theAuxiliaryLossRevivesDeadLatents() {
        double[] dead = new double[2];
        for (int aux = 0; aux < 2; aux++) {
            TrainingOptions options = recipe("topk")
                    .k(3)
                    .auxiliary(aux == 0 ? new Auxiliary.None() : new Auxiliary.AuxK(1.0 / 32, 8))
                    .tokens(1000L * 64)
                    .build(WIDTH);
            options = TestOptions.with(options, "deadAfterTokens", 20L * 64);
            try (LearnerFixture fixture = new LearnerFixture(TestDevices.training(), options, WIDTH)) {
                float[] bias = new float[64];
                Arrays.fill(bias, 24, 64, -3);
                fixture.set("encoder_bias", bias);
                for (int step = 0; step < 900; step++) {
                    fixture.train(Arrays.copyOfRange(DATA, step % 31 * 64, step % 31 * 64 + 64));
                }
                dead[aux] = fixture.learner.metrics(1, 0, 0).deadFraction();
            }
        }
        assertThat(dead[0]).as("dead without an auxiliary loss").isGreaterThan(0.2);
        assertThat(dead[1]).as("dead with it").isLessThan(dead[0] / 2);
    }

    @Test
    void badRowsThatAreSkippedAreNeverReadInTraining() {
        float[][] data = Arrays.stream(DATA).map(float[]::clone).toArray(float[][]::new);
        Set<Long> bad = new TreeSet<>(List.of(0L, 7L, 8L, 1000L, 1999L));
        for (long row : bad) {
            data[(int) row][(int) (row % WIDTH)] = row % 2 == 0 ? Float.NaN : Float.NEGATIVE_INFINITY;
        }
        assertThatThrownBy(() -> train(data, recipe("topk").build(WIDTH)))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("array row 0");
        DataSummary summary = DataCheck.scan(new ArraySource(data), OnNan.SKIP);
        TrainingOptions options =
                recipe("topk").biasInit(BiasInit.GEOMETRIC_MEDIAN).build(WIDTH);
        try (Device device = Device.open(TestDevices.training());
                Trainer trainer =
                        new Trainer(device, new ArraySource(data, bad::contains), summary, List.of(options))) {
            assertThat(trainer.train().finished()).isTrue();
            assertThat(trainer.metrics(0).fvu()).isLessThan(0.5);
        }
    }

    private static float[][] rows(TrainingOptions options, float[][] batch) {
        return options.sparsity() instanceof GradientTopK ? TestOptions.withGradients(batch) : batch;
    }

    /** relu(W(sx - sb) + sc) = s·relu(W(x - b) + c): a scale of 2 is exact. */
    @ParameterizedTest
    @FieldSource("ARCHITECTURES")
    void theInputScaleIsFoldedIntoTheWeights(String architecture) {
        TrainingOptions options = TestOptions.with(
                recipe(architecture).build(WIDTH), "initialThreshold", 0.25, "scaling", InputScaling.NONE);
        float[][] batch = Arrays.copyOf(DATA, 64);
        float[][] doubled = new float[64][WIDTH];
        for (int row = 0; row < 64; row++) {
            for (int column = 0; column < WIDTH; column++) {
                doubled[row][column] = 2 * batch[row][column];
            }
        }
        try (LearnerFixture scaled = new LearnerFixture(TestDevices.training(), options, WIDTH, 2);
                LearnerFixture plain = new LearnerFixture(TestDevices.training(), options, WIDTH, 1)) {
            for (int step = 0; step < 5; step++) {
                scaled.train(rows(options, batch));
                plain.train(rows(options, doubled));
            }
            try (Sae folded = scaled.learner.finish(Map.of());
                    Sae wanted = plain.learner.finish(Map.of());
                    var codes = folded.encode(batch);
                    var wantedCodes = wanted.encode(doubled);
                    var out = folded.decode(codes);
                    var wantedOut = wanted.decode(wantedCodes)) {
                assertThat(codes.entries()).isEqualTo(wantedCodes.entries()).isPositive();
                for (int entry = 0; entry < codes.entries(); entry++) {
                    assertThat(codes.latent(entry)).isEqualTo(wantedCodes.latent(entry));
                    assertThat(2 * codes.value(entry)).isEqualTo(wantedCodes.value(entry));
                }
                for (int row = 0; row < 64; row++) {
                    for (int column = 0; column < WIDTH; column++) {
                        assertThat(2 * out.get(row, column)).isEqualTo(wantedOut.get(row, column));
                    }
                }
            }
        }
    }

    @Tag("long")
    @ParameterizedTest
    @ValueSource(strings = {"topk", "batchtopk", "jumprelu"})
    void theScaleOfTheDataDoesNotMatter(String architecture) {
        double[] fvu = new double[3];
        double[] scales = {1, 1000, 1e-3};
        for (int at = 0; at < 3; at++) {
            float[][] data = ArraySource.sparseSums(2000, WIDTH, 30, 3 * scales[at], 21);
            List<TrainingMetrics> reports = train(data, recipe(architecture).build(WIDTH));
            fvu[at] = reports.getLast().fvu();
        }
        assertThat(fvu[1]).isCloseTo(fvu[0], within(0.03 * fvu[0]));
        assertThat(fvu[2]).isCloseTo(fvu[0], within(0.03 * fvu[0]));
    }

    @Tag("long")
    @Test
    void batchTopKEncodesByTheThresholdItHasLearnt() {
        TrainingOptions options = recipe("batchtopk").tokens(1000 * 64).build(WIDTH);
        try (Device device = Device.open(TestDevices.training());
                Trainer trainer = new Trainer(device, new ArraySource(DATA), List.of(options))) {
            trainer.train();
            try (Sae sae = trainer.sae(0);
                    var codes = sae.encode(DATA)) {
                assertThat(sae.sparsity()).isEqualTo(new JumpRelu(0));
                assertThat(codes.entries() / (double) DATA.length).isCloseTo(4, within(0.4));
            }
        }
    }
}
