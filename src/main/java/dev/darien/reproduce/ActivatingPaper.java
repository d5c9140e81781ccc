// SPDX-License-Identifier: Apache-2.0
package dev.darien.reproduce;

import dev.darien.data.DataException;
import dev.darien.prune.BaseMethod;
import dev.darien.prune.ClassifierTraining;
import dev.darien.prune.LabelledImages;
import dev.darien.prune.NetworkShape;
import dev.darien.prune.Pruner;
import dev.darien.prune.PruningCycle;
import dev.darien.prune.PruningMethod;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * Activating-while-Pruning: two small classifiers of digits, each base method with the activating step and without, at
 * the same sparsity. The shares pruned are those of the authors' code.
 */
final class ActivatingPaper implements Paper {
    /** Sparsity from which the paper finds that accuracy gains. */
    private static final double HIGH_SPARSITY = 0.9;

    /** Every how many cycles a row of the tables is shown. */
    private static final int SHOWN = 4;

    /** Sizes of the experiment. */
    private record Plan(int training, int heldOut, int epochs, double rate, double ap, int cycles) {
        static final Plan FULL = new Plan(4_000, 6_000, 8, 0.2, 0.02, 16);
        static final Plan QUICK = new Plan(300, 300, 1, 0.6, 0.06, 3);
    }

    /** The cycles of one base method with one seed, without the activating step and with it. */
    private record Pair(List<PruningCycle> without, List<PruningCycle> with) {}

    @Override
    public String number() {
        return "2212.06145";
    }

    @Override
    public String title() {
        return "Liu, Ghosh, Tan, Motani 2023: Activating-while-Pruning";
    }

    @Override
    public Results measure(Experiment experiment) {
        Plan plan = experiment.quick() ? Plan.QUICK : Plan.FULL;
        LabelledImages images =
                LabelledImages.read(experiment.file("digits", "digits.safetensors", "ci/digits fetches it"));
        if (images.count() < plan.training() + plan.heldOut()) {
            throw new DataException("%s has %d digits where %d are needed; ci/digits fetches as many"
                    .formatted(experiment.data(), images.count(), plan.training() + plan.heldOut()));
        }
        int pixels = images.width();
        List<Finding> findings = new ArrayList<>();
        List<Results.Table> tables = new ArrayList<>();
        for (NetworkShape shape : List.of(
                NetworkShape.mlp(pixels, images.classes(), 128, 64),
                NetworkShape.convolutional(pixels, images.classes(), 8, 64))) {
            Map<BaseMethod, List<Pair>> ofBases = run(experiment, plan, images, shape);
            ofBases.forEach((base, pairs) -> findings.addAll(findings(shape, base, pairs)));
            tables.add(table(shape, ofBases));
        }
        findings.add(Finding.notTestable(
                "AP raises accuracy by 3 to 4 % on CIFAR-10 and CIFAR-100",
                "ResNet and VGG there", "neither such networks nor these images are trained here"));
        return new Results(findings, tables);
    }

    /** For each base method, a pair for each seed. */
    private static Map<BaseMethod, List<Pair>> run(
            Experiment experiment, Plan plan, LabelledImages images, NetworkShape shape) {
        Map<BaseMethod, List<Pair>> ofBases = new EnumMap<>(BaseMethod.class);
        LabelledImages training = images.slice(0, plan.training());
        LabelledImages heldOut = images.slice(plan.training(), plan.heldOut());
        ClassifierTraining options = ClassifierTraining.DEFAULT.withEpochs(plan.epochs());
        for (long seed : experiment.seeds()) {
            try (Pruner pruner = new Pruner(experiment.device(), shape, training, heldOut, options, seed)) {
                for (BaseMethod base : BaseMethod.values()) {
                    experiment.progress().accept("%s, seed %d, %s".formatted(shape.name(), seed, name(base)));
                    ofBases.computeIfAbsent(base, key -> new ArrayList<>())
                            .add(new Pair(
                                    pruner.prune(PruningMethod.of(base, plan.rate(), 0), plan.cycles(), cycle -> {}),
                                    pruner.prune(
                                            PruningMethod.of(base, plan.rate(), plan.ap()),
                                            plan.cycles(),
                                            cycle -> {})));
                }
            }
        }
        return ofBases;
    }

    private static String name(BaseMethod base) {
        return base.name().toLowerCase(Locale.ROOT);
    }

    private static List<Finding> findings(NetworkShape shape, BaseMethod base, List<Pair> pairs) {
        String setting = shape.name() + ", " + name(base);
        return List.of(
                Finding.negative(
                        "the more is pruned, the lower the dynamic dead-neuron rate",
                        setting + ", without AP: rank correlation of the rate with sparsity",
                        perSeed(pairs, ActivatingPaper::correlation)),
                Finding.negative(
                        "the AP step lowers the dynamic dead-neuron rate at once",
                        setting + ": change by the step, before rewinding",
                        perSeed(pairs, ActivatingPaper::changeByStep)),
                Finding.negative(
                        "AP lowers the dynamic dead-neuron rate further",
                        setting + ": with AP - without, after training, mean of the cycles",
                        perSeed(
                                pairs,
                                pair -> difference(
                                        pair, 0, cycle -> cycle.dead().dynamicPart()))),
                Finding.positive(
                        "AP helps accuracy above 90 % sparsity",
                        setting + ": with AP - without, mean of the cycles there",
                        perSeed(pairs, pair -> difference(pair, HIGH_SPARSITY, PruningCycle::accuracy))));
    }

    private static List<Double> perSeed(List<Pair> pairs, Function<Pair, Double> figure) {
        return pairs.stream().map(figure).toList();
    }

    private static double correlation(Pair pair) {
        return RankCorrelation.of(
                pair.without().stream()
                        .mapToDouble(cycle -> cycle.mask().sparsity())
                        .toArray(),
                pair.without().stream()
                        .mapToDouble(cycle -> cycle.dead().dynamicPart())
                        .toArray());
    }

    private static double changeByStep(Pair pair) {
        return pair.with().stream()
                .flatMap(cycle -> Stream.ofNullable(cycle.pruning()))
                .mapToDouble(pruned ->
                        pruned.afterAll().dynamicPart() - pruned.afterBase().dynamicPart())
                .average()
                .orElseThrow();
    }

    /** The mean of with - without over the cycles that prune and are sparser than {@code above}. */
    private static double difference(Pair pair, double above, ToDoubleFunction<PruningCycle> figure) {
        double sum = 0;
        int count = 0;
        for (int i = 1; i < pair.with().size(); i++) {
            if (pair.with().get(i).mask().sparsity() > above) {
                sum += figure.applyAsDouble(pair.with().get(i))
                        - figure.applyAsDouble(pair.without().get(i));
                count++;
            }
        }
        return sum / count;
    }

    private static Results.Table table(NetworkShape shape, Map<BaseMethod, List<Pair>> ofBases) {
        List<List<String>> rows = new ArrayList<>();
        ofBases.forEach((base, pairs) -> {
            int cycles = pairs.getFirst().with().size();
            for (int i = 0; i < cycles; i += SHOWN) {
                int at = i;
                BiFunction<Function<Pair, List<PruningCycle>>, ToDoubleFunction<PruningCycle>, String> mean =
                        (which, figure) -> percent(Interval.mean(pairs.stream()
                                .map(pair ->
                                        figure.applyAsDouble(which.apply(pair).get(at)))
                                .toList()));
                rows.add(List.of(
                        name(base),
                        percent(pairs.getFirst().with().get(at).mask().sparsity()),
                        mean.apply(Pair::without, PruningCycle::accuracy),
                        mean.apply(Pair::with, PruningCycle::accuracy),
                        mean.apply(Pair::without, cycle -> cycle.dead().dynamicPart()),
                        mean.apply(Pair::with, cycle -> cycle.dead().dynamicPart()),
                        mean.apply(Pair::without, cycle -> cycle.dead().staticPart()),
                        mean.apply(Pair::with, cycle -> cycle.dead().staticPart())));
            }
        });
        return new Results.Table(
                "The network `" + shape.name() + "`, means over the seeds, in %",
                List.of(
                        "base method",
                        "sparsity",
                        "accuracy",
                        "with AP",
                        "dead neurons, dynamic",
                        "with AP",
                        "dead neurons, static",
                        "with AP"),
                rows);
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f", 100 * share);
    }
}
