// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.device.Device;
import dev.darien.eval.ExampleSet;
import dev.darien.eval.Scr;
import dev.darien.eval.Tpp;
import dev.darien.sae.Autoencoder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code darien scr}. */
@Command(
        name = "scr",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Says whether taking away a few latents changes what a probe sees, and nothing else.",
            "",
            "With --spurious: spurious correlation removal (SCR), of two labels with two classes each. Without: targeted"
                    + " probe perturbation (TPP), over the classes of one label. Beside it the same with principal"
                    + " components and random directions.",
            ""
        })
final class ScrCommand implements Callable<Integer> {
    private static final List<Integer> NUMBERS = List.of(2, 5, 10, 20, 50, 100, 500);

    private final Console console;

    @Mixin
    private LabelArguments data = new LabelArguments();

    @Option(
            names = "--spurious",
            paramLabel = "NAME|FILE",
            description = "The other label, which goes along with the first in the biased probe's data.")
    private @Nullable String spurious;

    @Option(
            names = "--ablate",
            split = ",",
            paramLabel = "N",
            description = "How many latents to take away, several with commas (default: 2,5,10,20,50,100,500).")
    private List<Integer> numbers = NUMBERS;

    @Mixin
    private SaeArguments arguments = new SaeArguments();

    @Option(names = "--json", description = "Print the result as one JSON object.")
    private boolean json;

    ScrCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        for (int number : numbers) {
            if (number < 1) {
                throw new UsageException("--ablate takes away at least 1 latent, not " + number);
            }
        }
        if (data.examples < 1 || data.classes < 2) {
            throw new UsageException("--examples must be at least 1 and --classes at least 2");
        }
        try (Device device = arguments.device.open();
                Autoencoder loaded = arguments.input.load(data.sae, device, console)) {
            ExampleSet examples = data.read(loaded, arguments);
            Map<String, Object> result = spurious == null
                    ? Tpp.of(examples, data.classes, data.examples, numbers, data.seed)
                            .asMap()
                    : Scr.of(examples, data.labels(spurious, arguments.tensor), data.examples, numbers, data.seed)
                            .asMap();
            if (json) {
                console.json(result);
            } else {
                console.print(text(result));
            }
        }
        return 0;
    }

    private String text(Map<String, Object> result) {
        List<String> head = new ArrayList<>(List.of("latents taken away"));
        numbers.forEach(number -> head.add(String.valueOf(number)));
        List<List<String>> rows = new ArrayList<>();
        String name = spurious == null ? "tpp" : "scr";
        rows.add(row(name, result.get(name)));
        RunRecord.object(result.get("baselines")).forEach((baseline, scores) -> rows.add(row(baseline, scores)));
        return Texts.grid(head, rows) + "\n" + Texts.table(result);
    }

    private static List<String> row(String name, @Nullable Object scores) {
        List<String> row = new ArrayList<>(List.of(name));
        RunRecord.object(scores).values().forEach(value -> row.add(Texts.value(value)));
        return row;
    }
}
