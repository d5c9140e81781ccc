// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.darien.testfiles.SafetensorsFiles;
import dev.darien.testfiles.Values;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportCommandTest {
    @TempDir
    Path folder;

    @Test
    void onePageShowsSeveralRunsAndTheTextThatLatentsFireOn() throws Exception {
        Path runs = folder.resolve("runs");
        Darien.train(Darien.DATA, runs, "--arch", "topk", "--k", "2,4").succeeded();
        Map<String, Values> tensors = new LinkedHashMap<>();
        tensors.put("activations", Values.random(new Random(5), 1, 60, 16));
        double[] tokens = new double[60];
        Arrays.setAll(tokens, at -> at % 3);
        tensors.put("tokens", new Values("I32", tokens, 60));
        Path data = Files.createDirectory(folder.resolve("data"));
        SafetensorsFiles.write(data.resolve("0.safetensors"), tensors, "{\"context\":\"6\"}");
        Path vocabulary =
                Files.writeString(folder.resolve("vocabulary.json"), "{\"characters\":[\"x\",\"<y>\",\"z\"]}");
        Path page = folder.resolve("page.html");

        Map<String, Object> result = Darien.run(
                        "report",
                        runs,
                        "--data",
                        data,
                        "--vocabulary",
                        vocabulary,
                        "--out",
                        page,
                        "--json",
                        "--latents",
                        20)
                .json();

        assertThat(result).containsEntry("runs", 2).containsEntry("out", page.toString());
        String html = Files.readString(page);
        assertThat(html)
                .contains(
                        "2 sparse autoencoders", "k-2", "k-4", "id=\"runs\"", "id=\"latents\"", "class=\"point run-1\"")
                .contains("<mark>&lt;y&gt;</mark>", "Nearest, by cosine", "evaluated on");

        Path one = folder.resolve("one");
        Darien.train(Darien.DATA, one, "--arch", "topk", "--k", 2, "--report").succeeded();
        assertThat(Files.readString(one.resolve("report.html"))).contains("id=\"latents\"", "Strongest latents");
        Darien.run("report", one).succeeded();
        assertThat(Files.readString(one.resolve("report.html")))
                .contains("SAE one", "Course of training", "<h2>Latents</h2>")
                .doesNotContain("Fires on", "How often latents fire");
    }

    @Test
    void whatBecomesOfAModelIsShownBesideTheEvaluation() throws Exception {
        Path runs = folder.resolve("runs");
        Darien.train("samples/tiny-lm-heldout.safetensors", runs, "--arch", "topk", "--k", "4,8")
                .succeeded();
        Path page = folder.resolve("page.html");
        List<Object> inside =
                List.of("--hook", "residual", "--text", "samples/tiny-lm-heldout.txt", "--context", 64, "--tokens", 64);
        Darien.run("report", runs, "--model", "samples/tiny-lm.onnx", inside, "--out", page)
                .succeeded();
        assertThat(Files.readString(page))
                .contains("Within the model", "<th>CE spliced</th>", "Loss recovered", "cross-entropy ")
                .contains("samples/tiny-lm.onnx at residual, on samples/tiny-lm-heldout.txt");
        Darien.run("report", runs, "--hook", "residual").refused("go with --model");
    }

    @Test
    void whatCannotBeShownIsRefused() throws Exception {
        Path one = folder.resolve("one");
        Darien.train(Darien.DATA, one, "--arch", "topk", "--k", 2).succeeded();
        Path vocabulary = Files.writeString(folder.resolve("vocabulary.json"), "{\"characters\":[\"x\"]}");

        Darien.run("report", folder.resolve("none")).refused("none");
        Darien.run("report", one, "--vocabulary", vocabulary).refused("give both");
        Darien.run("report", one, "--latents", -1).refused("can't be negative");
        Darien.run("report", one, "--out", folder).refused("is a folder");
        Darien.run("report", one, "--data", "synthetic:d=20,true=32,p=0.1,rows=100")
                .refused("width 16", "width 20");
        assertThat(one.resolve("report.html")).doesNotExist();
    }
}
