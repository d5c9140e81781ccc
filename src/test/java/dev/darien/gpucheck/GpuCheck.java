// SPDX-License-Identifier: Apache-2.0
package dev.darien.gpucheck;

import dev.darien.data.JsonFile;
import dev.darien.gpucheck.Outcome.Status;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What {@code ci/gpu-check} starts, see there. The reports are written anew after each part. */
@Command(
        name = "gpu-check",
        mixinStandardHelpOptions = true,
        description = "Checks Darien's CUDA device on this machine and writes gpu-check.json and gpu-check.md. Exit"
                + " status 1 if a part fails; what a part needs and isn't here is said, and no failure.")
final class GpuCheck implements Callable<Integer> {
    private static final List<String> PARTS = List.of("devices", "tests", "agreement", "sanitizer", "bench");

    @Option(names = "--home", hidden = true, required = true)
    private Path home = Path.of("");

    @Option(names = "--java", hidden = true, required = true)
    private Path java = Path.of("");

    @Option(names = "--class-path", hidden = true, required = true)
    private String classPath = "";

    @Option(names = "--command", hidden = true, defaultValue = "ci/gpu-check")
    private String command = "";

    @Option(
            names = "--out",
            paramLabel = "FOLDER",
            defaultValue = "gpu-check",
            description = "Folder for the reports (default: ${DEFAULT-VALUE}).")
    private Path out = Path.of("");

    @Option(
            names = "--only",
            split = ",",
            paramLabel = "PART",
            description = "Some of devices, tests, agreement, sanitizer and bench, with commas; in that order"
                    + " (default: all).")
    private List<String> only = PARTS;

    @Option(names = "--device", defaultValue = "cuda:0", description = "Which GPU (default: ${DEFAULT-VALUE}).")
    private String device = "";

    @Option(
            names = "--minutes",
            defaultValue = "9",
            description = "After so long everything is cut off (default: ${DEFAULT-VALUE}).")
    private double minutes;

    @Option(names = "--quick", description = "A few tests and small sizes: whether the check itself works.")
    private boolean quick;

    public static void main(String... arguments) {
        System.exit(new CommandLine(new GpuCheck()).execute(arguments));
    }

    @Override
    public Integer call() throws IOException {
        if (!PARTS.containsAll(only)) {
            System.err.println("gpu-check: --only takes " + String.join(", ", PARTS) + ", not " + only);
            return 2;
        }
        Files.createDirectories(out);
        Path logs = Files.createDirectories(out.toAbsolutePath().resolve("logs"));
        Path work = Files.createTempDirectory("gpu-check");
        long deadline = System.nanoTime() + (long) (minutes * TimeUnit.MINUTES.toNanos(1));
        Machine machine = new Machine(java, classPath, home, work, logs, device, deadline);
        Parts parts = new Parts(machine, quick);
        Map<String, Supplier<Outcome>> all = new LinkedHashMap<>();
        all.put("devices", parts::devices);
        all.put("tests", parts::tests);
        all.put("agreement", parts::agreement);
        all.put("sanitizer", parts::sanitizer);
        all.put("bench", new Benchmark(machine, quick)::run);
        List<Outcome> outcomes = new ArrayList<>();
        String began = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        for (Map.Entry<String, Supplier<Outcome>> part : all.entrySet()) {
            if (only.contains(part.getKey())) {
                System.err.println("gpu-check: " + part.getKey());
                Outcome outcome = part.getValue().get();
                System.err.printf("gpu-check: %s %s, %.0f s%n", outcome.part(), outcome.verdict(), outcome.seconds());
                outcomes.add(outcome);
                write(began, outcomes);
            }
        }
        System.out.println(Files.readString(out.resolve("gpu-check.md")));
        return outcomes.stream().anyMatch(outcome -> outcome.status() == Status.FAILED) ? 1 : 0;
    }

    private void write(String began, List<Outcome> outcomes) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("date", began);
        json.put("command", command);
        json.put("quick", quick);
        Map<String, Object> parts = new LinkedHashMap<>();
        for (Outcome outcome : outcomes) {
            Map<String, Object> part = new LinkedHashMap<>();
            part.put("status", outcome.verdict());
            part.put("seconds", outcome.seconds());
            part.put("figures", outcome.figures());
            parts.put(outcome.part(), part);
        }
        json.put("parts", parts);
        String markdown = """
                # The CUDA device, checked

                %s, `%s`%s
                """.formatted(began, command, quick ? " (quick: small sizes, figures mean nothing)" : "")
                + outcomes.stream()
                        .map(outcome -> "\n## %s: %s\n\n%s\n(%.0f s)\n"
                                .formatted(outcome.part(), outcome.verdict(), outcome.markdown(), outcome.seconds()))
                        .collect(Collectors.joining());
        try {
            Files.writeString(out.resolve("gpu-check.json"), JsonFile.line(json) + "\n");
            Files.writeString(out.resolve("gpu-check.md"), markdown);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
