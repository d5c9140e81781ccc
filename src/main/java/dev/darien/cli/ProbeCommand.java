// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.device.Device;
import dev.darien.eval.ExampleSet;
import dev.darien.eval.SparseProbing;
import dev.darien.sae.Sae;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
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
        try (Device device = arguments.device.open();
                Sae loaded = arguments.input.load(data.sae, device, console)) {
            ExampleSet examples = data.read(loaded, arguments);
            SparseProbing probing = SparseProbing.of(examples, options);
            if (json) {
                Map<String, Object> result = new LinkedHashMap<>();
                result.put("examples", examples.examples().count());
                result.put("folds", folds);
                result.putAll(probing.asMap());
                console.json(result);
            } else {
                console.print(text(probing));
            }
        }
        return 0;
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
