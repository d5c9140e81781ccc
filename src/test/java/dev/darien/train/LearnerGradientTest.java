// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.device.Golden;
import dev.darien.device.TestDevices;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Sae;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * That a learner composes kernels to the gradients of autograd. With β1 = 0 Adam's first moments after one step are the
 * gradients themselves; unit decoder rows are off where the file's decoder gradient is the whole one.
 */
@Tag("device")
class LearnerGradientTest {
    private static final int BATCH = 37;

    static List<String> devices() {
        return TestDevices.all();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void reluWithL1(String device) {
        checkGradients(device, "relu-l1", relu(Preset.DEFAULT));
    }

    @ParameterizedTest
    @MethodSource("devices")
    void reluWithL1WeightedByDecoderNorms(String device) {
        checkGradients(device, "relu-april", relu(Preset.APRIL));
    }

    @ParameterizedTest
    @MethodSource("devices")
    void batchTopK(String device) {
        Golden golden = Golden.load("batchtopk");
        TrainingOptions options = plain(
                Recipe.of("batchtopk").k(5).auxiliary(new Auxiliary.None()).latents(61));
        checkGradients(device, "batchtopk", options);
        try (LearnerFixture fixture = started(device, golden, options)) {
            fixture.train(golden.rows("x"));
            LearnerFixture.assertClose("threshold", fixture.get("threshold_average"), golden.rows("threshold"));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void gradientTopKWithTheGradientsBehindTheActivations(String device) {
        Golden golden = Golden.load("gradient-topk");
        TrainingOptions options = plain(Recipe.of("gradient-topk")
                .k(5)
                .auxiliary(new Auxiliary.None())
                .sparsityWarmup(0)
                .latents(61));
        try (LearnerFixture fixture = started(device, golden, options)) {
            float[][] x = golden.rows("x");
            float[][] gradients = golden.rows("gradients");
            int width = x[0].length;
            float[][] rows = new float[x.length][];
            for (int row = 0; row < rows.length; row++) {
                rows[row] = Arrays.copyOf(x[row], 2 * width);
                System.arraycopy(gradients[row], 0, rows[row], width, width);
            }
            fixture.train(rows);
            assertGradient(fixture, "encoder", golden.rows("grad.W_enc"));
            assertGradient(fixture, "decoder", golden.rows("grad.W_dec"));
            assertGradient(fixture, "encoder_bias", golden.rows("grad.b_enc"));
            assertGradient(fixture, "decoder_bias", golden.rows("grad.b_dec"));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void jumpReluWithoutPreEncoderBias(String device) {
        Golden golden = Golden.load("jumprelu");
        TrainingOptions options = jumpRelu();
        checkGradients(device, "jumprelu", options);
        try (LearnerFixture fixture = started(device, golden, options)) {
            fixture.train(golden.rows("x"));
            LearnerFixture.assertClose("grad.threshold", fixture.get("thresholds.m"), golden.rows("grad.threshold"));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void gatedWithItsFrozenDecoderTask(String device) {
        Golden golden = Golden.load("gated");
        TrainingOptions options = plain(Recipe.of("gated").l1(0.1).latents(61));
        for (double clip : new double[] {0, 1e9}) {
            try (LearnerFixture fixture = gated(device, golden, TestOptions.with(options, "clip", clip))) {
                fixture.train(golden.rows("x"));
                assertGradient(fixture, "encoder", golden.rows("grad.W_enc"));
                assertGradient(fixture, "decoder", golden.rows("grad.W_dec"));
                assertGradient(fixture, "encoder_bias", golden.rows("grad.b_gate"));
                assertGradient(fixture, "magnitude_scale", golden.rows("grad.r_mag"));
                assertGradient(fixture, "magnitude_bias", golden.rows("grad.b_mag"));
                assertGradient(fixture, "decoder_bias", golden.rows("grad.b_dec"));
                TrainingMetrics metrics = fixture.learner.metrics(1, 0, 0);
                assertThat(metrics.loss()).isCloseTo(golden.scalar("loss"), within(1e-4 * golden.scalar("loss")));
                assertThat(metrics.fvu())
                        .isCloseTo(golden.scalar("loss.mse"), within(1e-4 * golden.scalar("loss.mse")));
            }
        }
    }

    private static LearnerFixture gated(String device, Golden golden, TrainingOptions options) {
        LearnerFixture fixture = new LearnerFixture(device, options, golden.vector("b_dec").length);
        fixture.set("encoder", golden.rows("W_enc"));
        fixture.set("decoder", golden.rows("W_dec"));
        fixture.set("encoder_bias", golden.vector("b_gate"));
        fixture.set("magnitude_scale", golden.vector("r_mag"));
        fixture.set("magnitude_bias", golden.vector("b_mag"));
        fixture.set("decoder_bias", golden.vector("b_dec"));
        return fixture;
    }

    /** What is exported has a threshold where there were a gate and magnitudes, and encodes the same. */
    @ParameterizedTest
    @MethodSource("devices")
    void aGatedSaeEncodesWhatItsGateAndMagnitudesGive(String device) {
        Golden golden = Golden.load("gated");
        TrainingOptions options = plain(Recipe.of("gated").l1(0.1).latents(61));
        try (LearnerFixture fixture = gated(device, golden, options);
                Sae sae = fixture.learner.finish(Map.of());
                SparseCodes codes = sae.encode(golden.rows("x"))) {
            float[][] wanted = golden.rows("z");
            float[][] dense = new float[wanted.length][wanted[0].length];
            for (int row = 0; row < dense.length; row++) {
                for (int entry = codes.start(row); entry < codes.start(row + 1); entry++) {
                    dense[row][codes.latent(entry)] = codes.value(entry);
                }
            }
            LearnerFixture.assertClose("z", dense, wanted);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void nestedDictionaries(String device) {
        Golden golden = Golden.load("matryoshka");
        TrainingOptions options = plain(matryoshka(golden));
        for (double clip : new double[] {0, 1e9}) {
            try (LearnerFixture fixture = started(device, golden, TestOptions.with(options, "clip", clip))) {
                fixture.train(golden.rows("x"));
                assertGradient(fixture, "encoder", golden.rows("grad.W_enc"));
                assertGradient(fixture, "decoder", golden.rows("grad.W_dec"));
                assertGradient(fixture, "encoder_bias", golden.rows("grad.b_enc"));
                assertGradient(fixture, "decoder_bias", golden.rows("grad.b_dec"));
                TrainingMetrics metrics = fixture.learner.metrics(1, 0, 0);
                assertThat(metrics.loss()).isCloseTo(golden.scalar("loss"), within(1e-4 * golden.scalar("loss")));
            }
        }
    }

    private static Recipe matryoshka(Golden golden) {
        List<Integer> groups = new ArrayList<>();
        for (float size : golden.vector("groups")) {
            groups.add((int) size);
        }
        return Recipe.of("matryoshka")
                .groups(groups)
                .k(5)
                .auxiliary(new Auxiliary.None())
                .latents(61);
    }

    /** One more error in the mean, {@code ‖b_dec - x‖²}, which has a gradient for the decoder bias alone. */
    @ParameterizedTest
    @MethodSource("devices")
    void nestedDictionariesWithTheDecoderBiasAsOneMore(String device) {
        Golden golden = Golden.load("matryoshka");
        int groups = golden.vector("groups").length;
        double share = groups / (groups + 1.0);
        float[] bias = golden.vector("b_dec");
        float[][] dBias = scaled(golden.rows("grad.b_dec"), share);
        double error = 0;
        for (float[] row : golden.rows("x")) {
            for (int at = 0; at < row.length; at++) {
                double difference = (double) bias[at] - row[at];
                error += difference * difference / BATCH;
                dBias[0][at] += (float) (2 * difference / BATCH / (groups + 1));
            }
        }
        double loss = share * golden.scalar("loss") + error / (groups + 1);
        TrainingOptions options = plain(matryoshka(golden).biasLevel());
        try (LearnerFixture fixture = started(device, golden, options)) {
            fixture.train(golden.rows("x"));
            assertGradient(fixture, "encoder", scaled(golden.rows("grad.W_enc"), share));
            assertGradient(fixture, "decoder", scaled(golden.rows("grad.W_dec"), share));
            assertGradient(fixture, "encoder_bias", scaled(golden.rows("grad.b_enc"), share));
            assertGradient(fixture, "decoder_bias", dBias);
            assertThat(fixture.learner.metrics(1, 0, 0).loss()).isCloseTo(loss, within(1e-4 * loss));
        }
    }

    /** The derivative of {@code c/B · Σ relu(θ - π)} over dead latents, by its formula. */
    @ParameterizedTest
    @MethodSource("devices")
    void deadLatentsArePulledUpToTheirThresholds(String device) {
        Golden golden = Golden.load("jumprelu");
        double c = 0.7;
        float[] lastFired = new float[61];
        for (int latent = 0; latent < 61; latent += 3) {
            lastFired[latent] = -1;
        }
        float[][] x = golden.rows("x");
        float[][] encoder = golden.rows("W_enc");
        float[][] dEncoder = golden.rows("grad.W_enc");
        float[][] dBias = golden.rows("grad.b_enc");
        float[][] dThreshold = golden.rows("grad.threshold");
        int active = 0;
        for (int latent = 0; latent < 61; latent += 3) {
            for (float[] row : x) {
                double pre = golden.vector("b_enc")[latent];
                for (int at = 0; at < row.length; at++) {
                    pre += (double) row[at] * encoder[latent][at];
                }
                if (pre > golden.vector("threshold")[latent]) {
                    active++;
                    continue;
                }
                dBias[0][latent] -= (float) (c / BATCH);
                dThreshold[0][latent] += (float) (c / BATCH);
                for (int at = 0; at < row.length; at++) {
                    dEncoder[latent][at] -= (float) (c / BATCH * row[at]);
                }
            }
        }
        assertThat(active)
                .as("rows in which a latent that counts as dead is active")
                .isPositive();
        TrainingOptions options = TestOptions.with(jumpRelu(), "preActivationLoss", c);
        try (LearnerFixture fixture = started(device, golden, options)) {
            fixture.set("last_fired", lastFired);
            fixture.train(x);
            assertGradient(fixture, "encoder", dEncoder);
            assertGradient(fixture, "encoder_bias", dBias);
            assertGradient(fixture, "thresholds", dThreshold);
            assertGradient(fixture, "decoder", golden.rows("grad.W_dec"));
        }
    }

    /** The gradients of two selections are those of each by itself, the second one's weighted. */
    @ParameterizedTest
    @MethodSource("devices")
    void twoSelectionsAddUp(String device) {
        Golden golden = Golden.load("batchtopk");
        float[][][] single = new float[2][][];
        float[][][] bias = new float[2][][];
        for (int of = 0; of < 2; of++) {
            TrainingOptions options = plain(Recipe.of("topk")
                    .k(of == 0 ? 3 : 12)
                    .auxiliary(new Auxiliary.None())
                    .latents(61));
            try (LearnerFixture fixture = started(device, golden, options)) {
                fixture.train(golden.rows("x"));
                single[of] = fixture.get("decoder.m");
                bias[of] = fixture.get("decoder_bias.m");
            }
        }
        for (Auxiliary auxiliary : List.of(new Auxiliary.None(), new Auxiliary.AuxK(0.5, 4))) {
            TrainingOptions both =
                    plain(Recipe.of("multi-topk").k(3).auxiliary(auxiliary).latents(61));
            try (LearnerFixture fixture = started(device, golden, both)) {
                fixture.train(golden.rows("x"));
                assertGradient(fixture, "decoder", sum(single[0], single[1], 1 / 8.0));
                assertGradient(fixture, "decoder_bias", sum(bias[0], bias[1], 1 / 8.0));
            }
        }
    }

    private static float[][] sum(float[][] a, float[][] b, double weight) {
        float[][] sum = new float[a.length][a[0].length];
        for (int row = 0; row < a.length; row++) {
            for (int at = 0; at < a[row].length; at++) {
                sum[row][at] = (float) (a[row][at] + weight * b[row][at]);
            }
        }
        return sum;
    }

    /** So many latents, silent ones, that the batch no longer fits one chunk. */
    @Test
    void chunksOfABatchAddUpToTheWhole() {
        int latents = 1 << 17;
        for (String file : List.of("relu-april", "jumprelu")) {
            TrainingOptions options = file.equals("jumprelu") ? jumpRelu() : relu(Preset.APRIL);
            Golden golden = Golden.load(file);
            assertThat(StepWorkspace.MAX_ENTRIES / latents)
                    .as("rows of a chunk")
                    .isLessThan(BATCH);
            try (LearnerFixture fixture =
                    new LearnerFixture(TestDevices.training(), TestOptions.with(options, "latents", latents), 19)) {
                fixture.set("encoder", padded(golden.rows("W_enc"), latents));
                fixture.set("decoder", padded(golden.rows("W_dec"), latents));
                fixture.set("encoder_bias", padded(golden.vector("b_enc"), latents, -9));
                fixture.set("decoder_bias", golden.vector("b_dec"));
                if (file.equals("jumprelu")) {
                    fixture.set("thresholds", padded(golden.vector("threshold"), latents, 1));
                    fixture.train(golden.rows("x"));
                    assertGradient(fixture, "thresholds", golden.rows("grad.threshold"));
                } else {
                    fixture.train(golden.rows("x"));
                }
                assertGradient(fixture, "encoder", golden.rows("grad.W_enc"));
                assertGradient(fixture, "decoder", golden.rows("grad.W_dec"));
                assertGradient(fixture, "encoder_bias", golden.rows("grad.b_enc"));
                assertGradient(fixture, "decoder_bias", golden.rows("grad.b_dec"));
                TrainingMetrics metrics = fixture.learner.metrics(1, 0, 0);
                assertThat(metrics.loss()).isCloseTo(golden.scalar("loss"), within(1e-4 * golden.scalar("loss")));
            }
        }
    }

    /** The file's selection leaves dead latents out, a learner's doesn't: the reference does either. */
    @Test
    void theReferenceOfTheAuxiliaryLossAgreesWithAutograd() {
        Golden golden = Golden.load("topk-auxk");
        ReferenceStep step = reference(golden, false);
        LearnerFixture.assertClose("W_enc", step.gradEncoder, golden.rows("grad.W_enc"));
        LearnerFixture.assertClose("W_dec", step.gradDecoder, golden.rows("grad.W_dec"));
        LearnerFixture.assertClose("b_enc", step.gradEncoderBias, golden.rows("grad.b_enc"));
        LearnerFixture.assertClose("b_dec", step.gradDecoderBias, golden.rows("grad.b_dec"));
    }

    @ParameterizedTest
    @MethodSource("devices")
    void topKWithTheAuxiliaryLossOfDeadLatents(String device) {
        Golden golden = Golden.load("topk-auxk");
        ReferenceStep wanted = reference(golden, true);
        float[] dead = golden.vector("dead");
        float[] lastFired = new float[dead.length];
        for (int latent = 0; latent < dead.length; latent++) {
            lastFired[latent] = dead[latent] != 0 ? -1 : 0;
        }
        for (double clip : new double[] {0, 1e9}) {
            TrainingOptions options = TestOptions.with(
                    plain(Recipe.of("topk")
                            .k(5)
                            .auxiliary(new Auxiliary.AuxK(0.03125, 8))
                            .latents(61)),
                    "clip",
                    clip);
            try (LearnerFixture fixture = started(device, golden, options)) {
                fixture.set("last_fired", lastFired);
                fixture.train(golden.rows("x"));
                assertGradient(fixture, "encoder", wanted.gradEncoder);
                assertGradient(fixture, "decoder", wanted.gradDecoder);
                assertGradient(fixture, "encoder_bias", wanted.gradEncoderBias);
                assertGradient(fixture, "decoder_bias", wanted.gradDecoderBias);
            }
        }
    }

    /** Codes of either sign, by the formulas that agree with autograd for codes of one. */
    @ParameterizedTest
    @MethodSource("devices")
    void absTopKWithTheAuxiliaryLossOfDeadLatents(String device) {
        Golden golden = Golden.load("topk-auxk");
        float[] dead = golden.vector("dead");
        ReferenceStep wanted = new ReferenceStep(
                        golden.rows("W_enc"), golden.vector("b_enc"), golden.rows("W_dec"), golden.vector("b_dec"))
                .byMagnitude()
                .run(golden.rows("x"), 5, ReferenceStep.flags(dead), 8, 0.03125, true);
        float[] lastFired = new float[dead.length];
        for (int latent = 0; latent < dead.length; latent++) {
            lastFired[latent] = dead[latent] != 0 ? -1 : 0;
        }
        for (double clip : new double[] {0, 1e9}) {
            TrainingOptions options = TestOptions.with(
                    plain(Recipe.of("abs-topk")
                            .k(5)
                            .auxiliary(new Auxiliary.AuxK(0.03125, 8))
                            .latents(61)),
                    "clip",
                    clip);
            try (LearnerFixture fixture = started(device, golden, options)) {
                fixture.set("last_fired", lastFired);
                fixture.train(golden.rows("x"));
                assertGradient(fixture, "encoder", wanted.gradEncoder);
                assertGradient(fixture, "decoder", wanted.gradDecoder);
                assertGradient(fixture, "encoder_bias", wanted.gradEncoderBias);
                assertGradient(fixture, "decoder_bias", wanted.gradDecoderBias);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void clippingScalesAllGradientsByOneFactor(String device) {
        Golden golden = Golden.load("jumprelu");
        double squares = 0;
        for (String name : List.of("W_enc", "W_dec", "b_enc", "b_dec", "threshold")) {
            for (float[] row : golden.rows("grad." + name)) {
                for (float value : row) {
                    squares += (double) value * value;
                }
            }
        }
        double limit = Math.sqrt(squares) / 3;
        try (LearnerFixture fixture = started(device, golden, TestOptions.with(jumpRelu(), "clip", limit))) {
            fixture.train(golden.rows("x"));
            assertGradient(fixture, "encoder", scaled(golden.rows("grad.W_enc"), 1 / 3.0));
            assertGradient(fixture, "decoder", scaled(golden.rows("grad.W_dec"), 1 / 3.0));
            assertGradient(fixture, "encoder_bias", scaled(golden.rows("grad.b_enc"), 1 / 3.0));
            assertGradient(fixture, "decoder_bias", scaled(golden.rows("grad.b_dec"), 1 / 3.0));
            assertGradient(fixture, "thresholds", scaled(golden.rows("grad.threshold"), 1 / 3.0));
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void unitDecoderRowsLearnOnlyAcrossTheirDirection(String device) {
        Golden golden = Golden.load("batchtopk");
        float[][] decoder = golden.rows("W_dec");
        float[][] wanted = golden.rows("grad.W_dec");
        for (int latent = 0; latent < decoder.length; latent++) {
            double along = 0;
            for (int at = 0; at < decoder[latent].length; at++) {
                along += (double) decoder[latent][at] * wanted[latent][at];
            }
            for (int at = 0; at < decoder[latent].length; at++) {
                wanted[latent][at] -= (float) (along * decoder[latent][at]);
            }
        }
        TrainingOptions options = TestOptions.with(
                plain(Recipe.of("batchtopk")
                        .k(5)
                        .auxiliary(new Auxiliary.None())
                        .latents(61)),
                "unitDecoder",
                true);
        try (LearnerFixture fixture = started(device, golden, options)) {
            fixture.train(golden.rows("x"));
            assertGradient(fixture, "decoder", wanted);
            for (float[] row : fixture.get("decoder")) {
                double squares = 0;
                for (float value : row) {
                    squares += (double) value * value;
                }
                assertThat(squares).isCloseTo(1, within(1e-5));
            }
        }
    }

    private static TrainingOptions relu(Preset preset) {
        return plain(Recipe.of("relu").preset(preset).l1(0.3).latents(61));
    }

    private static TrainingOptions jumpRelu() {
        return TestOptions.with(
                plain(Recipe.of("jumprelu").l0(0.05).bandwidth(0.1).latents(61)),
                "subtractDecoderBias",
                false,
                "initialThreshold",
                0.5);
    }

    private static TrainingOptions plain(Recipe recipe) {
        return TestOptions.with(
                recipe.batch(BATCH)
                        .tokens(10 * BATCH)
                        .learningRate(1e-3)
                        .warmup(0)
                        .decay(0)
                        .clip(0)
                        .sparsityWarmup(0)
                        .scaling(InputScaling.NONE)
                        .build(19),
                "beta1",
                0.0,
                "unitDecoder",
                false);
    }

    private static LearnerFixture started(String device, Golden golden, TrainingOptions options) {
        LearnerFixture fixture = new LearnerFixture(device, options, golden.vector("b_dec").length);
        fixture.set("encoder", golden.rows("W_enc"));
        fixture.set("decoder", golden.rows("W_dec"));
        fixture.set("encoder_bias", golden.vector("b_enc"));
        fixture.set("decoder_bias", golden.vector("b_dec"));
        if (fixture.learner.checkpointMatrices().containsKey("thresholds")) {
            fixture.set("thresholds", golden.vector("threshold"));
        }
        return fixture;
    }

    /** By the fused step, and with gradients stored first. */
    private static void checkGradients(String device, String file, TrainingOptions options) {
        Golden golden = Golden.load(file);
        for (double clip : new double[] {0, 1e9}) {
            try (LearnerFixture fixture = started(device, golden, TestOptions.with(options, "clip", clip))) {
                fixture.train(golden.rows("x"));
                assertGradient(fixture, "encoder", golden.rows("grad.W_enc"));
                assertGradient(fixture, "decoder", golden.rows("grad.W_dec"));
                assertGradient(fixture, "encoder_bias", golden.rows("grad.b_enc"));
                assertGradient(fixture, "decoder_bias", golden.rows("grad.b_dec"));
                TrainingMetrics metrics = fixture.learner.metrics(1, 0, 0);
                assertThat(metrics.loss()).isCloseTo(golden.scalar("loss"), within(1e-4 * golden.scalar("loss")));
                assertThat(metrics.fvu())
                        .isCloseTo(golden.scalar("loss.mse"), within(1e-4 * golden.scalar("loss.mse")));
            }
        }
    }

    /** Of the first rows or columns, as many as are wanted. */
    private static void assertGradient(LearnerFixture fixture, String name, float[][] wanted) {
        float[][] all = Arrays.copyOf(fixture.get(name + ".m"), wanted.length);
        for (int row = 0; row < all.length; row++) {
            all[row] = Arrays.copyOf(all[row], wanted[row].length);
        }
        LearnerFixture.assertClose(name, all, wanted);
    }

    private static ReferenceStep reference(Golden golden, boolean deadMayBeSelected) {
        boolean[] dead = ReferenceStep.flags(golden.vector("dead"));
        return new ReferenceStep(
                        golden.rows("W_enc"), golden.vector("b_enc"), golden.rows("W_dec"), golden.vector("b_dec"))
                .run(golden.rows("x"), 5, dead, 8, 0.03125, deadMayBeSelected);
    }

    private static float[][] scaled(float[][] rows, double factor) {
        for (float[] row : rows) {
            for (int at = 0; at < row.length; at++) {
                row[at] = (float) (factor * row[at]);
            }
        }
        return rows;
    }

    private static float[][] padded(float[][] rows, int count) {
        float[][] all = Arrays.copyOf(rows, count);
        Arrays.fill(all, rows.length, count, new float[rows[0].length]);
        return all;
    }

    private static float[] padded(float[] values, int count, float with) {
        float[] all = Arrays.copyOf(values, count);
        Arrays.fill(all, values.length, count, with);
        return all;
    }
}
