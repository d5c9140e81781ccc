// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataCheck;
import dev.darien.data.DataException;
import dev.darien.data.JsonFile;
import dev.darien.data.OnNan;
import dev.darien.data.TokenText;
import dev.darien.device.Device;
import dev.darien.eval.Evaluation;
import dev.darien.eval.Evaluator;
import dev.darien.report.LatentTable;
import dev.darien.report.Report;
import dev.darien.report.ReportContent;
import dev.darien.sae.Sae;
import dev.darien.train.MetricsFileListener;
import dev.darien.train.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code darien demo}. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Trains a sparse autoencoder on the activations of a tiny language model that come with Darien, evaluates it"
                    + " on others that it hasn't seen, and writes a report. Takes about a minute.",
            ""
        })
final class DemoCommand implements Callable<Integer> {
    /** Set by the launcher: the folder that holds {@code samples}. */
    static final String HOME = "darien.home";

    /** Marks a folder as a demo's, which the next demo may replace. */
    private static final String MARKER = ".darien-demo";

    /** Characters of a sequence of the tiny model. */
    private static final int CONTEXT = 64;

    private static final String TENSOR = ActivationSources.DEFAULT_TENSOR;
    private static final int LATENTS = 1024;
    private static final int K = 16;
    private static final double LEARNING_RATE = 2e-3;

    private final Console console;
    private final Interruption interruption;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Folder for the SAE and the report (default: ${DEFAULT-VALUE}).")
    private Path out = Path.of("darien-demo");

    @Option(names = "--tokens", paramLabel = "N", description = "Tokens to train on (default: ${DEFAULT-VALUE}).")
    private long tokens = 1_228_800;

    @Mixin
    private DeviceArguments arguments = new DeviceArguments();

    @Option(names = "--json", description = "Print the evaluation as one JSON object.")
    private boolean json;

    DemoCommand(Console console, Interruption interruption) {
        this.console = console;
        this.interruption = interruption;
    }

    @Override
    public Integer call() {
        Path samples = samples();
        requireReplaceable();
        try (Device device = arguments.open();
                ActivationSource training = open(samples, "tiny-lm.safetensors");
                ActivationSource heldOut = open(samples, "tiny-lm-heldout.safetensors")) {
            Path folder = out.resolve("sae");
            RunPlan plan = UsageException.check(() -> new RunPlan(
                    "",
                    "topk",
                    Recipe.of("topk")
                            .latents(LATENTS)
                            .k(K)
                            .tokens(tokens)
                            .learningRate(LEARNING_RATE)
                            .build(training.width())));
            console.notice("training on " + tokens + " activations of a tiny language model");
            Map<String, Object> trained = train(device, training, plan, folder);
            try (Sae sae = Sae.load(folder, device)) {
                Evaluation evaluation = Evaluator.evaluate(sae, heldOut);
                Path report = out.resolve(OutputFolder.REPORT);
                TokenText text = TokenText.characters(samples.resolve("tiny-lm-heldout.txt"), CONTEXT);
                LatentTable latents = LatentRows.of(sae, heldOut, LatentRows.COUNT, text);
                writeReport(report, plan, folder, evaluation, latents);
                print(trained, evaluation, folder, report);
            }
        }
        return 0;
    }

    private Map<String, Object> train(Device device, ActivationSource source, RunPlan plan, Path folder) {
        boolean isNew = !Files.exists(out);
        OutputFolder target = OutputFolder.of(folder, false, true);
        try {
            Files.createDirectories(out);
            Files.writeString(out.resolve(MARKER), "Made by darien demo; the next demo replaces it.\n");
        } catch (IOException e) {
            throw new DataException(
                    "the folder " + out + " can't be written to: " + e.getMessage() + "; name another with --out", e);
        }
        try {
            return new TrainingSession(
                            console,
                            interruption,
                            new TrainingSession.Request(
                                    device,
                                    source,
                                    source,
                                    DataCheck.scan(source, OnNan.FAIL, arguments.resolvedThreads()),
                                    List.of(plan),
                                    target,
                                    List.of("samples/tiny-lm.safetensors"),
                                    new TensorArguments(),
                                    null,
                                    0,
                                    false,
                                    true,
                                    false,
                                    true,
                                    null))
                    .run();
        } catch (RuntimeException | Error e) {
            if (isNew && !(e instanceof InterruptedCommandException)) {
                removeNew();
            }
            throw e;
        }
    }

    private void removeNew() {
        try {
            Files.deleteIfExists(out.resolve(MARKER));
            Files.deleteIfExists(out);
        } catch (IOException e) {
            console.notice(out + " is left behind: " + e.getMessage());
        }
    }

    private static Path samples() {
        String home = System.getProperty(HOME);
        Path samples = Path.of(Objects.requireNonNullElse(home, "")).resolve("samples");
        if (!Files.isDirectory(samples)) {
            throw new DataException("the samples aren't in " + samples.toAbsolutePath()
                    + "; start the demo with the darien launcher of a complete checkout");
        }
        return samples;
    }

    private static ActivationSource open(Path samples, String name) {
        return ActivationSources.open(List.of(samples.resolve(name)), TENSOR);
    }

    private void requireReplaceable() {
        if (!Files.exists(out) || Files.exists(out.resolve(MARKER))) {
            return;
        }
        try (Stream<Path> inside = Files.isDirectory(out) ? Files.list(out) : Stream.of(out)) {
            if (inside.findAny().isPresent()) {
                throw new UsageException(out + " exists and wasn't made by a demo; move it away, or name another folder"
                        + " with --out");
            }
        } catch (IOException e) {
            throw new DataException(out + " can't be read: " + e.getMessage(), e);
        }
    }

    private static void writeReport(
            Path report, RunPlan plan, Path folder, Evaluation evaluation, LatentTable latents) {
        Map<String, Object> provenance = JsonFile.read(folder.resolve(OutputFolder.RECORD));
        provenance.remove("training");
        provenance.remove("result");
        Report.write(
                report,
                new ReportContent(
                        "A sparse autoencoder on a tiny language model",
                        plan.options().describe(),
                        MetricsFileListener.read(folder.resolve(MetricsFileListener.LINES)),
                        evaluation,
                        Map.of(),
                        provenance,
                        List.of(),
                        latents));
    }

    private void print(Map<String, Object> trained, Evaluation evaluation, Path folder, Path report) {
        Map<String, Object> result = new LinkedHashMap<>(evaluation.asMap());
        result.put("seconds", trained.get("seconds"));
        result.put("tokens_per_second", trained.get("tokens_per_second"));
        result.put("sae", folder.toString());
        result.put("report", report.toString());
        if (json) {
            console.json(result);
            return;
        }
        Map<String, Object> table = new LinkedHashMap<>();
        table.put("latents", LATENTS);
        table.put("active per token (L0)", result.get("l0"));
        table.put("variance unexplained (FVU)", result.get("fvu"));
        table.put("silent latents", result.get("dead"));
        table.put("training, seconds", result.get("seconds"));
        table.put("training, tokens per second", result.get("tokens_per_second"));
        console.print(
                "On activations that it hasn't seen:\n" + Texts.table(table) + "\nSAE:    " + folder + "\nReport: "
                        + report + "\nNext:   darien train YOUR_DATA.safetensors --out DIR, or darien train --help\n");
    }
}
