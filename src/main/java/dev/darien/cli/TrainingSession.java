// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.ActivationSource;
import dev.darien.data.DataSummary;
import dev.darien.device.Device;
import dev.darien.device.DeviceException;
import dev.darien.ensemble.Ensemble;
import dev.darien.ensemble.EnsembleFolder;
import dev.darien.ensemble.EnsembleKind;
import dev.darien.eval.Evaluation;
import dev.darien.eval.Evaluator;
import dev.darien.report.LatentTable;
import dev.darien.report.Report;
import dev.darien.report.ReportContent;
import dev.darien.sae.GradientTopK;
import dev.darien.sae.Sae;
import dev.darien.train.MetricsFileListener;
import dev.darien.train.Trainer;
import dev.darien.train.TrainingMetrics;
import dev.darien.train.TrainingResult;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** One run of {@code train}: from checked data and options to a finished folder. */
final class TrainingSession {
    /** Rows that a report evaluates on; enough for its histograms. */
    private static final long REPORT_ROWS = 16_384;

    /**
     * What a run needs.
     *
     * @param source what is trained on, gradients included
     * @param activations the activations alone
     * @param gradients the tensor that gradients come from, if there are any
     * @param dataNames as on the command line, for the record
     * @param checkpointEvery steps between checkpoints
     * @param resume whether to go on from a checkpoint
     * @param overwrite whether to remove what is in the folder
     * @param report whether to write a report
     * @param progress whether to show progress
     * @param ensemble what the SAEs are members of, if they are
     */
    record Request(
            Device device,
            ActivationSource source,
            ActivationSource activations,
            DataSummary summary,
            List<RunPlan> plans,
            OutputFolder out,
            List<String> dataNames,
            TensorArguments tensors,
            @Nullable String gradients,
            long checkpointEvery,
            boolean resume,
            boolean overwrite,
            boolean report,
            boolean progress,
            @Nullable EnsemblePlan ensemble) {

        /** SAEs that are trained in one pass over the data, pass after pass: those of a boosting one by one. */
        List<List<RunPlan>> passes() {
            return ensemble != null && ensemble.kind() == EnsembleKind.BOOSTING
                    ? plans.stream().map(List::of).toList()
                    : List.of(plans);
        }

        List<String> runNames() {
            return plans.stream().map(RunPlan::name).toList();
        }

        boolean single() {
            return plans.size() == 1 && plans.getFirst().name().isEmpty();
        }
    }

    private final Console console;
    private final Interruption interruption;
    private final Request request;
    private final List<String> warnings = new ArrayList<>();
    private final List<Pass> done = new ArrayList<>();

    /** What came of a pass: its course, and what {@code --json} prints of each SAE. */
    private record Pass(TrainingResult result, List<Map<String, Object>> summaries) {}

    TrainingSession(Console console, Interruption interruption, Request request) {
        this.console = console;
        this.interruption = interruption;
        this.request = request;
    }

    /**
     * Trains and saves.
     *
     * @return what {@code --json} prints
     * @throws InterruptedCommandException if it was interrupted; a checkpoint has been written
     */
    Map<String, Object> run() {
        if (request.resume()) {
            requireSameRuns(request.out().checkpointedRuns());
        }
        warn();
        @Nullable Map<String, Object> result = null;
        try (FrozenMembers frozen = new FrozenMembers(request.device(), request.source(), request.summary())) {
            for (List<RunPlan> pass : request.passes()) {
                if (!done.isEmpty()) {
                    frozen.add(request.out()
                            .run(request.plans().get(done.size() - 1).name()));
                }
                Optional<Map<String, Object>> earlier =
                        request.resume() ? EnsembleRecord.finished(request, pass.getFirst()) : Optional.empty();
                if (earlier.isPresent()) {
                    done.add(new Pass(EnsembleRecord.trainingResult(earlier.get()), List.of(earlier.get())));
                } else {
                    result = run(pass, frozen);
                }
            }
        }
        return result == null ? finish() : result;
    }

    /**
     * Trains the SAEs of a pass.
     *
     * @return the result of the whole run, which counts after the last pass
     */
    private Map<String, Object> run(List<RunPlan> plans, FrozenMembers frozen) {
        OutputFolder out = request.out();
        try (Trainer trainer = UsageException.check(
                () -> frozen.trainer(plans.stream().map(RunPlan::options).toList()))) {
            trainer.checkpointTo(
                    plans.stream().map(plan -> out.checkpoints(plan.name())).toList(), request.checkpointEvery());
            long from = request.resume() ? UsageException.check(trainer::resume) : 0;
            if (request.resume()) {
                console.notice(from > 0 ? "resuming at step " + from : "no checkpoint to resume from; starting anew");
            }
            interruption.onRequest(trainer::interrupt);
            out.create(request.runNames());
            try {
                return trainAndSave(trainer, plans, from);
            } catch (InterruptedCommandException e) {
                throw e;
            } catch (DeviceException e) {
                throw failed(e, plans);
            } catch (RuntimeException | Error e) {
                if (out.hasCheckpoint() || !done.isEmpty()) {
                    console.notice("what is finished and the last checkpoint are kept; --resume goes on from there");
                } else {
                    out.rollBack(request.runNames());
                }
                throw e;
            }
        } catch (DeviceException e) {
            // Before anything was trained: what an earlier run left is as it was.
            boolean kept =
                    request.resume() && out.checkpointedStep(names(plans)).isPresent();
            throw kept ? failed(e, plans) : e;
        }
    }

    /** In one sentence why a run has ended and how it goes on. */
    private FailedRunException failed(DeviceException cause, List<RunPlan> plans) {
        OptionalLong step = request.out().checkpointedStep(names(plans));
        if (step.isEmpty() && !done.isEmpty()) {
            return new FailedRunException(
                    cause,
                    done.size() + " finished members are kept, and the same command with --resume goes on after them");
        }
        if (step.isEmpty()) {
            request.out().rollBack(request.runNames());
            return new FailedRunException(cause, "there was no checkpoint yet, so nothing is kept of the run");
        }
        return new FailedRunException(
                cause,
                "the checkpoint of step " + step.getAsLong() + " is kept, and the same command with --resume goes on"
                        + " from it");
    }

    /** Other SAEs than before would not find their checkpoints, and begin anew among those of others. */
    private void requireSameRuns(Set<String> before) {
        Set<String> now = new TreeSet<>(request.runNames());
        // A kill while the first checkpoint of several was written leaves some without.
        if (!now.containsAll(before)) {
            throw new UsageException("the run to resume was started for other SAEs: " + describe(before) + ", now "
                    + describe(now) + "; use the same options, or --overwrite to start anew");
        }
    }

    private static String describe(Set<String> names) {
        return names.contains("") ? "a single one" : String.join(", ", names);
    }

    private void warn() {
        var options = request.plans().getFirst().options();
        long skipped = request.summary().rows() - request.summary().goodRows();
        if (skipped > 0) {
            warnings.add(skipped + " of " + request.summary().rows() + " rows hold NaN or infinities and are left out");
        }
        long used = options.steps() * options.batch();
        if (used != options.tokens()) {
            warnings.add(options.tokens() + " tokens are not a whole number of batches of " + options.batch() + ", so "
                    + used + " are used");
        }
        warnings.forEach(console::notice);
    }

    private static List<String> names(List<RunPlan> plans) {
        return plans.stream().map(RunPlan::name).toList();
    }

    private Map<String, Object> trainAndSave(Trainer trainer, List<RunPlan> plans, long from) {
        OutputFolder out = request.out();
        if (request.overwrite() && done.isEmpty()) {
            out.clear(List.of());
            out.create(request.runNames());
        }
        List<Path> folders = plans.stream().map(plan -> out.run(plan.name())).toList();
        trainer.addListener(new MetricsFileListener(folders, from));
        if (request.progress()) {
            trainer.addListener(new ProgressListener(console, plans.size()));
        }
        TrainingResult result = trainer.train();
        if (!result.finished()) {
            throw new InterruptedCommandException("interrupted at step " + result.steps() + " of "
                    + plans.getFirst().options().steps()
                    + (request.passes().size() > 1 ? " of " + plans.getFirst().name() : "") + "; the checkpoint is in "
                    + out.path()
                    + ", and the same command with --resume goes on from it");
        }
        List<Map<String, Object>> results = new ArrayList<>();
        for (int run = 0; run < plans.size(); run++) {
            results.add(save(trainer, run, plans.get(run), result, folders.get(run)));
        }
        done.add(new Pass(result, results));
        boolean last = done.size() == request.passes().size();
        Map<String, Object> all = last ? finish() : Map.of();
        trainer.clearCheckpoints();
        if (last) {
            out.tidy(request.runNames());
        }
        return all;
    }

    /** Writes what counts for the whole run, when all SAEs are saved. */
    private Map<String, Object> finish() {
        List<Map<String, Object>> results =
                done.stream().flatMap(pass -> pass.summaries().stream()).toList();
        TrainingResult result =
                EnsembleRecord.sum(done.stream().map(Pass::result).toList());
        if (request.single()) {
            return results.getFirst();
        }
        return request.ensemble() == null ? recordOfSeveral(result, results) : recordOfEnsemble(result, results);
    }

    private Map<String, Object> recordOfEnsemble(TrainingResult result, List<Map<String, Object>> results) {
        EnsemblePlan plan = Objects.requireNonNull(request.ensemble());
        Path folder = request.out().path();
        Map<String, Object> all = result(result, folder);
        try (Ensemble ensemble = EnsembleFolder.load(folder, plan.kind(), plan.members(), request.device())) {
            Evaluation evaluation = Evaluator.evaluate(ensemble, soundRows());
            EnsembleRecord.putFigures(all, plan, results, evaluation);
            Map<String, Object> record = EnsembleRecord.of(plan, request.plans());
            record.putAll(surroundings());
            record.put("result", all);
            if (request.report()) {
                LatentTable latents = LatentRows.of(ensemble, soundRows(), LatentRows.COUNT, null);
                EnsembleRecord.writeReport(request, record, evaluation, latents);
            }
            new RunRecord(record).write(folder);
            return all;
        }
    }

    private Map<String, Object> save(Trainer trainer, int run, RunPlan plan, TrainingResult result, Path folder) {
        try (Sae sae = trainer.sae(run)) {
            sae.save(folder);
            Map<String, Object> summary = result(result, folder);
            TrainingMetrics metrics = Objects.requireNonNull(trainer.metrics(run), "a finished run has reported");
            summary.putAll(metrics(metrics));
            Map<String, Object> record = record(plan, summary);
            sae.spareThreshold().ifPresent(threshold -> record.put("threshold", threshold));
            if (request.ensemble() != null) {
                record.put(RunRecord.MEMBER_OF, EnsembleRecord.memberOf(request.ensemble()));
            } else if (request.report()) {
                writeReport(sae, plan, folder, record);
            }
            new RunRecord(record).write(folder);
            return summary;
        }
    }

    /** The keys that the contract names, in its order; the metrics follow later in the same places. */
    private Map<String, Object> result(TrainingResult result, Path folder) {
        Map<String, Object> summary = new LinkedHashMap<>();
        summary.put("tokens", result.tokens());
        summary.put("steps", result.steps());
        summary.put("seconds", result.seconds());
        summary.put("tokens_per_second", result.tokensPerSecond());
        if (request.single()
                || request.ensemble() != null
                || !folder.equals(request.out().path())) {
            for (String name : List.of("loss", "fvu", "l0", "dead_fraction")) {
                summary.put(name, Double.NaN);
            }
        }
        summary.put("device", request.device().name());
        summary.put("kernels", request.device().kernelsName());
        summary.put("out", folder.toString());
        if (folder.equals(request.out().path())) {
            summary.put("warnings", List.copyOf(warnings));
            long skipped = request.summary().rows() - request.summary().goodRows();
            if (skipped > 0) {
                summary.put("skipped_rows", skipped);
            }
        }
        return summary;
    }

    private static Map<String, Object> metrics(TrainingMetrics metrics) {
        return Map.of(
                "loss", metrics.loss(),
                "fvu", metrics.fvu(),
                "l0", metrics.l0(),
                "dead_fraction", metrics.deadFraction());
    }

    private Map<String, Object> record(RunPlan plan, Map<String, Object> summary) {
        Map<String, Object> record = new LinkedHashMap<>();
        record.put("darien", Version.text());
        record.put("architecture", plan.architecture());
        if (plan.options().sparsity().bounded()) {
            record.put("k", plan.options().sparsity().k());
        }
        if (plan.options().sparsity() instanceof GradientTopK byGradients) {
            record.put("beta", byGradients.beta());
            record.put("normalised", byGradients.normalised());
        }
        record.put("seed", plan.options().seed());
        record.put("training", plan.options().describe());
        record.putAll(surroundings());
        record.put("result", summary);
        return record;
    }

    private Map<String, Object> surroundings() {
        Map<String, Object> data = new LinkedHashMap<>();
        data.put("names", request.dataNames());
        request.tensors().describe(data);
        if (request.gradients() != null) {
            data.put("gradients", request.gradients());
        }
        data.put("rows", request.summary().rows());
        data.put("used_rows", request.summary().goodRows());
        data.put("width", request.activations().width());
        data.put("hash", request.summary().hashText());
        Map<String, Object> surroundings = new LinkedHashMap<>();
        surroundings.put("device", request.device().name());
        surroundings.put("kernels", request.device().kernelsName());
        surroundings.put("java", Runtime.version().toString());
        surroundings.put("data", data);
        return surroundings;
    }

    private Map<String, Object> recordOfSeveral(TrainingResult result, List<Map<String, Object>> results) {
        Path folder = request.out().path();
        Map<String, Object> all = result(result, folder);
        all.put("runs", results);
        Map<String, Object> record = RunRecord.ofSeveral(request.plans());
        record.putAll(surroundings());
        record.put("result", all);
        new RunRecord(record).write(folder);
        return all;
    }

    private void writeReport(Sae sae, RunPlan plan, Path folder, Map<String, Object> record) {
        Map<String, Object> provenance = new LinkedHashMap<>(record);
        provenance.remove("training");
        provenance.remove("result");
        Report.write(
                folder.resolve(OutputFolder.REPORT),
                new ReportContent(
                        "SAE " + (plan.name().isEmpty() ? plan.architecture() : plan.name()),
                        plan.options().describe(),
                        MetricsFileListener.read(folder.resolve(MetricsFileListener.LINES)),
                        Evaluator.evaluate(sae, soundRows()),
                        Map.of(),
                        provenance,
                        List.of(),
                        LatentRows.of(sae, soundRows(), LatentRows.COUNT, null)));
    }

    /** Rows of the training data without a bad one among them. */
    private ActivationSource soundRows() {
        long[] bad = request.summary().badRows();
        long bestFirst = 0;
        long bestCount = 0;
        long first = 0;
        for (int i = 0; i <= bad.length; i++) {
            long end = i < bad.length ? bad[i] : request.source().rows();
            if (end - first > bestCount) {
                bestFirst = first;
                bestCount = end - first;
            }
            first = end + 1;
        }
        return request.activations().slice(bestFirst, Math.min(bestCount, REPORT_ROWS));
    }
}
