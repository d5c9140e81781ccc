// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.JsonFile;
import dev.darien.data.SafetensorsFile;
import dev.darien.device.Device;
import dev.darien.ensemble.Ensemble;
import dev.darien.ensemble.EnsembleKind;
import dev.darien.ensemble.EnsembleTrainer;
import dev.darien.memory.Matrix;
import dev.darien.sae.Inference;
import dev.darien.train.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every command that takes an SAE takes the folder of an ensemble. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS) // the same ensembles for all of them
class EnsembleCommandsTest {
    private static final String DATA = "samples/tiny-lm-heldout.safetensors";
    private static final int WIDTH = 128;
    private static final List<Object> MODEL = List.of(
            "--model",
            "samples/tiny-lm.onnx",
            "--hook",
            "residual",
            "--text",
            "samples/tiny-lm-heldout.txt",
            "--context",
            64,
            "--tokens",
            128);

    private Path folder;

    @BeforeAll
    void train(@TempDir Path shared) {
        folder = shared;
        try (Device device = Device.open("cpu");
                ActivationSource source = ActivationSources.open(List.of(Path.of(DATA)), "activations")) {
            for (EnsembleKind kind : EnsembleKind.values()) {
                for (long seed = 0; seed < 2; seed++) {
                    save(device, source, kind, Recipe.of("topk").k(4), seed, kind.id() + seed);
                }
            }
            save(device, source, EnsembleKind.BAGGING, Recipe.of("batchtopk").k(4), 0, "thresholds");
        }
    }

    private void save(
            Device device, ActivationSource source, EnsembleKind kind, Recipe recipe, long seed, String name) {
        Recipe small = recipe.latents(32).batch(256).tokens(256 * 12).learningRate(3e-3);
        try (Ensemble ensemble =
                EnsembleTrainer.train(device, source, kind, EnsembleTrainer.options(small, seed, 3, WIDTH))) {
            ensemble.save(folder.resolve(name));
        }
    }

    private Path path(EnsembleKind kind) {
        return folder.resolve(kind.id() + 0);
    }

    @ParameterizedTest
    @EnumSource
    void codesDecodeToTheOutput(EnsembleKind kind) throws IOException {
        Path codes = folder.resolve("codes.safetensors");
        Path decoded = folder.resolve("decoded.safetensors");
        assertThat(Darien.run("encode", path(kind), DATA, "--out", codes, "--json")
                        .json())
                .containsEntry("latents", 96)
                .containsEntry("l0", 12.0);
        Darien.run("decode", path(kind), codes, "--out", decoded).succeeded();
        try (Device device = Device.open("cpu");
                Ensemble ensemble = Ensemble.load(path(kind), device);
                ActivationSource source = ActivationSources.open(List.of(Path.of(DATA)), "activations");
                Matrix x = device.staging("x", source.dtype(), 200, WIDTH);
                Inference inference = ensemble.inference(200);
                SafetensorsFile file = SafetensorsFile.open(decoded)) {
            source.read(0, 200, x);
            Matrix output = inference.decode(inference.encode(x));
            Matrix activations = file.matrix("activations");
            assertThat(activations.rows()).isEqualTo(source.rows());
            for (int row = 0; row < 200; row++) {
                for (int i = 0; i < WIDTH; i++) {
                    assertThat(activations.get(row, i)).isEqualTo(output.get(row, i), within(1e-5f));
                }
            }
        }
        Darien.run("decode", path(kind).resolve("member-0"), codes, "--out", decoded)
                .refused("96 latents", "has 32");
    }

    @Test
    void evaluatesTheOutputOfAllMembers() {
        Map<String, Object> boosting = Darien.run("evaluate", path(EnsembleKind.BOOSTING), DATA, "--json")
                .json();
        assertThat(boosting).containsEntry("l0", 12.0).containsEntry("mode", "topk");
        Map<String, Object> first = Darien.run(
                        "evaluate", path(EnsembleKind.BOOSTING).resolve("member-0"), DATA, "--json")
                .json();
        assertThat(number(boosting, "fvu")).isLessThan(number(first, "fvu"));
        assertThat(Darien.run("evaluate", path(EnsembleKind.BAGGING), MODEL, "--json")
                        .json())
                .containsKeys("ce_clean", "ce_spliced", "loss_recovered");

        Path thresholds = folder.resolve("thresholds");
        // What darien train writes beside each member: with a k, that selection still applies.
        for (int member = 0; member < 3; member++) {
            JsonFile.write(thresholds.resolve("member-" + member).resolve("darien.json"), Map.of("k", 4));
        }
        Map<String, Object> modes =
                Darien.run("evaluate", thresholds, DATA, "--json").json();
        assertThat(modes).containsEntry("mode", "threshold");
        assertThat(RunRecord.object(RunRecord.object(modes.get("modes")).get("topk")))
                .containsEntry("l0", 12.0);
        assertThat(Darien.run("evaluate", thresholds, DATA, "--mode", "topk", "--json")
                        .json())
                .containsEntry("l0", 12.0)
                .containsEntry("mode", "topk");
        Darien.run("evaluate", thresholds, DATA, "--mode", "relu").refused("can't be used with --mode relu");
        Darien.run("evaluate", thresholds, DATA, "--as", "topk").refused("holds an ensemble");
        Darien.run("evaluate", thresholds, "synthetic:d=16,true=32,rows=64").refused("width 128", "width 16");
    }

    @Test
    void comparesEnsembles() {
        Map<String, Object> result = Darien.run(
                        "compare",
                        folder.resolve("bagging0"),
                        folder.resolve("bagging1"),
                        folder.resolve("boosting0"),
                        "--data",
                        DATA,
                        "--json")
                .json();
        assertThat(number(result, "stability")).isBetween(number(result, "stability_exact"), 0.99999);
        assertThat(number(result, "stability_exact")).isPositive();
        assertThat(RunRecord.object(((List<?>) result.get("saes")).getFirst()))
                .containsEntry("ensemble", "bagging")
                .containsEntry("members", 3)
                .containsEntry("latents", 96)
                .containsKeys("diversity", "connectivity", "decoder_max_cosine");
        Map<String, Object> same = Darien.run(
                        "compare", path(EnsembleKind.BOOSTING), folder.resolve("boosting0"), "--json")
                .json();
        assertThat(number(same, "stability")).isEqualTo(1, within(1e-6));
        assertThat(number(same, "stability_exact")).isEqualTo(1, within(1e-6));
    }

    @Test
    void becomesOneSaeWhereThatIsTheSame() {
        Path thresholds = folder.resolve("thresholds");
        Path single = folder.resolve("single");
        assertThat(Darien.run("convert", thresholds, single, "--to", "sae-lens", "--json")
                        .json())
                .containsEntry("from", "ensemble")
                .containsEntry("latents", 96)
                .containsEntry("rule", "jumprelu");
        Map<String, Object> before =
                Darien.run("evaluate", thresholds, DATA, "--json").json();
        Map<String, Object> after =
                Darien.run("evaluate", single, DATA, "--json").json();
        assertThat(number(after, "fvu")).isEqualTo(number(before, "fvu"), within(1e-6));
        assertThat(number(after, "l0")).isEqualTo(number(before, "l0"), within(1e-3));

        Path none = folder.resolve("none");
        Darien.run("convert", path(EnsembleKind.BAGGING), none, "--to", "sae-lens")
                .refused("can't be written as one SAE", "selects among its own latents");
        Darien.run("convert", path(EnsembleKind.BOOSTING), none, "--to", "npz")
                .refused("can't be written as one SAE", "have left");
        assertThat(none).doesNotExist();
    }

    @ParameterizedTest
    @EnumSource
    void inspectReportProbeScrAndSteerTakeIt(EnsembleKind kind) throws IOException {
        assertThat(Darien.run("inspect", path(kind), "--json").json())
                .containsEntry("kind", "ensemble (" + kind.id() + ")")
                .extractingByKey("members")
                .asInstanceOf(InstanceOfAssertFactories.LIST)
                .hasSize(3);
        assertThat(Darien.run("inspect", path(kind)).succeeded().out()).contains("member-2", "topk");

        Path page = folder.resolve("page.html");
        Darien.run("report", path(kind), "--data", DATA, "--latents", 5, "--out", page)
                .succeeded();
        assertThat(Files.readString(page)).contains("<h1>");

        Path labels = folder.resolve("labels.txt");
        Path others = folder.resolve("others.txt");
        Files.write(labels, bySign(0));
        Files.write(others, bySign(1));
        Map<String, Object> probe = Darien.run(
                        "probe", path(kind), DATA, "--labels", labels, "--examples", 200, "--json")
                .json();
        assertThat(number(RunRecord.object(probe.get("accuracy")), "5")).isBetween(0.5, 1.0);
        assertThat(Darien.run(
                                "scr",
                                path(kind),
                                DATA,
                                "--labels",
                                labels,
                                "--spurious",
                                others,
                                "--examples",
                                100,
                                "--ablate",
                                "2,5",
                                "--json")
                        .json())
                .containsKey("scr");
        assertThat(Darien.run("steer", path(kind), MODEL, "--latents", 95, "--scale", 3, "--count", 1, "--json")
                        .json())
                .containsKey("mean_kl");
        Darien.run("steer", path(kind), MODEL, "--latents", 96).refused("only 0 to 95");
    }

    /** For each token whether a channel is above its mean. */
    private static List<String> bySign(int channel) {
        List<String> lines = new ArrayList<>();
        try (ActivationSource source = ActivationSources.open(List.of(Path.of(DATA)), "activations")) {
            double sum = 0;
            for (long row = 0; row < source.rows(); row++) {
                sum += source.row(row)[channel];
            }
            for (long row = 0; row < source.rows(); row++) {
                lines.add(source.row(row)[channel] > sum / source.rows() ? "above" : "below");
            }
        }
        return lines;
    }

    private static double number(Map<String, Object> map, String key) {
        return ((Number) map.get(key)).doubleValue();
    }
}
