// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.device.Device;
import dev.darien.reproduce.Experiment;
import dev.darien.reproduce.Paper;
import dev.darien.reproduce.Results;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code darien reproduce}. */
@Command(
        name = "reproduce",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        sortOptions = false,
        description = {
            "Measures the claims of a paper and prints the tables of its page in docs/results/.",
            "",
            "A claim holds if the 95 %% confidence interval of its figure over the seeds lies on the claim's side as a"
                    + " whole.",
            ""
        })
final class ReproduceCommand implements Callable<Integer> {
    private static final int SEEDS = 5;
    private static final int QUICK_SEEDS = 2;
    private static final int MOST_SEEDS = 1000;

    private final Console console;

    @Parameters(index = "0", paramLabel = "PAPER", description = "Its arXiv number, as 2212.06145.")
    private String paper = "";

    @Option(
            names = "--data",
            paramLabel = "DIR",
            required = true,
            description = "Folder with the data; the paper's page says which.")
    private Path data = Path.of("");

    @Option(
            names = "--seeds",
            paramLabel = "N|LIST",
            description = "So many seeds, from 1 on, or these, separated by commas (default: 5, with --quick 2).")
    private String seeds = "";

    @Option(names = "--quick", description = "Just shows that it runs: small, and its figures mean little.")
    private boolean quick;

    @Option(
            names = "--figures",
            paramLabel = "DIR",
            description = "Folder for the pictures of the page, as SVG files; existing ones are replaced.")
    private @Nullable Path figures;

    @Mixin
    private DeviceArguments device = new DeviceArguments();

    @Option(names = "--json", description = "Print the result as one JSON object.")
    private boolean json;

    ReproduceCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Paper chosen = Choices.pick("paper", paper, Paper.byNumber());
        List<Long> wanted = seeds();
        if (!Files.isDirectory(data)) {
            throw new UsageException(data + " is no folder; --data takes the folder with the data");
        }
        long started = System.nanoTime();
        try (Device opened = device.open()) {
            Results results = chosen.measure(new Experiment(opened, data, wanted, quick, console::notice));
            if (figures != null) {
                write(results, figures);
            }
            if (json) {
                Map<String, Object> result = new LinkedHashMap<>();
                result.put("paper", chosen.number());
                result.put("title", chosen.title());
                result.put("seeds", wanted);
                result.put("quick", quick);
                result.putAll(results.asMap());
                result.put("device", opened.name());
                result.put("kernels", opened.kernelsName());
                result.put("seconds", (System.nanoTime() - started) / 1e9);
                console.json(result);
            } else {
                console.print(results.markdown("./darien reproduce " + chosen.number() + " --data DIR"
                        + (seeds.isEmpty() ? "" : " --seeds " + seeds) + (quick ? " --quick" : "")));
            }
        }
        return 0;
    }

    private static void write(Results results, Path folder) {
        try {
            Files.createDirectories(folder);
            for (Results.Figure figure : results.figures()) {
                Files.writeString(folder.resolve(figure.name() + ".svg"), figure.svg());
            }
        } catch (IOException e) {
            throw new UncheckedIOException("can't write to " + folder + ": " + e.getMessage(), e);
        }
    }

    private List<Long> seeds() {
        if (seeds.isEmpty()) {
            return count(quick ? QUICK_SEEDS : SEEDS);
        }
        try {
            List<Long> numbers = Arrays.stream(seeds.split(",", -1))
                    .map(text -> Long.parseLong(text.strip()))
                    .distinct()
                    .toList();
            if (seeds.indexOf(',') >= 0) {
                return numbers;
            }
            if (numbers.getFirst() >= 1 && numbers.getFirst() <= MOST_SEEDS) {
                return count(numbers.getFirst());
            }
        } catch (NumberFormatException e) {
            // Said below.
        }
        throw new UsageException("--seeds must be a number of seeds from 1 to " + MOST_SEEDS
                + ", or seeds separated by commas, not '" + seeds + "'");
    }

    private static List<Long> count(long number) {
        return LongStream.rangeClosed(1, number).boxed().toList();
    }
}
