// SPDX-License-Identifier: Apache-2.0
package dev.darien.gpucheck;

import dev.darien.data.JsonFile;
import dev.darien.gpucheck.Machine.Ended;
import dev.darien.gpucheck.Outcome.Status;
import dev.darien.train.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The parts that say whether the device computes what it should: its tests, the CPU's results, and the sanitizer. */
final class Parts {
    private static final String TAGS = "(device | cuda) & !standin";
    private static final List<String> QUICK_TESTS = List.of("device.DenseKernelsTest", "device.HostMemoryTest");
    private static final List<String> SANITIZED =
            List.of("device.DenseKernelsTest", "device.EncodeKernelsTest", "device.GradientKernelsTest");
    private static final List<String> OTHERS = Recipe.ARCHITECTURES.stream()
            .filter(name -> !name.equals("topk") && !name.equals("mutual-choice"))
            // The sample has no gradients.
            .filter(name -> !name.equals("gradient-topk"))
            .toList();
    private static final Pattern ERRORS = Pattern.compile("(?:ERROR|RACECHECK) SUMMARY: (\\d+)");
    private static final double MOST_FVU_DIFFERENCE = 0.01;
    private static final double MOST_DEVICE_DIFFERENCE = 1e-4;

    private final Machine machine;
    private final boolean quick;

    Parts(Machine machine, boolean quick) {
        this.machine = machine;
        this.quick = quick;
    }

    private static Outcome outcome(
            String part, Status status, long started, Map<String, Object> figures, String markdown) {
        return new Outcome(part, status, (System.nanoTime() - started) / 1e9, figures, markdown);
    }

    /** What the machine has. */
    Outcome devices() {
        long started = System.nanoTime();
        Map<String, Object> figures = new LinkedHashMap<>();
        StringBuilder text = new StringBuilder();
        Ended devices = machine.darien(Duration.ofSeconds(60), "devices", "--json");
        Machine.json(devices).ifPresent(found -> figures.put("devices", found.get("devices")));
        text.append("```\n")
                .append(machine.darien(Duration.ofSeconds(60), "devices").output())
                .append("```\n");
        Machine.find("nvidia-smi", "/usr/local/nvidia/bin").ifPresent(smi -> {
            Ended ended = machine.run(
                    "nvidia-smi",
                    Duration.ofSeconds(20),
                    List.of(
                            smi.toString(),
                            "--query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit",
                            "--format=csv,noheader"));
            if (ended.well()) {
                figures.put("nvidia_smi", ended.output().strip());
                text.append("\nnvidia-smi: ").append(ended.output().strip()).append('\n');
            }
        });
        boolean there = JsonFile.line(figures).contains("\"" + machine.device() + "\"");
        Ended opened = machine.darien(
                Duration.ofSeconds(120),
                "bench",
                "--device",
                machine.device(),
                "--d",
                "8",
                "--latents",
                "16",
                "--batch",
                "8",
                "--k",
                "2",
                "--rounds",
                "1");
        if (!opened.well()) {
            text.append("\n`")
                    .append(machine.device())
                    .append("` can't be used: ")
                    .append(opened.lastWords());
        }
        return outcome(
                "devices", there && opened.well() ? Status.HOLDS : Status.FAILED, started, figures, text.toString());
    }

    /** Every test that is for the device or for CUDA, against the real driver. */
    Outcome tests() {
        long started = System.nanoTime();
        Path report = machine.work().resolve("tests.json");
        List<String> command = machine.jvm(TestRun.class.getName(), report.toString(), TAGS);
        if (quick) {
            command.addAll(QUICK_TESTS);
        }
        Ended ended = machine.run("tests", machine.share(0.4), command);
        Map<String, Object> figures = new LinkedHashMap<>(read(report));
        boolean complete = Boolean.TRUE.equals(figures.get("complete"));
        StringBuilder text = new StringBuilder("%s tests passed, %s failed%s.\n"
                .formatted(
                        figures.getOrDefault("passed", 0),
                        figures.getOrDefault("failed", 0),
                        complete ? "" : "; the run did not end: " + ended.lastWords()));
        if (figures.get("skipped") instanceof List<?> skipped && !skipped.isEmpty()) {
            text.append("\nSkipped: ").append(skipped).append('\n');
        }
        if (figures.get("failures") instanceof List<?> failures) {
            failures.forEach(failure -> text.append("\n- `").append(failure).append('`'));
        }
        return outcome(
                "tests", ended.well() && complete ? Status.HOLDS : Status.FAILED, started, figures, text.toString());
    }

    private static Map<String, Object> read(Path report) {
        try {
            return Files.exists(report) ? JsonFile.parse(Files.readString(report), report.toString()) : Map.of();
        } catch (IOException e) {
            return Map.of();
        }
    }

    /** The same run on the CPU and twice on the device, and every SAE evaluated on both. */
    Outcome agreement() {
        long started = System.nanoTime();
        Map<String, Object> figures = new LinkedHashMap<>();
        StringBuilder text = new StringBuilder("""
                | run | FVU of the CPU's SAE | of the device's | apart | the device's SAE evaluated on the CPU | apart | second run |
                | --- | ---: | ---: | ---: | ---: | ---: | --- |
                """);
        boolean holds = agree("topk", quick ? 20 : 2000, figures, text);
        for (String architecture : quick ? List.<String>of() : OTHERS) {
            holds &= agree(architecture, 200, figures, text);
        }
        return outcome("agreement", holds ? Status.HOLDS : Status.FAILED, started, figures, text.toString());
    }

    private boolean agree(String architecture, int steps, Map<String, Object> figures, StringBuilder text) {
        String name = architecture + ", " + steps + " steps";
        List<String> failures = new ArrayList<>();
        Path cpu = train("cpu", architecture, steps, 1, failures);
        Path gpu = train(machine.device(), architecture, steps, 1, failures);
        Path again = train(machine.device(), architecture, steps, 2, failures);
        if (!failures.isEmpty()) {
            text.append("| ")
                    .append(name)
                    .append(" | ")
                    .append(failures.getFirst())
                    .append(" | | | | | |\n");
            figures.put(name, Map.of("failure", failures.getFirst()));
            return false;
        }
        double onCpu = fvu("cpu", cpu);
        double onDevice = fvu(machine.device(), gpu);
        double crossed = fvu("cpu", gpu);
        boolean same = sameBits(gpu, again);
        double apart = Math.abs(onDevice - onCpu) / onCpu;
        double devicesApart = Math.abs(onDevice - crossed);
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("fvu_cpu", onCpu);
        map.put("fvu_device", onDevice);
        map.put("fvu_relative_difference", apart);
        map.put("fvu_device_sae_on_cpu", crossed);
        map.put("second_run_identical", same);
        figures.put(name, map);
        text.append("| %s | %.5f | %.5f | %.3f %% | %.6f | %.1e | %s |\n"
                .formatted(
                        name,
                        onCpu,
                        onDevice,
                        100 * apart,
                        crossed,
                        devicesApart,
                        same ? "identical bits" : "DIFFERS"));
        return apart <= MOST_FVU_DIFFERENCE && devicesApart <= MOST_DEVICE_DIFFERENCE && same;
    }

    private Path train(String device, String architecture, int steps, int run, List<String> failures) {
        int batch = quick ? 128 : 1024;
        Path out = machine.work().resolve(architecture + "-" + device.replace(':', '-') + "-" + run);
        List<String> arguments = new ArrayList<>(List.of(
                "train",
                "samples/tiny-lm.safetensors",
                "--device",
                device,
                "--arch",
                architecture,
                "--latents",
                quick ? "256" : "1024",
                "--batch",
                String.valueOf(batch),
                "--tokens",
                String.valueOf((long) steps * batch),
                "--seed",
                "1",
                "--out",
                out.toString(),
                "--overwrite"));
        if (!Recipe.hasK(architecture)) {
            arguments.addAll(List.of("--target-l0", "32"));
        }
        Ended ended = machine.darien(Duration.ofSeconds(180), arguments.toArray(String[]::new));
        if (!ended.well()) {
            failures.add("train --device " + device + " --arch " + architecture + ": " + ended.lastWords());
        }
        return out;
    }

    private double fvu(String device, Path sae) {
        Ended ended = machine.darien(
                Duration.ofSeconds(60),
                "evaluate",
                sae.toString(),
                "samples/tiny-lm-heldout.safetensors",
                "--device",
                device,
                "--json");
        return Machine.json(ended).map(map -> Machine.number(map, "fvu")).orElse(Double.NaN);
    }

    private static boolean sameBits(Path one, Path other) {
        String weights = "sae_weights.safetensors";
        try {
            return Files.mismatch(one.resolve(weights), other.resolve(weights)) == -1;
        } catch (IOException e) {
            return false;
        }
    }

    /** Each tool of compute-sanitizer on the tests of the kernels. */
    Outcome sanitizer() {
        long started = System.nanoTime();
        Optional<Path> sanitizer = Machine.find("compute-sanitizer", "/usr/local/cuda/bin");
        if (sanitizer.isEmpty()) {
            return outcome(
                    "sanitizer",
                    Status.NOT_THERE,
                    started,
                    Map.of(),
                    "compute-sanitizer isn't on the PATH, nor in /usr/local/cuda/bin.\n");
        }
        Map<String, Object> figures = new LinkedHashMap<>();
        StringBuilder text =
                new StringBuilder("| tool | tests passed | errors | ended |\n| --- | ---: | ---: | --- |\n");
        boolean holds = true;
        for (String tool : List.of("memcheck", "racecheck", "initcheck", "synccheck")) {
            Path report = machine.work().resolve(tool + ".json");
            List<String> command = new ArrayList<>(List.of(
                    sanitizer.get().toString(), "--tool", tool, "--target-processes", "all", "--print-limit", "20"));
            command.addAll(machine.jvm(TestRun.class.getName(), report.toString(), TAGS));
            command.addAll(SANITIZED);
            Ended ended = machine.run(tool, machine.share(0.15), command);
            Matcher summary = ERRORS.matcher(ended.output() + ended.errors());
            String errors = "unknown";
            while (summary.find()) {
                errors = summary.group(1);
            }
            Map<String, Object> tests = read(report);
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("errors", errors);
            map.put("tests_passed", tests.getOrDefault("passed", 0));
            map.put("tests_failed", tests.getOrDefault("failed", 0));
            map.put("ended", ended.well() ? "well" : ended.lastWords());
            figures.put(tool, map);
            text.append("| %s | %s | %s | %s |\n".formatted(tool, map.get("tests_passed"), errors, map.get("ended")));
            holds &= errors.equals("0") && ended.well();
        }
        return outcome("sanitizer", holds ? Status.HOLDS : Status.FAILED, started, figures, text.toString());
    }
}
