// SPDX-License-Identifier: Apache-2.0
package dev.darien.ensemble;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.device.Device;
import dev.darien.device.TestDevices;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Gated;
import dev.darien.sae.Inference;
import dev.darien.sae.JumpRelu;
import dev.darien.sae.Relu;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeWeights;
import dev.darien.sae.Sparsity;
import dev.darien.sae.TopK;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What an ensemble encodes and decodes, against its members one by one and plain loops. */
@Tag("device")
class EnsembleTest {
    private static final int WIDTH = 7;
    private static final int ROWS = 23;

    static List<String> devices() {
        return TestDevices.all();
    }

    /** Random SAEs of 5, 6, 7, … latents, that subtract the decoder's bias by turns, and activations. */
    private static final class Fixture implements AutoCloseable {
        final Device device;
        final List<Sae> members = new ArrayList<>();
        final float[][] x;

        Fixture(String name, Sparsity... rules) {
            device = Device.open(name);
            Random random = new Random(4);
            for (Sparsity rule : rules) {
                members.add(sae(device, rule, 5 + members.size(), members.size() % 2 == 0, random));
            }
            x = gaussian(random, ROWS, WIDTH, 1);
        }

        Ensemble ensemble(EnsembleKind kind) {
            return Ensemble.of(kind, members);
        }

        @Override
        public void close() {
            device.close();
        }
    }

    static Sae sae(Device device, Sparsity rule, int latents, boolean subtracts, Random random) {
        SaeWeights weights = SaeWeights.allocate(device.memory(), latents, WIDTH, rule.hasThresholds());
        upload(device, weights.encoder(), gaussian(random, latents, WIDTH, 0.5));
        upload(device, weights.encoderBias(), gaussian(random, 1, latents, 0.3));
        upload(device, weights.decoder(), gaussian(random, latents, WIDTH, 0.5));
        upload(device, weights.decoderBias(), gaussian(random, 1, WIDTH, 0.3));
        if (weights.thresholds() != null) {
            float[][] thresholds = gaussian(random, 1, latents, 0.4);
            for (int latent = 0; latent < latents; latent++) {
                thresholds[0][latent] = Math.abs(thresholds[0][latent]);
            }
            upload(device, weights.thresholds(), thresholds);
        }
        return new Sae(device, weights, rule, subtracts, Map.of());
    }

    static float[][] gaussian(Random random, int rows, int columns, double scale) {
        float[][] values = new float[rows][columns];
        for (float[] row : values) {
            for (int column = 0; column < columns; column++) {
                row[column] = (float) (scale * random.nextGaussian());
            }
        }
        return values;
    }

    private static void upload(Device device, Matrix target, float[]... rows) {
        try (Matrix host = device.staging("weights", DType.F32, rows.length, rows[0].length)) {
            for (int row = 0; row < rows.length; row++) {
                host.setRow(row, rows[row]);
            }
            device.upload(host, target);
        }
    }

    /** Codes by row and latent, and the reconstructions, of batches of 8 rows. */
    @SuppressWarnings("ArrayRecordComponent")
    private record Outcome(float[][] codes, float[][] output) {}

    private static Outcome run(Autoencoder sae, float[]... x) {
        float[][] codes = new float[x.length][sae.latents()];
        float[][] output = new float[x.length][];
        try (Inference inference = sae.inference(8);
                Matrix batch = sae.device().staging("x", DType.F32, 8, WIDTH);
                Matrix out = sae.device().staging("out", DType.F32, 8, WIDTH)) {
            assertThat(inference.maxRows()).isEqualTo(8);
            for (int first = 0; first < x.length; first += 8) {
                int rows = Math.min(8, x.length - first);
                for (int row = 0; row < rows; row++) {
                    batch.setRow(row, x[first + row]);
                }
                SparseCodes there = inference.encode(batch.slice(0, rows));
                sae.device().download(inference.decode(there), out.slice(0, rows));
                try (SparseCodes host = inference.toHost(there)) {
                    for (int row = 0; row < rows; row++) {
                        output[first + row] = out.toArray(row);
                        for (int entry = host.start(row); entry < host.start(row + 1); entry++) {
                            codes[first + row][host.latent(entry)] = host.value(entry);
                        }
                    }
                }
            }
        }
        return new Outcome(codes, output);
    }

    private static float[][] minus(float[][] a, float[]... b) {
        float[][] difference = new float[a.length][];
        for (int row = 0; row < a.length; row++) {
            difference[row] = a[row].clone();
            for (int i = 0; i < a[row].length; i++) {
                difference[row][i] -= b[row][i];
            }
        }
        return difference;
    }

    private static double square(float[] row) {
        return IntStream.range(0, row.length)
                .mapToDouble(i -> (double) row[i] * row[i])
                .sum();
    }

    private static void assertClose(float[][] actual, float[]... expected) {
        for (int row = 0; row < expected.length; row++) {
            for (int i = 0; i < expected[row].length; i++) {
                assertThat(actual[row][i]).as("row %d, %d", row, i).isEqualTo(expected[row][i], within(1e-5f));
            }
        }
    }

    /** Decodes with the ensemble's stacked decoder by plain loops: proposition 3.1. */
    private static float[][] decoded(Autoencoder ensemble, float[]... codes) {
        float[][] decoder =
                ensemble.decoderRows(IntStream.range(0, ensemble.latents()).toArray());
        float[] bias = new float[WIDTH];
        try (Matrix host = ensemble.device().staging("bias", DType.F32, 1, WIDTH)) {
            ensemble.device().download(ensemble.decoderBias(), host);
            bias = host.toArray(0);
        }
        float[][] out = new float[codes.length][WIDTH];
        for (int row = 0; row < codes.length; row++) {
            for (int i = 0; i < WIDTH; i++) {
                double sum = bias[i];
                for (int latent = 0; latent < decoder.length; latent++) {
                    sum += (double) codes[row][latent] * decoder[latent][i];
                }
                out[row][i] = (float) sum;
            }
        }
        return out;
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aBaggingIsTheMeanOfItsMembersAndItsCodesDecodeToIt(String name) {
        try (Fixture fixture = new Fixture(name, new TopK(2), new Relu(), new JumpRelu(0));
                Ensemble ensemble = fixture.ensemble(EnsembleKind.BAGGING)) {
            Outcome all = run(ensemble, fixture.x);
            float[][] mean = new float[ROWS][WIDTH];
            float[][] codes = new float[ROWS][ensemble.latents()];
            double meanError = 0;
            double variance = 0;
            int first = 0;
            for (Sae member : ensemble.members()) {
                Outcome one = run(member, fixture.x);
                for (int row = 0; row < ROWS; row++) {
                    for (int i = 0; i < WIDTH; i++) {
                        mean[row][i] += one.output[row][i] / 3;
                    }
                    for (int latent = 0; latent < member.latents(); latent++) {
                        codes[row][first + latent] = one.codes[row][latent] / 3;
                    }
                    meanError += square(minus(fixture.x, one.output)[row]) / 3;
                    variance += square(minus(all.output, one.output)[row]) / 3;
                }
                first += member.latents();
            }
            assertThat(ensemble.latents()).isEqualTo(5 + 6 + 7);
            assertClose(all.output, mean);
            assertClose(all.codes, codes);
            assertClose(decoded(ensemble, all.codes), all.output);

            // The ambiguity decomposition, and what follows from it.
            double error = 0;
            for (float[] row : minus(fixture.x, all.output)) {
                error += square(row);
            }
            assertThat(error).isEqualTo(meanError - variance, within(1e-4 * error));
            assertThat(error).isLessThan(meanError);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aBoostingIsTheSumOfMembersThatEachSeeWhatIsLeft(String name) {
        try (Fixture fixture = new Fixture(name, new TopK(2), new Relu(), new JumpRelu(0));
                Ensemble ensemble = fixture.ensemble(EnsembleKind.BOOSTING)) {
            Outcome all = run(ensemble, fixture.x);
            float[][] rest = fixture.x;
            float[][] codes = new float[ROWS][ensemble.latents()];
            int first = 0;
            for (Sae member : ensemble.members()) {
                Outcome one = run(member, rest);
                rest = minus(rest, one.output);
                for (int row = 0; row < ROWS; row++) {
                    System.arraycopy(one.codes[row], 0, codes[row], first, member.latents());
                }
                first += member.latents();
            }
            assertClose(all.codes, codes);
            assertClose(minus(fixture.x, all.output), rest);
            assertClose(decoded(ensemble, all.codes), all.output);
            try (Residual residual = new Residual(ensemble.members(), ROWS, WIDTH);
                    Matrix x = fixture.device.staging("x", DType.F32, ROWS, WIDTH);
                    Matrix left = fixture.device.staging("left", DType.F32, ROWS, WIDTH)) {
                for (int row = 0; row < ROWS; row++) {
                    x.setRow(row, fixture.x[row]);
                }
                fixture.device.download(residual.apply(x), left);
                for (int row = 0; row < ROWS; row++) {
                    assertClose(new float[][] {left.toArray(row)}, rest[row]);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aSingleMemberIsThePlainSaeToTheBit(String name) {
        for (EnsembleKind kind : EnsembleKind.values()) {
            try (Fixture fixture = new Fixture(name, new TopK(3));
                    Ensemble ensemble = fixture.ensemble(kind);
                    Sae single = ensemble.toSae()) {
                Outcome plain = run(fixture.members.getFirst(), fixture.x);
                assertThat(run(ensemble, fixture.x)).usingRecursiveComparison().isEqualTo(plain);
                assertThat(run(single, fixture.x)).usingRecursiveComparison().isEqualTo(plain);
            }
        }
    }

    /** Scaling a stage's output by the best factor never makes the error larger: a factor of 0 leaves it as it was. */
    @Test
    void theBestScaleOfAStageDoesNotRaiseTheError() {
        try (Fixture fixture = new Fixture("cpu", new TopK(2), new TopK(2), new Relu())) {
            float[][] rest = fixture.x;
            for (Sae member : fixture.members) {
                float[][] output = run(member, rest).output;
                double product = 0;
                double squares = 0;
                double before = 0;
                for (int row = 0; row < ROWS; row++) {
                    for (int i = 0; i < WIDTH; i++) {
                        product += (double) rest[row][i] * output[row][i];
                    }
                    squares += square(output[row]);
                    before += square(rest[row]);
                }
                double scale = product / squares;
                float[][] after = rest.clone();
                double error = 0;
                for (int row = 0; row < ROWS; row++) {
                    after[row] = rest[row].clone();
                    for (int i = 0; i < WIDTH; i++) {
                        after[row][i] -= (float) (scale * output[row][i]);
                    }
                    error += square(after[row]);
                }
                assertThat(error).isLessThanOrEqualTo(before * (1 + 1e-6));
                rest = after;
            }
            fixture.members.forEach(Sae::close);
        }
    }

    @ParameterizedTest
    @MethodSource("devices")
    void aBaggingOfThresholdRulesIsOneSae(String name) {
        for (Sparsity[] rules : new Sparsity[][] {
            {new Relu(), new Relu()}, {new JumpRelu(0), new JumpRelu(0)}, {new Relu(), new Gated(), new JumpRelu(0)}
        }) {
            try (Fixture fixture = new Fixture(name, rules);
                    Ensemble ensemble = fixture.ensemble(EnsembleKind.BAGGING);
                    Sae single = ensemble.toSae()) {
                Outcome expected = run(ensemble, fixture.x);
                Outcome actual = run(single, fixture.x);
                assertClose(actual.codes, expected.codes);
                assertClose(actual.output, expected.output);
                assertThat(single.sparsity())
                        .isInstanceOf(rules[0] instanceof Relu && rules.length == 2 ? Relu.class : JumpRelu.class);
            }
        }
    }

    @Test
    void whatIsNoSingleSaeIsRefusedWithTheReason() {
        try (Fixture fixture = new Fixture("cpu", new TopK(2), new TopK(2));
                Ensemble bagging = fixture.ensemble(EnsembleKind.BAGGING)) {
            assertThatThrownBy(bagging::toSae)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("selects among its own latents");
        }
        try (Fixture fixture = new Fixture("cpu", new Relu(), new Relu());
                Ensemble boosting = fixture.ensemble(EnsembleKind.BOOSTING)) {
            assertThatThrownBy(boosting::toSae)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("what those before it have left");
        }
    }

    @Test
    void othersThanTheEnsemblesActivationsAreRefused() {
        try (Fixture fixture = new Fixture("cpu", new TopK(2), new Relu());
                Ensemble ensemble = fixture.ensemble(EnsembleKind.BAGGING);
                Inference inference = ensemble.inference(4);
                Matrix narrow = fixture.device.staging("x", DType.F32, 4, WIDTH - 1);
                Matrix many = fixture.device.staging("x", DType.F32, 5, WIDTH)) {
            assertThatThrownBy(() -> inference.encode(narrow)).hasMessageContaining("of width 7, not 6");
            assertThatThrownBy(() -> inference.encode(many)).hasMessageContaining("more than this inference's 4");
        }
        assertThatThrownBy(() -> Ensemble.of(EnsembleKind.BAGGING, List.of())).hasMessageContaining("at least 1");
    }

    @Test
    void seedsOfEnsemblesOfOneSizeAreDisjoint() {
        List<Long> seeds = new ArrayList<>();
        for (long seed = 0; seed < 5; seed++) {
            for (int member = 0; member < 4; member++) {
                seeds.add(EnsembleKind.seed(seed, 4, member));
            }
        }
        assertThat(seeds).doesNotHaveDuplicates();
        assertThat(EnsembleKind.seed(17, 1, 0)).isEqualTo(17);
    }
}
