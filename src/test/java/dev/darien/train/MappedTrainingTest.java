// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.ActivationSource;
import dev.darien.device.Device;
import dev.darien.device.DeviceOptions;
import dev.darien.device.Devices;
import dev.darien.device.TestDevices;
import dev.darien.eval.Evaluation;
import dev.darien.eval.Evaluator;
import dev.darien.sae.Mapping;
import dev.darien.sae.Sae;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Transcoders and crosscoders find what made their data, whatever its size, and the same bits again. */
@Tag("device")
class MappedTrainingTest {
    private static final Mapping TRANSCODER = new Mapping.Transcoder(PairedData.OTHER_WIDTH, false);
    private static final Mapping SKIP = new Mapping.Transcoder(PairedData.OTHER_WIDTH, true);
    private static final Mapping CROSSCODER = new Mapping.Crosscoder(List.of(
            new Mapping.Part("first", PairedData.FIRST_WIDTH, 1),
            new Mapping.Part("other", PairedData.OTHER_WIDTH, 1)));

    @TempDir
    Path folder;

    private static Recipe recipe(String architecture, Mapping mapping) {
        Recipe recipe = Recipe.of(architecture)
                .mapping(mapping)
                .latents(64)
                .batch(256)
                .tokens(256L * 1200)
                .learningRate(4e-3)
                .seed(3);
        return switch (architecture) {
            case "relu", "jumprelu" -> recipe.targetL0(4);
            default -> recipe.k(4);
        };
    }

    private record Trained(Evaluation evaluation, float[][] decoder, Mapping mapping, double fvu) {}

    private static Trained train(Recipe recipe, PairedData data) {
        ActivationSource source = new ArraySource(data.rows);
        try (Device device = Device.open(TestDevices.training());
                Trainer trainer = new Trainer(device, source, List.of(recipe.build(PairedData.FIRST_WIDTH)))) {
            assertThat(trainer.train().finished()).isTrue();
            int[] all = new int[64];
            for (int latent = 0; latent < 64; latent++) {
                all[latent] = latent;
            }
            try (Sae sae = trainer.sae(0)) {
                return new Trained(
                        Evaluator.evaluate(sae, source),
                        sae.decoderRows(all),
                        sae.mapping(),
                        Objects.requireNonNull(trainer.metrics(0)).fvu());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"topk", "jumprelu", "relu"})
    @Tag("long")
    void aTranscoderFindsWhatBecomesOfEachCause(String architecture) {
        PairedData data = new PairedData(6000, 0, 0, 1);
        Trained trained = train(recipe(architecture, TRANSCODER), data);
        // An L1 penalty shrinks.
        assertThat(trained.evaluation().fvu()).isLessThan(architecture.equals("relu") ? 0.2 : 0.1);
        assertThat(trained.evaluation().fvu())
                .as("the same of the SAE for unscaled activations as in training")
                .isCloseTo(trained.fvu(), within(0.3 * trained.fvu()));
        assertThat(found(data.other, trained.decoder(), 0)).isGreaterThan(0.75);
    }

    @Test
    @Tag("long")
    void aSkipConnectionTakesWhatIsLinear() {
        PairedData data = new PairedData(6000, 0, 1.5, 2);
        double without = train(recipe("topk", TRANSCODER), data).evaluation().fvu();
        double with = train(recipe("topk", SKIP), data).evaluation().fvu();
        assertThat(with).isLessThan(0.5 * without).isLessThan(0.1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"topk", "relu"})
    @Tag("long")
    void aCrosscoderTellsSharedCausesFromThoseOfOneTensor(String architecture) {
        int alone = 10;
        PairedData data = new PairedData(6000, alone, 0, 4);
        Trained trained = train(recipe(architecture, CROSSCODER).tokens(256L * 2500), data);
        Evaluation evaluation = trained.evaluation();
        assertThat(evaluation.fvu()).isLessThan(architecture.equals("relu") ? 0.2 : 0.1);
        assertThat(evaluation.tensors().keySet()).containsExactly("first", "other");
        evaluation.tensors().values().forEach(tensor -> assertThat(tensor.fvu()).isLessThan(0.3));
        Mapping.Crosscoder mapping = (Mapping.Crosscoder) trained.mapping();
        assertThat(mapping.parts().get(0).scale())
                .as("smaller activations are multiplied by more")
                .isLessThan(mapping.parts().get(1).scale() / 10);
        assertThat(found(data.first, trained.decoder(), 0)).isGreaterThan(0.7);
        assertThat(found(data.other, trained.decoder(), PairedData.FIRST_WIDTH)).isGreaterThan(0.7);
        for (int cause : new int[] {0, PairedData.CAUSES / 2, PairedData.CAUSES - 1}) {
            float[] row = nearest(data, cause, mapping, trained.decoder());
            double first = norm(row, 0, PairedData.FIRST_WIDTH)
                    * mapping.parts().get(0).scale();
            double other = norm(row, PairedData.FIRST_WIDTH, row.length)
                    * mapping.parts().get(1).scale();
            double share = first / (first + other);
            if (cause == 0) {
                assertThat(share).isGreaterThan(0.85);
            } else if (cause == PairedData.CAUSES - 1) {
                assertThat(share).isLessThan(0.15);
            } else {
                assertThat(share).isBetween(0.3, 0.7);
            }
        }
    }

    /** Share of the directions that some latent's decoder row, from a column on, has a cosine above 0.9 with. */
    private static double found(double[][] directions, float[][] decoder, int from) {
        int found = 0;
        int all = 0;
        for (double[] direction : directions) {
            if (norm(direction) == 0) {
                continue;
            }
            all++;
            for (float[] row : decoder) {
                double dot = 0;
                for (int at = 0; at < direction.length; at++) {
                    dot += direction[at] * row[from + at];
                }
                if (dot > 0.9 * norm(row, from, from + direction.length)) {
                    found++;
                    break;
                }
            }
        }
        return (double) found / all;
    }

    /** The decoder row that is most like a cause in all tensors. */
    private static float[] nearest(PairedData data, int cause, Mapping.Crosscoder mapping, float[][] decoder) {
        float[] best = decoder[0];
        double largest = -1;
        for (float[] row : decoder) {
            double dot = 0;
            double squares = 0;
            for (int at = 0; at < row.length; at++) {
                boolean inFirst = at < PairedData.FIRST_WIDTH;
                double value = row[at] * mapping.parts().get(inFirst ? 0 : 1).scale();
                squares += value * value;
                dot += value * (inFirst ? data.first[cause][at] : data.other[cause][at - PairedData.FIRST_WIDTH]);
            }
            if (dot / Math.sqrt(squares) > largest) {
                largest = dot / Math.sqrt(squares);
                best = row;
            }
        }
        return best;
    }

    private static double norm(double[] values) {
        double squares = 0;
        for (double value : values) {
            squares += value * value;
        }
        return Math.sqrt(squares);
    }

    private static double norm(float[] values, int from, int end) {
        double squares = 0;
        for (int at = from; at < end; at++) {
            squares += (double) values[at] * values[at];
        }
        return Math.sqrt(squares);
    }

    @ParameterizedTest
    @ValueSource(strings = {"topk transcoder", "jumprelu transcoder", "topk crosscoder", "relu crosscoder"})
    void theSameBitsWithAnyNumberOfThreadsAndAfterAnInterruption(String what) {
        PairedData data = new PairedData(300, 2, 0.5, 7);
        String[] words = what.split(" ", -1);
        TrainingOptions options = recipe(words[0], words[1].equals("transcoder") ? SKIP : CROSSCODER)
                .latents(24)
                .batch(16)
                .tokens(16L * 16)
                .build(PairedData.FIRST_WIDTH);
        options = TestOptions.with(options, "deadAfterTokens", 4L * 16);
        List<Integer> straight = bits(options, data, 1, Integer.MAX_VALUE);
        assertThat(bits(options, data, 3, Integer.MAX_VALUE)).isEqualTo(straight);
        bits(options, data, 1, 7);
        assertThat(bits(options, data, 1, Integer.MAX_VALUE)).as("resumed").isEqualTo(straight);
    }

    private List<Integer> bits(TrainingOptions options, PairedData data, int threads, int until) {
        try (Device device = Devices.open(TestDevices.training(), new DeviceOptions(threads));
                Trainer trainer = new Trainer(device, new ArraySource(data.rows), List.of(options))) {
            trainer.checkpointTo(List.of(folder), 0);
            trainer.resume();
            trainer.addListener((run, metrics) -> {
                if (metrics.step() == until) {
                    trainer.interrupt();
                }
            });
            assertThat(trainer.train().finished()).isEqualTo(until == Integer.MAX_VALUE);
            if (until == Integer.MAX_VALUE) {
                trainer.clearCheckpoints();
            }
            return WeightBytes.of(trainer, 0);
        }
    }

    @Test
    void whatCanNotBeIsRefused() {
        for (Mapping mapping : List.of(TRANSCODER, CROSSCODER)) {
            assertThatThrownBy(() -> Recipe.of("gated").mapping(mapping).build(20))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("gated");
        }
        assertThatThrownBy(() -> recipe("topk", TRANSCODER).resample().build(20))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("resampling starts a latent along an activation");
        assertThatThrownBy(() ->
                        Recipe.of("p-anneal").mapping(CROSSCODER).targetL0(4).build(20))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("a crosscoder's penalty weighs latents by their decoder norms");
        assertThatThrownBy(() -> new Mapping.Crosscoder(List.of(new Mapping.Part("x", 3, 1))))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a crosscoder needs at least two tensors, not 1; one makes an autoencoder");
        PairedData data = new PairedData(300, 0, 0, 7);
        for (Mapping mapping : List.of(
                new Mapping.Transcoder(56, false),
                new Mapping.Crosscoder(List.of(new Mapping.Part("x", 3, 1), new Mapping.Part("y", 4, 1))))) {
            TrainingOptions options = recipe("topk", mapping).build(20);
            try (Device device = Device.open(TestDevices.training())) {
                assertThatThrownBy(() -> new Trainer(device, new ArraySource(data.rows), List.of(options)))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("rows of width 56 don't fit a " + mapping);
            }
        }
    }
}
