// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.DataCheck;
import dev.darien.data.DataSummary;
import dev.darien.data.OnNan;
import dev.darien.device.Device;
import dev.darien.device.Precision;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code darien train}. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Trains a sparse autoencoder on activations, or several in one pass over them.",
            "",
            "Comma-separated values of --arch, --k, --latents, --l1, --target-l0, --lr and --seed train one SAE for each"
                    + " combination, each in a folder of its own below DIR. Results depend on the seed, not on the"
                    + " number of threads. Ctrl-C writes a checkpoint first.",
            ""
        })
final class TrainCommand implements Callable<Integer> {
    private final Console console;
    private final Interruption interruption;

    @Mixin
    private TrainArguments arguments = new TrainArguments();

    @Option(names = "--json", description = "Print the result as one JSON object.")
    private boolean json;

    TrainCommand(Console console, Interruption interruption) {
        this.console = console;
        this.interruption = interruption;
    }

    @Override
    public Integer call() {
        Map<String, Object> result = train();
        if (json) {
            console.json(result);
        } else {
            console.print(text(result));
        }
        return 0;
    }

    private Map<String, Object> train() {
        OnNan onNan = Choices.pick("answer to NaN", arguments.onNan, Choices.of(OnNan.values()));
        Precision precision = Choices.pick("precision", arguments.precision, Choices.of(Precision.values()));
        boolean byGradients = RunPlan.byGradients(arguments);
        try (ActivationSource activations = arguments.tensors.open(arguments.data);
                ActivationSource source = byGradients
                        ? arguments.tensors.openWithGradients(arguments.data, arguments.gradients.tensor())
                        : activations;
                Device device = arguments.device.open(precision)) {
            List<RunPlan> plans = RunPlan.of(
                    arguments, arguments.tensors.mapping(activations), arguments.tensors.inputWidth(activations));
            OutputFolder out = OutputFolder.of(arguments.out, arguments.resume, arguments.overwrite);
            DataSummary summary = DataCheck.scan(source, onNan, arguments.device.resolvedThreads());
            if (arguments.resume) {
                Optional<Map<String, Object>> finished = finished(plans, summary);
                if (finished.isPresent()) {
                    console.notice("the run in " + arguments.out + " is finished; there is nothing to do");
                    return finished.get();
                }
            }
            return new TrainingSession(
                            console,
                            interruption,
                            new TrainingSession.Request(
                                    device,
                                    source,
                                    activations,
                                    summary,
                                    plans,
                                    out,
                                    arguments.data,
                                    arguments.tensors,
                                    byGradients ? arguments.gradients.tensor() : null,
                                    arguments.checkpointEvery,
                                    arguments.resume,
                                    arguments.overwrite,
                                    arguments.report,
                                    !arguments.noProgress,
                                    arguments.ensemble == null ? null : EnsemblePlan.parse(arguments.ensemble)))
                    .run();
        }
    }

    /** What a finished run of the same options and data printed. */
    private Optional<Map<String, Object>> finished(List<RunPlan> plans, DataSummary summary) {
        Path folder = arguments.out;
        Optional<RunRecord> found = RunRecord.read(folder);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        RunRecord record = found.get();
        requireSame("data", record.dataHash(), summary.hashText());
        requireSame(
                "kind of ensemble",
                RunRecord.object(record.content().get(RunRecord.ENSEMBLE)).getOrDefault("kind", "none"),
                arguments.ensemble == null
                        ? "none"
                        : EnsemblePlan.parse(arguments.ensemble).kind().id());
        requireSame(
                "set of SAEs",
                record.saeNames(),
                plans.stream().map(RunPlan::name).toList());
        for (RunPlan plan : plans) {
            Map<String, Object> before = record.training(plan.name());
            plan.options().describe().forEach((name, now) -> requireSame(name, before.get(name), now));
            if (!Files.exists(folder.resolve(plan.name()).resolve(OutputFolder.WEIGHTS))) {
                return Optional.empty();
            }
        }
        return Optional.of(record.result());
    }

    static void requireSame(String name, @org.jspecify.annotations.Nullable Object before, Object now) {
        if (!String.valueOf(now).equals(String.valueOf(before))) {
            throw new UsageException("the run to resume was started with another " + name + ": " + before + ", now "
                    + now + "; use the same options, or --overwrite to start anew");
        }
    }

    private static String text(Map<String, Object> result) {
        Object several = result.getOrDefault("runs", result.get(RunRecord.MEMBERS));
        if (!(several instanceof List<?> runs)) {
            Map<String, Object> shown = new LinkedHashMap<>(result);
            return "Trained " + shown.remove("out") + "\n" + Texts.table(shown);
        }
        String whole = "";
        if (!result.containsKey("runs")) {
            Map<String, Object> shown = new LinkedHashMap<>(result);
            whole = "Trained the ensemble " + shown.remove("out") + "\n" + Texts.table(shown);
        }
        List<List<String>> rows = new ArrayList<>();
        for (Object run : runs) {
            Map<String, Object> numbers = RunRecord.object(run);
            List<String> row = new ArrayList<>();
            for (String name : List.of("out", "loss", "fvu", "l0", "dead_fraction")) {
                row.add(Texts.value(numbers.getOrDefault(name, "-")));
            }
            rows.add(row);
        }
        return whole + Texts.grid(List.of("SAE", "loss", "FVU", "L0", "dead"), rows);
    }
}
