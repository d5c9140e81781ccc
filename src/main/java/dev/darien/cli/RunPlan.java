// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.cli.TrainArguments.Real;
import dev.darien.ensemble.EnsembleFolder;
import dev.darien.ensemble.EnsembleKind;
import dev.darien.sae.Mapping;
import dev.darien.train.Auxiliary;
import dev.darien.train.BiasInit;
import dev.darien.train.InputScaling;
import dev.darien.train.Preset;
import dev.darien.train.Recipe;
import dev.darien.train.TrainingOptions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One SAE to be trained.
 *
 * @param name of its folder below {@code --out}; empty if it is the only one
 * @param architecture as {@code --arch} has it
 * @param options everything that decides how it is trained
 */
record RunPlan(String name, String architecture, TrainingOptions options) {
    private static final String BY_GRADIENTS = "gradient-topk";
    private static final Set<String> WITH_K = architectures(Recipe::hasK);
    private static final Set<String> WITH_L1 = architectures(Recipe::hasL1);
    private static final Set<String> WITH_PENALTY = architectures(name -> !Recipe.hasK(name));
    private static final double AUXILIARY_COEFFICIENT = 1.0 / 32;
    private static final double UNDERUSED_SHARE = 0.1;

    /** An option of which several values can be given. */
    private record Axis<T>(
            String option,
            List<T> values,
            Set<String> architectures,
            Function<T, String> text,
            BiConsumer<Recipe, T> set) {

        Axis {
            values = List.copyOf(new LinkedHashSet<>(values));
        }

        boolean appliesTo(String architecture) {
            return architectures.isEmpty() || architectures.contains(architecture);
        }

        /** Each value as the name that it adds and what it does to a recipe. */
        Stream<Setting> settings() {
            return values.stream()
                    .map(value -> new Setting(
                            values.size() > 1 ? option.substring(2) + "-" + text.apply(value) : "",
                            recipe -> set.accept(recipe, value)));
        }
    }

    private record Setting(String name, java.util.function.Consumer<Recipe> change) {}

    /**
     * Every combination of the values that were given, without those that an architecture can't take.
     *
     * @param mapping what is encoded and decoded
     * @param width of what the encoder sees
     * @throws UsageException if they contradict each other
     */
    static List<RunPlan> of(TrainArguments arguments, Mapping mapping, int width) {
        check(arguments);
        if (arguments.ensemble == null) {
            return of(arguments, arguments.seeds, mapping, width);
        }
        require(
                mapping instanceof Mapping.Identity,
                "ensembles are of SAEs that reconstruct what they encode; leave out --target and further --tensor");
        EnsemblePlan ensemble = EnsemblePlan.parse(arguments.ensemble);
        long seed = arguments.seeds.isEmpty() ? 0 : arguments.seeds.getFirst();
        List<RunPlan> members = new ArrayList<>();
        for (int member = 0; member < ensemble.members(); member++) {
            List<Long> own = List.of(EnsembleKind.seed(seed, ensemble.members(), member));
            List<RunPlan> plans = of(arguments, own, mapping, width);
            require(
                    plans.size() == 1 && arguments.seeds.size() <= 1,
                    "the members of an ensemble differ in their seeds alone; give one value of each option, and train other"
                            + " ensembles with commands of their own");
            members.add(new RunPlan(
                    EnsembleFolder.memberName(member),
                    plans.getFirst().architecture(),
                    plans.getFirst().options()));
        }
        return members;
    }

    private static List<RunPlan> of(TrainArguments arguments, List<Long> seeds, Mapping mapping, int width) {
        List<String> architectures = architectures(arguments);
        List<Axis<?>> axes = List.of(
                new Axis<>("--latents", arguments.latents, Set.of(), String::valueOf, Recipe::latents),
                new Axis<>("--k", arguments.k, WITH_K, String::valueOf, Recipe::k),
                new Axis<>("--l1", arguments.l1, WITH_L1, Real::text, (recipe, l1) -> recipe.l1(l1.value())),
                new Axis<>(
                        "--target-l0",
                        arguments.targetL0,
                        WITH_PENALTY,
                        Real::text,
                        (recipe, target) -> recipe.targetL0(target.value())),
                new Axis<>(
                        "--lr",
                        arguments.learningRates,
                        Set.of(),
                        Real::text,
                        (recipe, rate) -> recipe.learningRate(rate.value())),
                new Axis<>("--seed", seeds, Set.of(), String::valueOf, Recipe::seed));
        requireUsed(axes, architectures);
        Map<String, RunPlan> plans = new LinkedHashMap<>();
        for (String architecture : architectures) {
            List<List<Setting>> combinations = new ArrayList<>(List.of(List.of()));
            if (architectures.size() > 1) {
                combinations = List.of(List.of(new Setting("arch-" + architecture, recipe -> {})));
            }
            for (Axis<?> axis : axes) {
                // An option of other architectures is left out, but a single one that has no use for it says so.
                if (!axis.values().isEmpty() && (axis.appliesTo(architecture) || architectures.size() == 1)) {
                    combinations = combinations.stream()
                            .flatMap(before -> axis.settings().map(setting -> append(before, setting)))
                            .toList();
                }
            }
            for (List<Setting> combination : combinations) {
                String name = combination.stream()
                        .map(Setting::name)
                        .filter(part -> !part.isEmpty())
                        .collect(Collectors.joining("-"));
                plans.computeIfAbsent(name, ignored -> {
                    Recipe recipe = recipe(arguments, architecture, architectures.size() == 1);
                    recipe.mapping(mapping);
                    combination.forEach(setting -> setting.change().accept(recipe));
                    return new RunPlan(name, architecture, build(recipe, width));
                });
            }
        }
        return List.copyOf(plans.values());
    }

    private static Set<String> architectures(Predicate<String> which) {
        return Recipe.ARCHITECTURES.stream().filter(which).collect(Collectors.toUnmodifiableSet());
    }

    private static List<Setting> append(List<Setting> before, Setting setting) {
        List<Setting> all = new ArrayList<>(before);
        all.add(setting);
        return all;
    }

    private static void check(TrainArguments arguments) {
        require(
                arguments.latents.isEmpty() || arguments.expansion == null,
                "--latents and --expansion exclude each other; give one of them");
        require(
                !arguments.resume || !arguments.overwrite,
                "--resume and --overwrite exclude each other; give one of them");
        require(
                arguments.checkpointEvery >= 0,
                "--checkpoint-every must be 0 or more steps, not " + arguments.checkpointEvery);
        require(
                arguments.expansion == null || arguments.expansion >= 1,
                "--expansion must be at least 1, not " + arguments.expansion);
        for (int k : arguments.k) {
            require(k >= 1, "k must be at least 1, not " + k);
        }
        for (Real target : arguments.targetL0) {
            require(target.value() > 0, "--target-l0 must be above 0, not " + target.text());
        }
        require(
                arguments.bandwidth == null || arguments.bandwidth.value() > 0,
                "--bandwidth must be above 0"
                        + (arguments.bandwidth == null ? "" : ", not " + arguments.bandwidth.text()));
    }

    /** Whether one of them selects by gradients, which the data must hold then. */
    static boolean byGradients(TrainArguments arguments) {
        return architectures(arguments).contains(BY_GRADIENTS);
    }

    private static List<String> architectures(TrainArguments arguments) {
        Map<String, String> known = new LinkedHashMap<>();
        Recipe.ARCHITECTURES.forEach(name -> known.put(name, name));
        // Two names of one rule: the same SAE isn't trained twice.
        known.put("mutual-choice", "batchtopk");
        List<String> named = arguments.architectures.isEmpty() ? List.of("topk") : arguments.architectures;
        return named.stream()
                .map(name -> Choices.pick("architecture", name, known))
                .distinct()
                .toList();
    }

    private static void requireUsed(List<Axis<?>> axes, List<String> architectures) {
        for (Axis<?> axis : axes) {
            require(
                    axis.values().isEmpty() || architectures.stream().anyMatch(axis::appliesTo),
                    String.join(", ", architectures) + (architectures.size() > 1 ? " have no " : " has no ")
                            + axis.option() + "; it is for "
                            + axis.architectures().stream().sorted().collect(Collectors.joining(" and ")));
        }
    }

    /** @param only whether this is the only architecture, which then has to take every option that was given */
    private static Recipe recipe(TrainArguments arguments, String architecture, boolean only) {
        Recipe recipe =
                Recipe.of(architecture).preset(Choices.pick("preset", arguments.preset, Choices.of(Preset.values())));
        if (arguments.expansion != null) {
            recipe.expansion(arguments.expansion);
        }
        if (arguments.auxiliary != null) {
            Auxiliary auxiliary = Choices.pick(
                    "auxiliary loss",
                    arguments.auxiliary,
                    Map.of(
                            "none",
                            new Auxiliary.None(),
                            "auxk",
                            new Auxiliary.AuxK(AUXILIARY_COEFFICIENT, 0),
                            "zipf",
                            new Auxiliary.Zipf(AUXILIARY_COEFFICIENT, 0, UNDERUSED_SHARE)));
            if (only || WITH_K.contains(architecture) || auxiliary instanceof Auxiliary.None) {
                recipe.auxiliary(auxiliary);
            }
        }
        if (arguments.l0 != null && (only || architecture.equals("jumprelu"))) {
            recipe.l0(arguments.l0.value());
        }
        if (arguments.bandwidth != null && (only || architecture.equals("jumprelu"))) {
            recipe.bandwidth(arguments.bandwidth.value());
        }
        if (only || architecture.equals("feature-choice")) {
            arguments.featureChoice.addTo(recipe);
        }
        if (arguments.preActivationLoss != null && (only || architecture.equals("jumprelu"))) {
            recipe.preActivationLoss(arguments.preActivationLoss.value());
        }
        if (arguments.tanh != null && (only || architecture.equals("jumprelu"))) {
            recipe.tanhPenalty(arguments.tanh.value());
        }
        if (only || architecture.equals(BY_GRADIENTS)) {
            if (arguments.beta != null) {
                recipe.beta(arguments.beta.value());
            }
            if (arguments.rawBeta) {
                recipe.rawBeta();
            }
        }
        if (!arguments.groups.isEmpty() && (only || architecture.equals("matryoshka"))) {
            recipe.groups(arguments.groups);
        }
        if (arguments.biasLevel && (only || architecture.equals("matryoshka"))) {
            recipe.biasLevel();
        }
        if (arguments.kWarmup != null && (only || WITH_K.contains(architecture))) {
            recipe.kWarmup(arguments.kWarmup);
        }
        if (arguments.resample) {
            recipe.resample();
        }
        if (arguments.sparsityWarmup != null) {
            recipe.sparsityWarmup(arguments.sparsityWarmup);
        }
        if (arguments.tokens != null) {
            recipe.tokens(arguments.tokens);
        }
        if (arguments.batch != null) {
            recipe.batch(arguments.batch);
        }
        if (arguments.warmup != null) {
            recipe.warmup(arguments.warmup);
        }
        if (arguments.decay != null) {
            recipe.decay(arguments.decay.value());
        }
        if (arguments.clip != null) {
            recipe.clip(clip(arguments.clip));
        }
        if (arguments.normalize != null) {
            recipe.scaling(Choices.pick(
                    "normalization",
                    arguments.normalize,
                    Map.of("none", InputScaling.NONE, "unit-norm", InputScaling.UNIT_MEAN_SQUARE)));
        }
        if (arguments.biasInit != null) {
            recipe.biasInit(Choices.pick("bias start", arguments.biasInit, Choices.of(BiasInit.values())));
        }
        return recipe;
    }

    private static double clip(String text) {
        if (text.equalsIgnoreCase("none")) {
            return 0;
        }
        try {
            double norm = Double.parseDouble(text);
            require(norm > 0 && Double.isFinite(norm), "--clip must be above 0 or none, not " + text);
            return norm;
        } catch (NumberFormatException e) {
            throw new UsageException("--clip must be a number above 0 or none, not '" + text + "'");
        }
    }

    private static TrainingOptions build(Recipe recipe, int width) {
        try {
            return UsageException.check(() -> recipe.build(width));
        } catch (ArithmeticException e) {
            throw new UsageException("that many latents can't be addressed; lower --expansion");
        }
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new UsageException(otherwise);
        }
    }
}
