// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.device.Device;
import dev.darien.device.Precision;
import dev.darien.memory.DType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code darien bench}. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        description = {
            "Measures this machine: the encoder's product, selection, the sparse kernels, the optimiser and whole"
                    + " training steps, against the peaks of arithmetic and memory.",
            "",
            "Figures are medians over rounds, in each of which the peaks and every kernel are measured in turn. Use it"
                    + " on a quiet machine.",
            ""
        })
final class BenchCommand implements Callable<Integer> {
    private static final int MOST_ROUNDS = 1000;

    private static final Map<String, DType> DTYPES = Map.of("f32", DType.F32, "f16", DType.F16, "bf16", DType.BF16);

    private final Console console;

    @Option(names = "--quick", description = "One small size, and fewer rounds.")
    private boolean quick;

    @Option(names = "--rounds", paramLabel = "N", description = "Rounds for each size (default: 5, with --quick 3).")
    private @Nullable Integer rounds;

    @Option(
            names = "--methods",
            description = "Instead: the step of every method against TopK's, with as many latents and as many of them"
                    + " active, and what each selection takes beyond the encoder's product.")
    private boolean methods;

    @Option(
            names = "--scale",
            description = "Instead: time and memory of a step against F, B and k, and their exponents.")
    private boolean scale;

    @Option(
            names = "--only",
            paramLabel = "NAME",
            split = ",",
            description = "With --methods: those whose name begins so.")
    private List<String> only = List.of();

    @ArgGroup(exclusive = false, heading = "A size of your own, instead of the usual ones:%n")
    private @Nullable OwnSize own;

    @Option(
            names = "--dtype",
            paramLabel = "f32|f16|bf16",
            defaultValue = "f32",
            description = "What training steps read (default: ${DEFAULT-VALUE}).")
    private String dtype = "f32";

    @Option(
            names = "--precision",
            paramLabel = "fp32|tf32|bf16",
            defaultValue = "fp32",
            description = "As that of train (default: ${DEFAULT-VALUE}).")
    private String precision = "fp32";

    @Mixin
    private DeviceArguments device = new DeviceArguments();

    @Option(names = "--json", description = "Print the result as one JSON object.")
    private boolean json;

    /** A size to measure. */
    private static final class OwnSize {
        @Option(names = "--d", paramLabel = "D", required = true, description = "Width of the activations.")
        private int width;

        @Option(names = "--latents", paramLabel = "F", required = true, description = "Latents.")
        private int latents;

        @Option(
                names = "--batch",
                paramLabel = "B",
                defaultValue = "1024",
                description = "Tokens for each step (default: ${DEFAULT-VALUE}).")
        private int batch;

        @Option(
                names = "--k",
                paramLabel = "K",
                defaultValue = "32",
                description = "Active latents for each token (default: ${DEFAULT-VALUE}).")
        private int k;

        @Option(
                names = "--tokens",
                paramLabel = "N",
                description = "Instead: how long a run of train on so many tokens will take, and what bounds it.")
        private @Nullable Long tokens;

        @Option(
                names = "--arch",
                paramLabel = "NAME",
                defaultValue = "topk",
                description = "With --tokens: the architecture (default: ${DEFAULT-VALUE}).")
        private String architecture = "topk";
    }

    BenchCommand(Console console) {
        this.console = console;
    }

    private int rounds() {
        int wanted = rounds != null ? rounds : quick ? 3 : 5;
        if (wanted < 1 || wanted > MOST_ROUNDS) {
            throw new IllegalArgumentException("--rounds must be between 1 and " + MOST_ROUNDS + ", not " + wanted);
        }
        return wanted;
    }

    @Override
    public Integer call() {
        int wanted = UsageException.check(this::rounds);
        DType read = Choices.pick("dtype", dtype, DTYPES);
        Precision products = Choices.pick("precision", precision, Choices.of(Precision.values()));
        List<BenchSize> sizes = sizes();
        try (Device opened = device.open(products)) {
            BenchEffort effort = BenchEffort.of(wanted);
            Map<String, Object> result;
            Function<Map<String, Object>, String> shown;
            OwnSize mine = own;
            if (methods) {
                result = compareMethods(opened, sizes, effort, chosenMethods());
                shown = BenchCommand::methodsText;
            } else if (scale) {
                result = scale(opened, effort, BenchScale.axes(mine == null ? 128 : mine.width, quick));
                shown = BenchCommand::scaleText;
            } else if (mine != null && mine.tokens != null) {
                result = estimate(opened, sizes.getFirst(), mine.architecture, mine.tokens, read, effort);
                shown = BenchEstimate::text;
            } else {
                result = measure(opened, sizes, read, effort);
                shown = BenchCommand::text;
            }
            result.put("precision", products.name().toLowerCase(Locale.ROOT));
            if (json) {
                console.json(result);
            } else {
                console.print(shown.apply(result));
            }
        }
        return 0;
    }

    private List<BenchSize> sizes() {
        OwnSize mine = own;
        if (mine == null) {
            return quick ? BenchSize.QUICK : methods ? BenchSize.METHODS : BenchSize.ALL;
        }
        return UsageException.check(() -> List.of(new BenchSize(mine.width, mine.latents, mine.batch, mine.k)));
    }

    /** {@code machine}, and {@code sizes} with the figures of {@link BenchKernels} and {@link BenchStep}. */
    Map<String, Object> measure(Device opened, List<BenchSize> wanted, DType read, BenchEffort effort) {
        Map<String, Object> result = new LinkedHashMap<>();
        console.notice("measuring the peaks of " + opened.describe());
        result.put("machine", BenchPeaks.machine(opened, device.resolvedThreads(), effort.rounds()));
        result.put("rounds", effort.rounds());
        List<Map<String, Object>> sizes = new ArrayList<>();
        for (BenchSize size : wanted) {
            console.notice("measuring " + size);
            Map<String, Object> figures = size.asMap();
            try (BenchKernels kernels = new BenchKernels(opened, size)) {
                figures.putAll(kernels.measure(effort));
            }
            figures.putAll(BenchStep.measure(opened, size, read, effort));
            double stepMillis = 1e3 * size.batch() / value(figures.get("resident_tokens_per_second"));
            figures.put("outside_gemm_share", 1 - value(figures.get("gemm_ms")) / stepMillis);
            sizes.add(figures);
        }
        result.put("sizes", sizes);
        return result;
    }

    private List<BenchMethods.Method> chosenMethods() {
        List<BenchMethods.Method> chosen = BenchMethods.ALL.stream()
                .filter(method -> only.isEmpty()
                        || only.stream().anyMatch(name -> method.name().startsWith(name)))
                .toList();
        return UsageException.check(() -> {
            if (chosen.isEmpty()) {
                throw new IllegalArgumentException("no method begins with " + String.join(" or ", only) + "; there are "
                        + BenchMethods.ALL.stream()
                                .map(BenchMethods.Method::name)
                                .collect(Collectors.joining("; ")));
            }
            return chosen;
        });
    }

    /** {@code machine}, and {@code sizes} with the figures of {@link BenchMethods} and {@link BenchSelection}. */
    Map<String, Object> compareMethods(
            Device opened, List<BenchSize> wanted, BenchEffort effort, List<BenchMethods.Method> chosen) {
        BenchClock clock = BenchClock.of(opened, device.resolvedThreads());
        Map<String, Object> result = described(opened, effort, clock);
        List<Map<String, Object>> sizes = new ArrayList<>();
        for (BenchSize size : wanted) {
            Map<String, Object> figures = size.asMap();
            figures.put("methods", new BenchMethods(opened, size, effort, clock).measure(chosen, console::notice));
            console.notice("measuring selections, " + size);
            try (BenchSelection selection = new BenchSelection(opened, size)) {
                figures.put("selections", selection.measure(effort, clock));
            }
            sizes.add(figures);
        }
        result.put("sizes", sizes);
        return result;
    }

    Map<String, Object> scale(Device opened, BenchEffort effort, List<BenchScale.Axis> axes) {
        BenchClock clock = BenchClock.of(opened, device.resolvedThreads());
        Map<String, Object> result = described(opened, effort, clock);
        result.put("axes", new BenchScale(opened, effort, clock).measure(axes, console::notice));
        return result;
    }

    Map<String, Object> estimate(
            Device opened, BenchSize size, String architecture, long tokens, DType read, BenchEffort effort) {
        Map<String, Object> result = described(opened, effort, BenchClock.WALL);
        result.put("architecture", architecture);
        result.put("size", size.toString());
        console.notice("measuring steps of " + architecture + ", " + size);
        result.put(
                "estimate",
                UsageException.check(() -> BenchEstimate.measure(opened, size, architecture, tokens, read, effort)));
        return result;
    }

    private Map<String, Object> described(Device opened, BenchEffort effort, BenchClock clock) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("machine", BenchPeaks.described(opened, device.resolvedThreads()));
        result.put("rounds", effort.rounds());
        result.put("clock", clock.name().toLowerCase(Locale.ROOT));
        return result;
    }

    private static String heading(Map<String, Object> result) {
        Map<String, Object> machine = RunRecord.object(result.get("machine"));
        return machine.get("description") + "; Java " + machine.get("java") + "\n";
    }

    static String scaleText(Map<String, Object> result) {
        List<?> axes = result.get("axes") instanceof List<?> list ? list : List.of();
        return heading(result) + "\n" + BenchScale.text(axes)
                + "TopK, no auxiliary loss, no clipping. Medians of " + result.get("rounds") + " rounds, by the "
                + clockName(result) + "'s time; ± half of highest - lowest.\n";
    }

    private static String clockName(Map<String, Object> result) {
        return "wall".equals(result.get("clock")) ? "clock" : "process";
    }

    static String methodsText(Map<String, Object> result) {
        StringBuilder text = new StringBuilder(heading(result));
        if (result.get("sizes") instanceof List<?> list) {
            for (Object one : list) {
                Map<String, Object> size = RunRecord.object(one);
                text.append('\n').append(BenchMethods.text(size)).append('\n').append(BenchSelection.text(size));
            }
        }
        return text + """

                Medians of %s rounds, in each of which a method and TopK are measured in turn, by the %s's time; ± half of
                highest - lowest. Codes that aren't active lie in JumpReLU's window. By kernel: measured apart.
                """.formatted(result.get("rounds"), clockName(result));
    }

    // ------------------------------------------------------------------------------------------------- for people

    static String text(Map<String, Object> result) {
        Map<String, Object> machine = RunRecord.object(result.get("machine"));
        List<Map<String, Object>> sizes = new ArrayList<>();
        List<String> head = new ArrayList<>(List.of(""));
        if (result.get("sizes") instanceof List<?> list) {
            for (Object one : list) {
                Map<String, Object> size = RunRecord.object(one);
                sizes.add(size);
                head.add("d=%s F=%s B=%s k=%s"
                        .formatted(size.get("d"), size.get("latents"), size.get("batch"), size.get("k")));
            }
        }
        List<List<String>> rows = new ArrayList<>();
        rate(rows, sizes, "encoder product, GFLOP/s", "gemm_gflops", "gemm_share");
        rate(rows, sizes, "encode with top-k, GFLOP/s", "encode_gflops", "encode_share");
        plain(rows, sizes, "  of which selection, µs/row *", "selection_us_per_row");
        plain(rows, sizes, "pack the encoder, ms", "pack_ms");
        rate(rows, sizes, "decode, GFLOP/s", "decode_gflops", "");
        rate(rows, sizes, "reconstruct, GFLOP/s", "reconstruct_gflops", "");
        plain(rows, sizes, "group by latent, ns/entry", "group_ns_per_entry");
        rate(rows, sizes, "latent gradients, GFLOP/s", "latent_gradients_gflops", "");
        rate(rows, sizes, "Adam, GB/s", "adam_gb_per_s", "adam_share");
        rate(rows, sizes, "gradients and Adam fused, GB/s", "latent_step_gb_per_s", "latent_step_share");
        rate(rows, sizes, "training step, tokens/s **", "tokens_per_second", "step_share");
        rate(rows, sizes, "  on a batch that is there", "resident_tokens_per_second", "");
        plain(rows, sizes, "  share outside the product", "outside_gemm_share");
        plain(rows, sizes, "  memory of a step, MB", "step_memory_mb");
        return peaks(machine) + "\n" + Texts.grid(head, rows) + """

                Medians of %s rounds, ± half of highest - lowest, and the share of the peak in the same round:
                arithmetic for products, copying for Adam (more than that where weights fit in the caches).
                 * encoding less a plain product of the same size, which also writes its result to memory
                ** its share is of arithmetic and memory at their peaks, one after the other
                """.formatted(result.get("rounds"));
    }

    private static String peaks(Map<String, Object> machine) {
        StringBuilder text = new StringBuilder();
        text.append(machine.get("description"))
                .append("; Java ")
                .append(machine.get("java"))
                .append(", ")
                .append(machine.get("os"))
                .append('\n');
        text.append("peak arithmetic ")
                .append(number(machine.get("fma_gflops")))
                .append(" GFLOP/s, copying ")
                .append(number(machine.get("copy_gb_per_s")))
                .append(" GB/s");
        if (machine.containsKey("fma_gflops_1_thread")) {
            text.append("; with one thread ")
                    .append(number(machine.get("fma_gflops_1_thread")))
                    .append(" GFLOP/s, ")
                    .append(number(machine.get("copy_gb_per_s_1_thread")))
                    .append(" GB/s");
        }
        return text.append('\n').toString();
    }

    private static void plain(List<List<String>> rows, List<Map<String, Object>> sizes, String name, String key) {
        List<String> row = new ArrayList<>(List.of(name));
        sizes.forEach(size -> row.add(number(size.get(key))));
        rows.add(row);
    }

    private static void rate(
            List<List<String>> rows, List<Map<String, Object>> sizes, String name, String key, String share) {
        List<String> row = new ArrayList<>(List.of(name));
        for (Map<String, Object> size : sizes) {
            String text = number(size.get(key)) + " ±" + Math.round(50 * value(size.get(key + "_spread"))) + " %";
            double part = value(size.get(share));
            row.add(Double.isFinite(part) ? text + ", " + Math.round(100 * part) + " % of peak" : text);
        }
        rows.add(row);
    }

    private static double value(@Nullable Object number) {
        return number instanceof Number known ? known.doubleValue() : Double.NaN;
    }

    private static String number(@Nullable Object number) {
        double value = value(number);
        if (!Double.isFinite(value)) {
            return "-";
        }
        int decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
        return String.format(Locale.ROOT, "%,." + decimals + "f", value);
    }
}
