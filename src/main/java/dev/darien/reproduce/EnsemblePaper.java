// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.eval.Stability;
import dev.darien.sae.Autoencoder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/** Bagging and boosting against a single SAE and against one with as many latents. */
final class EnsemblePaper implements Paper {
    /** How many latents the paper's headline of spurious-correlation removal takes away. */
    private static final int HEADLINE = 20;

    @Override
    public String number() {
        return "2505.16077";
    }

    @Override
    public String title() {
        return "Gadgil et al. 2025: Ensembling Sparse Autoencoders";
    }

    /** Accuracy by number of latents and SCR by number taken away, of each variant, for each seed. */
    private record Downstream(
            Map<String, List<Map<Integer, Double>>> probing, Map<String, List<Map<Integer, Double>>> removal) {
        static List<Double> at(Map<String, List<Map<Integer, Double>>> scores, String variant, int number) {
            return Objects.requireNonNull(scores.get(variant), variant).stream()
                    .map(score -> score.getOrDefault(number, Double.NaN))
                    .toList();
        }
    }

    @Override
    public Results measure(Experiment experiment) {
        try (EnsembleStudy study = new EnsembleStudy(experiment);
                CharacterStudy characters = new CharacterStudy(experiment)) {
            Downstream downstream = downstream(experiment, study, characters);
            List<Finding> findings = new ArrayList<>();
            List<List<String>> rows = rows(study);
            if (experiment.seeds().size() > 1) {
                findings.addAll(stability(study, rows));
            }
            findings.addAll(reconstruction(study));
            findings.addAll(detection(study.plan(), downstream.probing()));
            findings.addAll(removal(study.plan(), downstream.removal()));
            return new Results(
                    findings,
                    List.of(
                            new Results.Table("Held-out data, " + study.plan() + ", means over the seeds", HEAD, rows),
                            table(
                                    "Probing with few latents: accuracy by their number, the mean over all classes of all"
                                            + " concepts (chance is 0.5)",
                                    downstream.probing(),
                                    CharacterStudy.PROBE_LATENTS),
                            table(
                                    "Spurious-correlation removal: SCR by the number of latents taken away, the mean over"
                                            + " the pairs of labels",
                                    downstream.removal(),
                                    CharacterStudy.ABLATED),
                            characters.table()));
        }
    }

    private static Downstream downstream(Experiment experiment, EnsembleStudy study, CharacterStudy characters) {
        EnsembleStudy.Plan plan = study.plan();
        Map<String, List<Map<Integer, Double>>> probing = new LinkedHashMap<>();
        Map<String, List<Map<Integer, Double>>> removal = new LinkedHashMap<>();
        for (String variant :
                List.of(EnsembleStudy.SINGLE, plan.bagging(), plan.boosting(), plan.expanded(), plan.expandedDense())) {
            List<Autoencoder> saes = study.of(variant);
            List<Map<Integer, Double>> probed = new ArrayList<>();
            List<Map<Integer, Double>> removed = new ArrayList<>();
            for (int at = 0; at < saes.size(); at++) {
                long seed = experiment.seeds().get(at);
                experiment.progress().accept("probing and removal, " + variant + ", seed " + seed);
                probed.add(characters.probe(saes.get(at), seed));
                removed.add(characters.remove(saes.get(at), seed));
            }
            probing.put(variant, probed);
            removal.put(variant, removed);
        }
        return new Downstream(probing, removal);
    }

    // ------------------------------------------------------------------------------------------------------ stability

    private static final List<String> HEAD = List.of(
            "variant",
            "latents",
            "L0",
            "explained variance",
            "FVU",
            "silent latents, %",
            "connectivity",
            "diversity",
            "stability",
            "stability by chance",
            "stability, matched");

    /** Findings, and the last columns of {@code rows}. */
    private static List<Finding> stability(EnsembleStudy study, List<List<String>> rows) {
        Map<String, Stability> relaxed = new LinkedHashMap<>();
        Map<String, List<Double>> exact = new LinkedHashMap<>();
        List<String> variants = study.variants();
        for (int at = 0; at < variants.size(); at++) {
            String variant = variants.get(at);
            Stability stability = study.stability(variant);
            List<Double> matched = study.exactStability(variant);
            relaxed.put(variant, stability);
            exact.put(variant, matched);
            List<String> row =
                    new ArrayList<>(rows.get(at).subList(0, rows.get(at).size() - 3));
            row.add(format("%.4f", stability.mean()));
            row.add(format("%.4f", stability.chance()));
            row.add(format("%.4f", Interval.mean(matched)));
            rows.set(at, row);
        }
        EnsembleStudy.Plan plan = study.plan();
        List<Finding> findings = new ArrayList<>();
        for (String other : others(plan)) {
            findings.add(Finding.positive(
                    "bagging is more stable than " + named(other),
                    "stability of each run's dictionary, " + plan.bagging() + " - " + other,
                    ParetoStudy.difference(runs(relaxed, plan.bagging()), runs(relaxed, other))));
            findings.add(Finding.positive(
                    "bagging is more stable than " + named(other) + ", one-to-one",
                    "mean cosine of matched directions, " + plan.bagging() + " - " + other,
                    ParetoStudy.difference(list(exact, plan.bagging()), list(exact, other))));
        }
        return findings;
    }

    private static List<Double> runs(Map<String, Stability> all, String variant) {
        return Objects.requireNonNull(all.get(variant), variant).runs();
    }

    private static List<Double> list(Map<String, List<Double>> all, String variant) {
        return Objects.requireNonNull(all.get(variant), variant);
    }

    /** What ensembles are held against. */
    private static List<String> others(EnsembleStudy.Plan plan) {
        return List.of(EnsembleStudy.SINGLE, plan.expanded(), plan.expandedDense());
    }

    private static String named(String variant) {
        return variant.equals(EnsembleStudy.SINGLE)
                ? "a single SAE"
                : "the expanded SAE" + variant.substring(variant.indexOf(','));
    }

    // ------------------------------------------------------------------------------------------------- reconstruction

    private static List<Finding> reconstruction(EnsembleStudy study) {
        EnsembleStudy.Plan plan = study.plan();
        List<String> growing = new ArrayList<>(List.of(EnsembleStudy.SINGLE));
        for (int count = 2; count <= plan.members(); count *= 2) {
            growing.add(plan.boosting(count));
        }
        List<Double> leastGain = IntStream.range(
                        0, explained(study, EnsembleStudy.SINGLE).size())
                .mapToObj(seed -> IntStream.range(1, growing.size())
                        .mapToDouble(at -> explained(study, growing.get(at)).get(seed)
                                - explained(study, growing.get(at - 1)).get(seed))
                        .min()
                        .orElseThrow())
                .toList();
        List<Finding> findings = new ArrayList<>();
        findings.add(Finding.positive(
                "boosting explains more variance the more members there are",
                "the least gain in explained variance by doubling J, from 1 to " + plan.members(),
                leastGain));
        for (String expanded : List.of(plan.expanded(), plan.expandedDense())) {
            findings.add(
                    gain(study, "boosting explains more variance than " + named(expanded), plan.boosting(), expanded));
        }
        findings.add(
                gain(study, "bagging explains more variance than a single SAE", plan.bagging(), EnsembleStudy.SINGLE));
        return findings;
    }

    private static Finding gain(EnsembleStudy study, String claim, String better, String other) {
        return Finding.positive(
                claim,
                "explained variance of " + better + " - of " + other,
                ParetoStudy.difference(explained(study, better), explained(study, other)));
    }

    private static List<Double> explained(EnsembleStudy study, String variant) {
        return study.measured(variant).stream()
                .map(EnsembleStudy.Measured::explainedVariance)
                .toList();
    }

    private static List<List<String>> rows(EnsembleStudy study) {
        List<List<String>> rows = new ArrayList<>();
        for (String variant : study.variants()) {
            List<EnsembleStudy.Measured> all = study.measured(variant);
            rows.add(List.of(
                    variant,
                    String.valueOf(all.getFirst().evaluation().latents()),
                    mean("%.2f", all, one -> one.evaluation().l0()),
                    mean("%.5f", all, EnsembleStudy.Measured::explainedVariance),
                    mean("%.5f", all, one -> one.evaluation().fvu()),
                    mean("%.2f", all, one -> 100 * one.evaluation().deadFraction()),
                    mean("%.4f", all, EnsembleStudy.Measured::connectivity),
                    mean("%.1f", all, EnsembleStudy.Measured::diversity),
                    "–",
                    "–",
                    "–"));
        }
        return rows;
    }

    private static String mean(
            String format, List<EnsembleStudy.Measured> all, ToDoubleFunction<EnsembleStudy.Measured> figure) {
        return format(format, all.stream().mapToDouble(figure).average().orElseThrow());
    }

    // ----------------------------------------------------------------------------------------------------- downstream

    private static List<Finding> detection(EnsembleStudy.Plan plan, Map<String, List<Map<Integer, Double>>> probing) {
        List<Finding> findings = new ArrayList<>();
        for (String other : others(plan)) {
            findings.add(difference(
                    "bagging wins at concept detection with one latent, against " + named(other),
                    "accuracy at K=1",
                    probing,
                    plan.bagging(),
                    other,
                    1));
            for (int number : List.of(2, 5)) {
                findings.add(difference(
                        "boosting wins at concept detection with " + number + " latents, against " + named(other),
                        "accuracy at K=" + number,
                        probing,
                        plan.boosting(),
                        other,
                        number));
            }
        }
        return findings;
    }

    private static List<Finding> removal(EnsembleStudy.Plan plan, Map<String, List<Map<Integer, Double>>> removal) {
        List<Finding> findings = new ArrayList<>();
        for (String other : others(plan)) {
            for (String ensemble : List.of(plan.bagging(), plan.boosting())) {
                findings.add(difference(
                        ensemble.substring(0, ensemble.indexOf(',')) + " wins at spurious-correlation removal, against "
                                + named(other),
                        "SCR with " + HEADLINE + " latents taken away",
                        removal,
                        ensemble,
                        other,
                        HEADLINE));
            }
        }
        return findings;
    }

    private static Finding difference(
            String claim,
            String figure,
            Map<String, List<Map<Integer, Double>>> scores,
            String better,
            String other,
            int number) {
        return Finding.positive(
                claim,
                figure + ", " + better + " - " + other,
                ParetoStudy.difference(Downstream.at(scores, better, number), Downstream.at(scores, other, number)));
    }

    private static Results.Table table(
            String title, Map<String, List<Map<Integer, Double>>> scores, List<Integer> numbers) {
        List<String> head = new ArrayList<>(List.of("variant"));
        numbers.forEach(number -> head.add(String.valueOf(number)));
        List<List<String>> rows = new ArrayList<>();
        scores.forEach((variant, ofSeeds) -> {
            List<String> row = new ArrayList<>(List.of(variant));
            numbers.forEach(number -> row.add(format("%.4f", Interval.mean(Downstream.at(scores, variant, number)))));
            rows.add(row);
        });
        return new Results.Table(title, head, rows);
    }

    private static String format(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
