// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.JsonFile;
import dev.darien.data.SafetensorsFile;
import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.Values;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Transcoders and crosscoders from the command line. */
class MappedCommandTest {
    private static final int ROWS = 1024;

    @TempDir
    Path folder;

    private Path data;
    private Path out;

    /** x and y of the same causes, and z, which has other rows. */
    @BeforeEach
    void write() {
        Random random = new Random(4);
        Values first = Values.random(random, 1, 24, 10);
        Values other = Values.random(random, 0.1, 24, 14);
        double[] x = new double[ROWS * 10];
        double[] y = new double[ROWS * 14];
        for (int row = 0; row < ROWS; row++) {
            for (int on = 0; on < 2; on++) {
                int cause = random.nextInt(24);
                for (int at = 0; at < 10; at++) {
                    x[row * 10 + at] += first.at(cause, at);
                }
                for (int at = 0; at < 14; at++) {
                    y[row * 14 + at] += other.at(cause, at);
                }
            }
        }
        Map<String, Values> tensors = new LinkedHashMap<>();
        tensors.put("x", Values.of(x, ROWS, 10).as("F16"));
        tensors.put("y", Values.of(y, ROWS, 14));
        tensors.put("z", Values.random(random, 1, 5, 14));
        data = SafetensorsFiles.write(folder.resolve("data.safetensors"), tensors);
        out = folder.resolve("out");
    }

    private Darien.Outcome train(Object... options) {
        return Darien.run(
                "train",
                data,
                "--out",
                out,
                "--json",
                "--no-progress",
                "--latents",
                48,
                "--k",
                3,
                "--batch",
                128,
                "--tokens",
                128 * 300,
                "--lr",
                0.01,
                List.of(options));
    }

    private static Map<String, Object> object(Object value) {
        return RunRecord.object(value);
    }

    private static double number(Map<String, Object> map, String key) {
        return ((Number) map.get(key)).doubleValue();
    }

    @Test
    void aTranscoderIsTrainedEvaluatedEncodedAndDecoded() {
        Map<String, Object> trained =
                train("--tensor", "x", "--target", "y", "--report").json();
        assertThat(number(trained, "fvu")).isLessThan(0.5);
        assertThat(JsonFile.read(out.resolve("cfg.json")))
                .containsEntry("architecture", "topk_transcoder")
                .containsEntry("d_in", 10)
                .containsEntry("d_out", 14);
        assertThat(object(JsonFile.read(out.resolve("darien.json")).get("data")))
                .containsEntry("tensor", "x")
                .containsEntry("target", "y")
                .containsEntry("width", 24);
        assertThat(out.resolve("report.html")).exists();
        Map<String, Object> evaluated =
                Darien.run("evaluate", out, data, "--json").json();
        assertThat(number(evaluated, "fvu")).isCloseTo(number(trained, "fvu"), within(0.1));
        assertThat(Darien.run("evaluate", out, data, "--json", "--tensor", "x", "--target", "y")
                        .json())
                .isEqualTo(evaluated);
        Path codes = folder.resolve("codes.safetensors");
        assertThat(number(
                        Darien.run("encode", out, data, "--out", codes, "--json")
                                .json(),
                        "l0"))
                .isEqualTo(number(evaluated, "l0"));
        Path decoded = folder.resolve("decoded.safetensors");
        assertThat(Darien.run("decode", out, codes, "--out", decoded, "--json").json())
                .containsEntry("width", 14);
        assertThat(meanSquaredError(decoded)).isCloseTo(number(evaluated, "mse"), within(1e-4));
        assertThat(object(Darien.run("inspect", out, "--json").json().get("sae")))
                .containsEntry("width", 10)
                .containsEntry("target_width", 14)
                .containsEntry("skip", false);
        for (String format : List.of("sparsify", "dictionary-learning", "npz")) {
            Darien.run("convert", out, folder.resolve("converted"), "--to", format)
                    .refused("a transcoder to 14 can't be written as " + format);
        }
        Darien.run("compare", out, out, "--data", data).refused("this command is for autoencoders", "transcoder to 14");
        Darien.run("evaluate", out, data, "--suffix", data).refused("can't take the place of the activations");
        assertThat(train("--tensor", "x", "--target", "y", "--resume").json()).isEqualTo(trained);
        Darien.run(
                        "train",
                        data,
                        "--out",
                        out,
                        "--tensor",
                        "x",
                        "--target",
                        "y",
                        "--skip",
                        "--resume",
                        "--latents",
                        48,
                        "--k",
                        3,
                        "--batch",
                        128,
                        "--tokens",
                        128 * 300,
                        "--lr",
                        0.01)
                .refused("started with another mapping: transcoder to 14, now skip transcoder to 14");
    }

    private double meanSquaredError(Path decoded) {
        try (SafetensorsFile file = SafetensorsFile.open(decoded);
                SafetensorsFile given = SafetensorsFile.open(data)) {
            double sum = 0;
            for (int row = 0; row < ROWS; row++) {
                for (int at = 0; at < 14; at++) {
                    double error = file.matrix("activations").get(row, at)
                            - given.matrix("y").get(row, at);
                    sum += error * error;
                }
            }
            return sum / ROWS;
        }
    }

    @Test
    void aSkipTranscoderIsSaeLenss() {
        train("--tensor", "x", "--target", "y", "--skip", "--arch", "batchtopk").json();
        assertThat(JsonFile.read(out.resolve("cfg.json"))).containsEntry("architecture", "jumprelu_skip_transcoder");
        Path codes = folder.resolve("codes.safetensors");
        Map<String, Object> evaluated =
                Darien.run("evaluate", out, data, "--json").json();
        assertThat(object(evaluated.get("modes")).keySet()).containsExactly("topk");
        Darien.run("encode", out, data, "--out", codes).succeeded();
        Darien.run("decode", out, codes, "--out", folder.resolve("decoded")).refused("has a skip connection");
        Path copy = folder.resolve("copy");
        Darien.run("convert", out, copy, "--to", "sae-lens").succeeded();
        assertThat(Darien.run("evaluate", copy, data, "--json").json()).isEqualTo(evaluated);
    }

    @Test
    void aTranscoderOfOthersNeedsItsTargetNamed() throws Exception {
        train("--tensor", "x", "--target", "y").json();
        Files.delete(out.resolve("darien.json"));
        Darien.run("evaluate", out, data, "--tensor", "x").refused("name their tensor with --target");
        Darien.run("evaluate", out, data, "--tensor", "x", "--target", "y").succeeded();
        Darien.run("evaluate", out, data, "--tensor", "y", "--target", "x")
                .refused("takes tensors of width [10, 14], but [y, x] are of width [14, 10]");
        Darien.run("evaluate", out, data, "--tensor", "x", "--target", "z").refused("x' has 1024 rows", "z' has 5");
        Darien.run("encode", out, data, "--out", folder.resolve("codes"), "--tensor", "y")
                .refused("takes activations of width 10");
    }

    @Test
    void aCrosscoderSaysHowMuchOfEachLatentIsInEachTensor() {
        Map<String, Object> trained = train("--tensor", "x,y").json();
        assertThat(JsonFile.read(out.resolve("cfg.json"))).containsEntry("architecture", "topk_crosscoder");
        Map<String, Object> evaluated =
                Darien.run("evaluate", out, data, "--json").json();
        assertThat(number(evaluated, "fvu")).isCloseTo(number(trained, "fvu"), within(0.1));
        Map<String, Object> tensors = object(evaluated.get("tensors"));
        assertThat(tensors.keySet()).containsExactly("x", "y");
        double shares = 0;
        for (Object tensor : tensors.values()) {
            assertThat(number(object(tensor), "fvu")).isLessThan(0.5);
            shares += number(object(tensor), "decoder_share");
            assertThat(((List<?>) object(tensor).get("decoder_share_histogram")))
                    .hasSize(10);
        }
        assertThat(shares).isCloseTo(1, within(1e-6));
        assertThat(Darien.run("evaluate", out, data).succeeded().out()).contains("of tensor 'y'", "decoder share");
        Map<String, Object> inspected = Darien.run("inspect", out, "--json").json();
        assertThat(object(object(inspected.get("sae")).get("tensors"))).isEqualTo(Map.of("x", 10, "y", 14));
        assertThat(object(object(inspected.get("decoder_shares")).get("x")).get("decoder_share"))
                .isEqualTo(object(tensors.get("x")).get("decoder_share"));
        assertThat(Darien.run("inspect", out).succeeded().out()).contains("share of 'y' in the decoder");
        Path codes = folder.resolve("codes.safetensors");
        Darien.run("encode", out, data, "--out", codes).succeeded();
        assertThat(Darien.run("decode", out, codes, "--out", folder.resolve("decoded"), "--json")
                        .json())
                .containsEntry("width", 24);
        Darien.run("evaluate", out, data, "--target", "y").refused("--target is for transcoders");
        Darien.run("evaluate", out, data, "--tensor", "y,x").refused("takes tensors of width [10, 14]");
        Darien.run("convert", out, folder.resolve("converted"), "--to", "npz").refused("crosscoder of");
    }

    @Test
    void whatCanNotBeTrainedIsRefusedAndLeavesNothing() {
        train("--tensor", "x", "--target", "z").refused("x' has 1024 rows", "z' has 5", "the same tokens");
        train("--tensor", "x", "--target", "nothing").refused("has no tensor 'nothing'");
        train("--tensor", "x", "--target", "x").refused("--target must be another tensor than --tensor");
        train("--tensor", "x,y", "--target", "y").refused("--target trains a transcoder, which reads one tensor");
        train("--tensor", "x", "--skip").refused("--skip is for transcoders");
        train("--tensor", "x,").refused("a crosscoder needs the names of two tensors or more");
        train("--tensor", "x,x").refused("--tensor names a tensor twice");
        Darien.run("train", data, "--out", out, "--tensor", "x", "--target", "y", "--arch", "gated")
                .refused("gated has no transcoder");
        Darien.run("train", data, "--out", out, "--tensor", "x,y", "--arch", "p-anneal")
                .refused("a crosscoder's penalty weighs latents by their decoder norms");
        train("--tensor", "x", "--target", "y", "--resample").refused("resampling starts a latent");
        Darien.run("train", Darien.DATA, "--out", out, "--target", "y").refused("synthetic data has no tensors");
        assertThat(out).doesNotExist();
    }
}
