// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.ensemble.EnsembleFolder;
import dev.darien.ensemble.EnsembleKind;
import dev.darien.eval.Evaluation;
import dev.darien.report.LatentTable;
import dev.darien.report.Report;
import dev.darien.report.ReportContent;
import dev.darien.report.ReportRun;
import dev.darien.train.MetricsFileListener;
import dev.darien.train.TrainingResult;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What {@code train} says of an ensemble as a whole. */
final class EnsembleRecord {
    private EnsembleRecord() {}

    /** What a member's record says of the whole: nothing for an SAE that is none. */
    static Map<String, Object> memberOf(@Nullable EnsemblePlan plan) {
        return plan == null
                ? Map.of()
                : RunRecord.object(
                        EnsembleFolder.entry(plan.kind(), plan.members()).get(RunRecord.ENSEMBLE));
    }

    /** The course of passes one after the other. */
    static TrainingResult sum(List<TrainingResult> passes) {
        if (passes.size() == 1) {
            return passes.getFirst();
        }
        long steps = 0;
        long tokens = 0;
        double seconds = 0;
        double stepping = 0;
        for (TrainingResult pass : passes) {
            steps += pass.steps();
            tokens += pass.tokens();
            seconds += pass.seconds();
            stepping += pass.tokens() / pass.tokensPerSecond();
        }
        return new TrainingResult(true, steps, tokens, seconds, Double.isFinite(stepping) ? tokens / stepping : 0);
    }

    /** The course of a finished member, out of what was printed of it. */
    static TrainingResult trainingResult(Map<String, Object> result) {
        return new TrainingResult(
                true,
                (long) number(result, "steps"),
                (long) number(result, "tokens"),
                number(result, "seconds"),
                number(result, "tokens_per_second"));
    }

    private static double number(Map<String, Object> map, String key) {
        return map.get(key) instanceof Number number ? number.doubleValue() : 0;
    }

    /**
     * What was printed of a member that an earlier part of the run has finished: of a boosting only, as those of a bagging
     * are finished together.
     *
     * @throws UsageException if it was a member of another ensemble, or trained otherwise
     */
    static Optional<Map<String, Object>> finished(TrainingSession.Request request, RunPlan plan) {
        EnsemblePlan ensemble = request.ensemble();
        Optional<RunRecord> found = ensemble == null
                ? Optional.empty()
                : RunRecord.read(request.out().run(plan.name()));
        if (found.isEmpty()) {
            return Optional.empty();
        }
        RunRecord record = found.get();
        TrainCommand.requireSame("ensemble", record.content().get(RunRecord.MEMBER_OF), memberOf(ensemble));
        TrainCommand.requireSame("data", record.dataHash(), request.summary().hashText());
        Map<String, Object> before = record.training("");
        plan.options().describe().forEach((name, now) -> TrainCommand.requireSame(name, before.get(name), now));
        return request.passes().size() == 1 ? Optional.empty() : Optional.of(record.result());
    }

    /**
     * Adds the figures of the whole: loss as in training, the mean of a bagging's members and that of a boosting's last one;
     * the others measured on rows of the training data.
     */
    static void putFigures(
            Map<String, Object> result, EnsemblePlan plan, List<Map<String, Object>> members, Evaluation evaluation) {
        result.put(
                "loss",
                plan.kind() == EnsembleKind.BOOSTING
                        ? number(members.getLast(), "loss")
                        : members.stream()
                                .mapToDouble(member -> number(member, "loss"))
                                .average()
                                .orElse(Double.NaN));
        result.put("fvu", evaluation.fvu());
        result.put("l0", evaluation.l0());
        result.put("dead_fraction", evaluation.deadFraction());
        result.put(RunRecord.ENSEMBLE, memberOf(plan));
        result.put(RunRecord.MEMBERS, members);
    }

    /** The record of the whole, still without its surroundings and result. */
    static Map<String, Object> of(EnsemblePlan plan, List<RunPlan> plans) {
        RunPlan first = plans.getFirst();
        Map<String, Object> record = new LinkedHashMap<>();
        record.put("darien", Version.text());
        record.putAll(EnsembleFolder.entry(plan.kind(), plan.members()));
        record.put("architecture", first.architecture());
        if (first.options().sparsity().bounded()) {
            record.put("k", first.options().sparsity().k());
        }
        record.put("seed", first.options().seed() / plan.members());
        List<Map<String, Object>> members = new ArrayList<>();
        for (RunPlan member : plans) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("name", member.name());
            one.put("seed", member.options().seed());
            one.put("training", member.options().describe());
            members.add(one);
        }
        record.put(RunRecord.MEMBERS, members);
        record.put("training", first.options().describe());
        return record;
    }

    /** One page: the whole's figures and latents, the members' courses beside each other. */
    static void writeReport(
            TrainingSession.Request request, Map<String, Object> record, Evaluation evaluation, LatentTable latents) {
        List<RunPlan> plans = request.plans();
        Map<String, Object> provenance = new LinkedHashMap<>(record);
        List.of("training", "result", RunRecord.MEMBERS).forEach(provenance::remove);
        Report.write(
                request.out().path().resolve(OutputFolder.REPORT),
                new ReportContent(
                        "Ensemble of " + plans.size() + " SAEs",
                        plans.getFirst().options().describe(),
                        List.of(),
                        evaluation,
                        Map.of(),
                        provenance,
                        plans.stream().map(plan -> member(request.out(), plan)).toList(),
                        latents));
    }

    private static ReportRun member(OutputFolder out, RunPlan plan) {
        return new ReportRun(
                plan.name(),
                RunRecord.read(out.run(plan.name())).map(RunRecord::result).orElse(Map.of()),
                MetricsFileListener.read(out.run(plan.name()).resolve(MetricsFileListener.LINES)));
    }
}
