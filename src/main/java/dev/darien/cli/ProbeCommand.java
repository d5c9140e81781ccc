// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.device.Device;
import dev.darien.eval.Absorption;
import dev.darien.eval.ExampleSet;
import dev.darien.eval.SparseProbing;
import dev.darien.sae.Autoencoder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code darien probe}. */
@Command(
        name = "probe",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Says how well a few latents tell a class from the rest (sparse probing), beside as few channels, principal"
                    + " components and random directions, and beside all channels.",
            "",
            "Each class has as many examples as the others together, so chance is 0.5.",
            ""
        })
final class ProbeCommand implements Callable<Integer> {
    private final Console console;

    @Mixin
    private LabelArguments data = new LabelArguments();

    @Option(
            names = "--k",
            split = ",",
            paramLabel = "K",
            description = "How many latents to use, several with commas (default: 1,2,5).")
    private List<Integer> ks = SparseProbing.Options.DEFAULT.ks();

    @Option(names = "--folds", paramLabel = "N", description = "Of the cross-validation (default: ${DEFAULT-VALUE}).")
    private int folds = SparseProbing.Options.DEFAULT.folds();

    @Option(
            names = "--absorption",
            paramLabel = "code|paper",
            description = "Measure feature absorption too, with the constants of SAEBench's code or of its paper.")
    private @Nullable String absorption;

    @Mixin
    private SaeArguments arguments = new SaeArguments();

    @Option(names = "--json", description = "Print the result as one JSON object.")
    private boolean json;

    ProbeCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        SparseProbing.Options options = UsageException.check(
                () -> new SparseProbing.Options(ks, folds, data.classes, data.examples, data.seed));
        Absorption.@Nullable Constants constants = constants();
        try (Device device = arguments.device.open();
                Autoencoder loaded = arguments.input.load(data.sae, device, console)) {
            ExampleSet examples = data.read(loaded, arguments);
            SparseProbing probing = SparseProbing.of(examples, options);
            @Nullable
            Absorption absorbed = constants == null
                    ? null
                    : Absorption.of(examples, data.classes, data.examples, constants, data.seed);
            if (json) {
                Map<String, Object> result = new LinkedHashMap<>();
                result.put("examples", examples.examples().count());
                result.put("folds", folds);
                result.putAll(probing.asMap());
                if (absorbed != null) {
                    result.put("absorption", absorbed.asMap());
                }
                console.json(result);
            } else {
                console.print(text(probing));
                if (absorbed != null) {
                    console.print(text(absorbed));
                }
            }
        }
        return 0;
    }

    private Absorption.@Nullable Constants constants() {
        if (absorption == null) {
            return null;
        }
        return switch (absorption) {
            case "code" -> Absorption.Constants.CODE;
            case "paper" -> Absorption.Constants.PAPER;
            default -> throw new UsageException("--absorption is code or paper, not '" + absorption + "'");
        };
    }

    private static String text(Absorption absorption) {
        List<List<String>> rows = new ArrayList<>();
        for (Absorption.ClassResult one : absorption.classes()) {
            rows.add(List.of(
                    "class " + one.label(),
                    Texts.value(one.score()),
                    Texts.value(one.f1()),
                    one.mainLatents().toString()));
        }
        rows.add(List.of("mean", Texts.value(absorption.mean()), "", ""));
        return Texts.grid(List.of("absorption", "score", "F1 of the probe", "main latents"), rows);
    }

    private static String text(SparseProbing probing) {
        List<String> head = new ArrayList<>(List.of("accuracy with"));
        probing.ks().forEach(k -> head.add("K=" + k));
        head.add("latents");
        List<List<String>> rows = new ArrayList<>();
        for (SparseProbing.ClassResult one : probing.classes()) {
            rows.add(row("class " + one.label(), one.accuracy(), one.latents().toString()));
        }
        probing.accuracy().forEach((name, byK) -> rows.add(row("mean, " + name, byK, "")));
        return Texts.grid(head, rows) + "\nAll channels together: " + Texts.value(probing.allChannels())
                + ". Chance is 0.5.\n";
    }

    private static List<String> row(String name, Map<Integer, Double> byK, String latents) {
        List<String> row = new ArrayList<>(List.of(name));
        byK.values().forEach(value -> row.add(Texts.value(value)));
        row.add(latents);
        return row;
    }
}
