// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.ActivationSources;
import dev.darien.data.DataException;
import dev.darien.data.TokenText;
import dev.darien.device.Device;
import dev.darien.eval.Evaluation;
import dev.darien.eval.Evaluator;
import dev.darien.model.DownstreamEvaluator;
import dev.darien.model.OnnxModel;
import dev.darien.model.SaeSplice;
import dev.darien.report.LatentTable;
import dev.darien.report.Report;
import dev.darien.report.ReportContent;
import dev.darien.report.ReportRun;
import dev.darien.sae.Autoencoder;
import dev.darien.train.MetricsFileListener;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code darien report}. */
@Command(
        name = "report",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Writes one HTML page that opens offline: training curves, densities, evaluation, the strongest latents with the"
                    + " text that they fire on, and how to get it all again; of several runs a Pareto plot too.",
            "",
            "What --data adds: evaluation, densities, and how latents fire. What --vocabulary adds: the text, from the"
                    + " tensor tokens of the data. What --suffix adds, or --model in place of --data: what becomes of the"
                    + " model when the reconstruction takes the activations' place.",
            ""
        })
final class ReportCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(
            arity = "1..*",
            paramLabel = "DIR",
            description = "Folders of SAEs, or of several that were trained together.")
    private List<Path> folders = List.of();

    @Option(
            names = "--out",
            paramLabel = "F",
            description = "File for the page; replaced if it exists (default: report.html in the only DIR, or here).")
    private @Nullable Path out;

    @Option(names = "--data", paramLabel = "DATA", description = "Activations, best held out ones; may be repeated.")
    private List<String> data = List.of();

    @Option(
            names = "--vocabulary",
            paramLabel = "F",
            description =
                    "JSON with the tokens of the model: tokenizer.json, or characters, or token numbers by token.")
    private @Nullable Path vocabulary;

    @Option(
            names = "--latents",
            paramLabel = "N",
            description = "How many latents to list (default: ${DEFAULT-VALUE}).")
    private int latents = LatentRows.COUNT;

    @Option(names = "--title", paramLabel = "TEXT", description = "Title of the page.")
    private @Nullable String title;

    @Mixin
    private DownstreamArguments downstream = new DownstreamArguments();

    @Mixin
    private SaeArguments arguments = new SaeArguments();

    @Option(names = "--json", description = "Print what was written as one JSON object.")
    private boolean json;

    ReportCommand(Console console) {
        this.console = console;
    }

    /** A run and what was measured of it. */
    private record Measured(
            Path folder,
            Map<String, Object> record,
            @Nullable Evaluation evaluation,
            Map<String, Object> inModel) {
        Map<String, Object> training() {
            return RunRecord.object(record.get("training"));
        }

        List<Map<String, Object>> metrics() {
            Path lines = folder.resolve(MetricsFileListener.LINES);
            return Files.exists(lines) ? MetricsFileListener.read(lines) : List.of();
        }

        /** Measured figures before those of training. */
        Map<String, Object> figures() {
            Map<String, Object> figures = new LinkedHashMap<>();
            figures.put("architecture", record.get("architecture"));
            figures.put("k", record.get("k"));
            figures.put("latents", training().get("latents"));
            figures.put("seed", record.get("seed"));
            figures.putAll(RunRecord.object(record.get("result")));
            if (evaluation != null) {
                figures.put("latents", evaluation.latents());
                Map<String, Object> measured = new LinkedHashMap<>(evaluation.asMap());
                measured.remove("tokens");
                figures.putAll(measured);
            }
            figures.putAll(inModel);
            figures.values().removeIf(Objects::isNull);
            return figures;
        }
    }

    @Override
    public Integer call() {
        if (latents < 0) {
            throw new UsageException("--latents can't be negative: " + latents);
        }
        if (vocabulary != null && data.isEmpty()) {
            throw new UsageException("--vocabulary spells the tokens of --data; give both");
        }
        downstream.checkOptional(data);
        List<Path> runs = runs();
        Path file = out != null ? out : (runs.size() == 1 ? runs.getFirst() : Path.of("")).resolve(OutputFolder.REPORT);
        List<String> inputs = new ArrayList<>(data);
        if (vocabulary != null) {
            inputs.add(vocabulary.toString());
        }
        OutputFile.check(file, inputs);
        try (Device device = arguments.device.open();
                @Nullable OnnxModel model = downstream.isGiven() ? downstream.open() : null;
                @Nullable DownstreamEvaluator evaluator = model == null ? null : evaluator(model);
                @Nullable ActivationSource given = evaluator == null && !data.isEmpty() ? activations() : null) {
            @Nullable ActivationSource source = evaluator == null ? given : evaluator.activations();
            List<Measured> measured = new ArrayList<>();
            @Nullable LatentTable table = null;
            for (Path folder : runs) {
                try (Autoencoder sae = arguments.input.load(folder, device, console)) {
                    Autoencoder mode = SaeModes.of(sae, folder, arguments.mode)
                            .values()
                            .iterator()
                            .next();
                    measured.add(measure(folder, mode, source, evaluator));
                    if (table == null && latents > 0) {
                        table = latents(mode, source);
                    }
                }
            }
            Report.write(file, content(measured, table));
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("runs", runs.size());
            result.put("latents", table == null ? 0 : table.rows().size());
            result.put("out", file.toString());
            if (json) {
                console.json(result);
            } else {
                console.print("Wrote " + file + "\n");
            }
        }
        return 0;
    }

    private DownstreamEvaluator evaluator(OnnxModel model) {
        return downstream.evaluator(model, data, arguments.tensor, arguments.device.resolvedThreads());
    }

    private ActivationSource activations() {
        return ActivationSources.parse(data, arguments.tensor);
    }

    /** Folders of single SAEs; one of several runs stands for those. */
    private List<Path> runs() {
        List<Path> runs = new ArrayList<>();
        for (Path folder : folders) {
            List<String> names = RunRecord.read(folder).map(RunRecord::runNames).orElse(List.of(""));
            names.forEach(name -> runs.add(name.isEmpty() ? folder : folder.resolve(name)));
        }
        return runs;
    }

    private static Measured measure(
            Path folder, Autoencoder sae, @Nullable ActivationSource source, @Nullable DownstreamEvaluator evaluator) {
        Map<String, Object> record = RunRecord.read(folder)
                .map(RunRecord::content)
                .orElse(Map.of(
                        "architecture", sae.members().getFirst().sparsity().id()));
        if (source != null) {
            SaeArguments.requireSameWidth(sae, folder, source);
        }
        Map<String, Object> inModel = evaluator == null
                ? Map.of()
                : evaluator
                        .evaluate(Map.of("", sae), SaeSplice::reconstruction)
                        .values()
                        .iterator()
                        .next()
                        .asMap();
        return new Measured(folder, record, source == null ? null : Evaluator.evaluate(sae, source), inModel);
    }

    private LatentTable latents(Autoencoder sae, @Nullable ActivationSource source) {
        @Nullable TokenText text = null;
        if (vocabulary != null) {
            text = TokenText.read(DataFiles.of(data), arguments.tensor, vocabulary);
            if (source != null && text.tokens() != source.rows()) {
                throw new DataException("there are " + source.rows() + " activations but " + text.tokens()
                        + " tokens; name the same files");
            }
        }
        return LatentRows.of(sae, source, latents, text);
    }

    private ReportContent content(List<Measured> measured, @Nullable LatentTable table) {
        Measured first = measured.getFirst();
        Map<String, Object> provenance = new LinkedHashMap<>(first.record());
        Map<String, Object> training = new LinkedHashMap<>(first.training());
        training.putAll(RunRecord.object(provenance.remove("result")));
        provenance.remove("training");
        if (!data.isEmpty()) {
            provenance.put("evaluated on", String.join(", ", data));
        }
        if (downstream.isGiven()) {
            provenance.put("evaluated within", downstream.describe());
        }
        List<ReportRun> runs = measured.size() == 1
                ? List.of()
                : measured.stream()
                        .map(run -> new ReportRun(name(run.folder()), run.figures(), run.metrics()))
                        .toList();
        String heading = title != null
                ? title
                : measured.size() == 1 ? "SAE " + name(first.folder()) : measured.size() + " sparse autoencoders";
        return new ReportContent(
                heading, training, first.metrics(), first.evaluation(), first.inModel(), provenance, runs, table);
    }

    private static String name(Path folder) {
        Path name = folder.toAbsolutePath().normalize().getFileName();
        return name == null ? folder.toString() : name.toString();
    }
}
