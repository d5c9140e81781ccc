// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.data.DataException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * Gradient SAEs against TopK: in a small language model, spliced in and added to its activations, and on generated data
 * whose features a readout sees or doesn't.
 */
final class GradientPaper implements Paper {
    private static final List<Integer> KS = List.of(8, 16);
    private static final String TOP_K = "topk";
    private static final String BY_GRADIENTS = "gradient-topk, β=1";

    @Override
    public String number() {
        return "2411.10397";
    }

    @Override
    public String title() {
        return "Olmo et al. 2024: Features that Make a Difference: Leveraging Gradients for Improved Dictionary Learning";
    }

    @Override
    public Results measure(Experiment experiment) {
        List<Finding> findings = new ArrayList<>();
        List<Results.Table> tables = new ArrayList<>();
        Path work = temporary();
        try (SplicedSaes model = new SplicedSaes(experiment, work)) {
            for (int k : experiment.quick() ? KS.subList(0, 1) : KS) {
                Map<String, List<SplicedSaes.Measured>> variants = new LinkedHashMap<>();
                for (long seed : experiment.seeds()) {
                    model.run(k, seed)
                            .forEach((name, measured) -> variants.computeIfAbsent(name, key -> new ArrayList<>())
                                    .add(measured));
                }
                findings.addAll(inModel(k, variants));
                tables.add(table(model, k, variants));
            }
        } finally {
            delete(work);
        }
        List<ReadoutStudy.Outcome> toys = new ArrayList<>();
        for (long seed : experiment.seeds()) {
            experiment.progress().accept("features that a readout sees, seed " + seed);
            toys.add(ReadoutStudy.run(experiment, seed));
        }
        findings.addAll(ofReadout(toys));
        tables.add(ReadoutStudy.table(toys));
        findings.add(Finding.notTestable(
                "latents are about as interpretable as TopK's",
                "raters of GPT-2's latents there",
                "no latent is rated here"));
        return new Results(findings, tables);
    }

    private static List<Finding> inModel(int k, Map<String, List<SplicedSaes.Measured>> variants) {
        List<SplicedSaes.Measured> ours = Objects.requireNonNull(variants.get(BY_GRADIENTS));
        List<SplicedSaes.Measured> topK = Objects.requireNonNull(variants.get(TOP_K));
        String setting = "k=" + k + ", β=1: ";
        return List.of(
                Finding.negative(
                        "spliced in, a Gradient SAE loses less cross-entropy than TopK at equal k",
                        setting + "ln(ΔCE / ΔCE of TopK), both encoding without gradients",
                        logRatio(ours, topK, run -> run.free().deltaLoss(), run -> run.free()
                                .deltaLoss())),
                Finding.negative(
                        "the same with gradients when it encodes",
                        setting + "ln(ΔCE with gradients / ΔCE of TopK)",
                        logRatio(ours, topK, run -> run.exact().deltaLoss(), run -> run.free()
                                .deltaLoss())),
                Finding.negative(
                        "encoding with gradients loses less than without",
                        setting + "ln(ΔCE with gradients / ΔCE without), the same SAE",
                        logRatio(ours, ours, run -> run.exact().deltaLoss(), run -> run.free()
                                .deltaLoss())),
                Finding.negative(
                        "a Gradient SAE has fewer dead latents than TopK",
                        setting + "silent share on held-out data - that of TopK, both without gradients",
                        ParetoStudy.difference(
                                figures(ours, run -> run.free().silent()),
                                figures(topK, run -> run.free().silent()))),
                Finding.positive(
                        "Gradient-SAE latents move the logits more than TopK's",
                        setting + "ln(change of the logits / TopK's): " + SplicedSaes.STEERING,
                        logRatio(ours, topK, SplicedSaes.Measured::logitChange, SplicedSaes.Measured::logitChange)));
    }

    private static List<Finding> ofReadout(List<ReadoutStudy.Outcome> outcomes) {
        List<Finding> findings = new ArrayList<>();
        for (int at = 0; at < ReadoutStudy.BETAS.size(); at++) {
            int beta = at;
            String setting = "generated data, k=4, β=" + ReadoutStudy.BETAS.get(at) + ": ";
            findings.add(Finding.negative(
                    "what a readout sees is kept better than by TopK",
                    setting + "ln(‖V(x - x̂)‖² / TopK's), encoding with gradients",
                    readout(outcomes, outcome -> outcome.byGradients().get(beta).exactReadoutError())));
            findings.add(Finding.negative(
                    "the same without gradients when it encodes",
                    setting + "ln(‖V(x - x̂)‖² / TopK's), encoding without gradients",
                    readout(outcomes, outcome -> outcome.byGradients().get(beta).readoutError())));
            findings.add(Finding.positive(
                    "more small features that matter are found than by TopK",
                    setting + "share of them with a latent at cosine > 0.9 - TopK's",
                    outcomes.stream()
                            .map(outcome -> outcome.byGradients().get(beta).recall()
                                    - outcome.topK().recall())
                            .toList()));
        }
        return findings;
    }

    private static List<Double> readout(
            List<ReadoutStudy.Outcome> outcomes, ToDoubleFunction<ReadoutStudy.Outcome> error) {
        return outcomes.stream()
                .map(outcome ->
                        Math.log(error.applyAsDouble(outcome) / outcome.topK().readoutError()))
                .toList();
    }

    private static List<Double> figures(
            List<SplicedSaes.Measured> runs, ToDoubleFunction<SplicedSaes.Measured> figure) {
        return runs.stream().map(run -> figure.applyAsDouble(run)).toList();
    }

    private static List<Double> logRatio(
            List<SplicedSaes.Measured> runs,
            List<SplicedSaes.Measured> others,
            ToDoubleFunction<SplicedSaes.Measured> figure,
            ToDoubleFunction<SplicedSaes.Measured> ofOther) {
        return ParetoStudy.difference(
                figures(runs, run -> Math.log(figure.applyAsDouble(run))),
                figures(others, run -> Math.log(ofOther.applyAsDouble(run))));
    }

    private static Results.Table table(SplicedSaes model, int k, Map<String, List<SplicedSaes.Measured>> variants) {
        List<List<String>> rows = new ArrayList<>();
        variants.forEach((name, runs) -> {
            rows.add(row(name, runs, SplicedSaes.Measured::free, true));
            rows.add(row(name + ", by its threshold", runs, SplicedSaes.Measured::byThreshold, false));
            rows.add(row(name + ", with gradients", runs, SplicedSaes.Measured::exact, false));
        });
        rows.removeIf(List::isEmpty);
        return new Results.Table(
                "Held-out text, " + model.plan() + ", k=" + k + ", means over the seeds; ΔCE is what splicing adds to "
                        + String.format(Locale.ROOT, "%.4f", model.cleanLoss()),
                List.of(
                        "SAE, and how it encodes",
                        "L0",
                        "FVU",
                        "ΔCE",
                        "loss recovered",
                        "silent latents, %",
                        "change of logits"),
                rows);
    }

    private static List<String> row(
            String name,
            List<SplicedSaes.Measured> runs,
            Function<SplicedSaes.Measured, SplicedSaes.Rule> rule,
            boolean steered) {
        if (runs.stream().anyMatch(run -> rule.apply(run).absent())) {
            return List.of();
        }
        return List.of(
                name,
                mean("%.2f", runs, run -> rule.apply(run).l0()),
                mean("%.5f", runs, run -> rule.apply(run).fvu()),
                mean("%.4f", runs, run -> rule.apply(run).deltaLoss()),
                mean("%.5f", runs, run -> rule.apply(run).recovered()),
                mean("%.2f", runs, run -> 100 * rule.apply(run).silent()),
                steered ? mean("%.3f", runs, SplicedSaes.Measured::logitChange) : "");
    }

    private static String mean(
            String format, List<SplicedSaes.Measured> runs, ToDoubleFunction<SplicedSaes.Measured> figure) {
        return String.format(Locale.ROOT, format, Interval.mean(figures(runs, figure)));
    }

    private static Path temporary() {
        try {
            return Files.createTempDirectory("darien-reproduce");
        } catch (IOException e) {
            throw new DataException("there is no room for temporary files: " + e.getMessage(), e);
        }
    }

    private static void delete(Path folder) {
        try (var files = Files.walk(folder)) {
            for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new DataException("the temporary files in " + folder + " can't be removed: " + e.getMessage(), e);
        }
    }
}
