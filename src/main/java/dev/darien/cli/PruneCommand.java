// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.device.Device;
import dev.darien.prune.ActivatingStep;
import dev.darien.prune.BaseMethod;
import dev.darien.prune.ClassifierTraining;
import dev.darien.prune.NetworkShape;
import dev.darien.prune.Pruner;
import dev.darien.prune.PruningCycle;
import dev.darien.prune.PruningMethod;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code darien prune}. */
@Command(
        name = "prune",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Trains a small image classifier and prunes its weights, cycle by cycle, with Activating-while-Pruning (Liu"
                    + " et al. 2023, arXiv 2212.06145) or without.",
            "",
            "In each cycle a share of the weights that are left is pruned, and those left are trained anew from their"
                    + " first values. Of that share the activating step prunes --ap: negative weights that training"
                    + " has moved least, without which fewer neurons are dead. The base method prunes the rest."
                    + " Results depend on the seed, not on the number of threads.",
            ""
        })
final class PruneCommand implements Callable<Integer> {
    private static final int MOST_CYCLES = 1000;

    private enum Network {
        MLP,
        CONV
    }

    private final Console console;

    @Mixin
    private ImageArguments images = new ImageArguments();

    @Option(
            names = "--network",
            paramLabel = "NAME",
            defaultValue = "mlp",
            description = "mlp (hidden layers of 128 and 64) or conv (5 x 5 convolutions of 8 and 16 channels, a hidden"
                    + " layer of 64) (default: ${DEFAULT-VALUE}).")
    private String network = "mlp";

    @Option(
            names = "--base",
            paramLabel = "NAME",
            defaultValue = "magnitude",
            description = "Base method: magnitude, gradient, random, lamp or lookahead (default: ${DEFAULT-VALUE}).")
    private String base = "magnitude";

    @Option(
            names = "--rate",
            paramLabel = "SHARE",
            defaultValue = "0.2",
            description = "Of the weights that are left, pruned in each cycle (default: ${DEFAULT-VALUE}).")
    private double rate;

    @Option(
            names = "--ap",
            paramLabel = "SHARE",
            defaultValue = "0.02",
            description = "Part of --rate that the activating step prunes; 0 for the base method alone (default:"
                    + " ${DEFAULT-VALUE}).")
    private double ap;

    @Option(
            names = "--ap-by",
            paramLabel = "NAME",
            defaultValue = "movement",
            description = "Which negative weights it takes: those of least movement or least magnitude (default:"
                    + " ${DEFAULT-VALUE}).")
    private String apBy = "movement";

    @Option(names = "--cycles", paramLabel = "N", defaultValue = "25", description = "Default: ${DEFAULT-VALUE}.")
    private int cycles;

    @Option(
            names = "--epochs",
            paramLabel = "N",
            defaultValue = "8",
            description = "Passes over the training images in each cycle (default: ${DEFAULT-VALUE}).")
    private int epochs;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "0", description = "Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Mixin
    private DeviceArguments device = new DeviceArguments();

    @Option(names = "--json", description = "Print the result as one JSON object.")
    private boolean json;

    PruneCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Map<String, Object> result = prune();
        if (json) {
            console.json(result);
        } else {
            console.print(text(result));
        }
        return 0;
    }

    private Map<String, Object> prune() {
        PruningMethod method = UsageException.check(() -> new PruningMethod(
                Choices.pick("base method", base, Choices.of(BaseMethod.values())),
                rate,
                ap,
                Choices.pick("activating step", apBy, Choices.of(ActivatingStep.values()))));
        if (cycles < 1 || cycles > MOST_CYCLES) {
            throw new UsageException("--cycles must be between 1 and " + MOST_CYCLES + ", not " + cycles);
        }
        ClassifierTraining training = UsageException.check(() -> ClassifierTraining.DEFAULT.withEpochs(epochs));
        Network chosen = Choices.pick("network", network, Choices.of(Network.values()));
        ImageArguments.Split split = images.read();
        int pixels = split.training().width();
        int classes = split.training().classes();
        NetworkShape shape = UsageException.check(() -> switch (chosen) {
            case MLP -> NetworkShape.mlp(pixels, classes, 128, 64);
            case CONV -> NetworkShape.convolutional(pixels, classes, 8, 64);
        });
        long started = System.nanoTime();
        try (Device opened = device.open();
                Pruner pruner = new Pruner(opened, shape, split.training(), split.heldOut(), training, seed)) {
            List<Map<String, Object>> done = pruner.prune(method, cycles, this::progress).stream()
                    .map(PruningCycle::asMap)
                    .toList();
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("network", shape.name());
            result.put("base", base.toLowerCase(Locale.ROOT));
            result.put("rate", rate);
            result.put("ap", ap);
            result.put("ap_by", apBy.toLowerCase(Locale.ROOT));
            result.put("seed", seed);
            result.put("epochs", epochs);
            result.put("training_images", split.training().count());
            result.put("held_out_images", split.heldOut().count());
            result.put("seconds", (System.nanoTime() - started) / 1e9);
            result.put("device", opened.name());
            result.put("kernels", opened.kernelsName());
            result.put("cycles", done);
            return result;
        }
    }

    private void progress(PruningCycle cycle) {
        console.notice(String.format(
                Locale.ROOT,
                "cycle %d of %d: %,d weights left, accuracy %.4f",
                cycle.number(),
                cycles,
                cycle.mask().surviving(),
                cycle.accuracy()));
    }

    private static String text(Map<String, Object> result) {
        List<List<String>> rows = new ArrayList<>();
        if (result.get("cycles") instanceof List<?> cycles) {
            for (Object cycle : cycles) {
                Map<String, Object> numbers = RunRecord.object(cycle);
                List<String> row = new ArrayList<>();
                for (String name : List.of(
                        "cycle",
                        "weights",
                        "sparsity",
                        "accuracy",
                        "static_dead_neuron_rate",
                        "dynamic_dead_neuron_rate")) {
                    row.add(Texts.value(numbers.getOrDefault(name, "-")));
                }
                rows.add(row);
            }
        }
        return Texts.table(result) + "\n"
                + Texts.grid(
                        List.of("cycle", "weights", "sparsity", "accuracy", "dead: static", "dead: dynamic"), rows);
    }
}
