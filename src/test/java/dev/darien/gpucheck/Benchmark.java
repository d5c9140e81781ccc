// SPDX-License-Identifier: Apache-2.0
package dev.darien.gpucheck;

import dev.darien.gpucheck.Machine.Ended;
import dev.darien.gpucheck.Outcome.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Darien's training step against PyTorch's, in turn, at each size and precision; and what each of Darien's kernels
 * reaches. Where PyTorch isn't there, Darien's figures stand alone.
 */
final class Benchmark {
    private record Size(int width, int latents, int batch, int k) {
        List<String> arguments() {
            return List.of("--d", "" + width, "--latents", "" + latents, "--batch", "" + batch, "--k", "" + k);
        }

        @Override
        public String toString() {
            return "d=" + width + " F=" + latents + " B=" + batch + " k=" + k;
        }
    }

    private static final List<Size> SIZES = List.of(
            new Size(2304, 65_536, 8192, 64), new Size(768, 24_576, 4096, 32), new Size(4096, 131_072, 8192, 64));
    private static final List<Size> QUICK = List.of(new Size(32, 256, 64, 8));
    private static final List<String> PRECISIONS = List.of("fp32", "tf32", "bf16");
    private static final Duration LIMIT = Duration.ofSeconds(90);

    /** Figures of {@code bench}, with what they are for people. */
    private static final Map<String, String> KERNELS = kernels();

    private final Machine machine;
    private final boolean quick;
    private final Path peer;
    private final Map<String, Object> figures = new LinkedHashMap<>();
    private final StringBuilder steps = new StringBuilder("""
            | size | products | Darien, tokens/s | PyTorch sparse | PyTorch dense | of sparse | of dense \
            | outside the product | of 16 B/parameter + tile | fed at f16, of resident |
            | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
            """);
    private final List<Map<String, Object>> measured = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();

    Benchmark(Machine machine, boolean quick) {
        this.machine = machine;
        this.quick = quick;
        this.peer = machine.home().resolve("ci/peers/gpu_pytorch.py");
    }

    private static Map<String, String> kernels() {
        Map<String, String> names = new LinkedHashMap<>();
        names.put("gemm_gflops", "encoder product, GFLOP/s");
        names.put("gemm_share", "  of the peak");
        names.put("encode_gflops", "encode with top-k, GFLOP/s");
        names.put("encode_share", "  of the peak");
        names.put("decode_gb_per_s", "decode, GB/s");
        names.put("reconstruct_gb_per_s", "reconstruct, GB/s");
        names.put("group_ns_per_entry", "group by latent, ns/entry");
        names.put("latent_gradients_gflops", "latent gradients, GFLOP/s");
        names.put("adam_gb_per_s", "Adam, GB/s");
        names.put("adam_share", "  of copying");
        names.put("latent_step_gb_per_s", "gradients and Adam fused, GB/s");
        names.put("latent_step_share", "  of copying");
        return names;
    }

    Outcome run() {
        long started = System.nanoTime();
        boolean holds = true;
        for (Size size : quick ? QUICK : SIZES) {
            for (String precision : PRECISIONS) {
                holds &= measure(size, precision);
            }
        }
        StringBuilder text = new StringBuilder(steps).append('\n').append(kernelTable());
        notes.forEach(note -> text.append("\n- ").append(note));
        double seconds = (System.nanoTime() - started) / 1e9;
        return new Outcome("bench", holds ? Status.HOLDS : Status.FAILED, seconds, figures, text.toString());
    }

    private boolean measure(Size size, String precision) {
        String name = size + " " + precision;
        List<String> arguments = new ArrayList<>(size.arguments());
        arguments.addAll(List.of("--precision", precision, "--rounds", quick ? "1" : "3"));
        Map<String, Object> ours = bench(name, arguments);
        Map<String, Object> theirs = pytorch(name, arguments);
        if (ours.isEmpty()) {
            return false;
        }
        measured.add(ours);
        Map<String, Object> both = new LinkedHashMap<>();
        both.put("darien", ours);
        both.put("pytorch", theirs);
        figures.put(name, both);
        double mine = Machine.number(ours, "resident_tokens_per_second");
        double sparse = fastest(theirs, "sparse");
        double dense = fastest(theirs, "dense");
        both.put("of_sparse", mine / sparse);
        both.put("of_dense", mine / dense);
        steps.append("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n"
                .formatted(
                        size,
                        precision,
                        number(mine),
                        number(sparse),
                        number(dense),
                        number(mine / sparse),
                        number(mine / dense),
                        number(Machine.number(ours, "outside_gemm_share")),
                        number(Machine.number(ours, "step_memory_share")),
                        number(Machine.number(ours, "fed_share"))));
        return true;
    }

    private Map<String, Object> bench(String name, List<String> arguments) {
        List<String> all = new ArrayList<>(List.of("bench", "--device", machine.device(), "--dtype", "f16", "--json"));
        all.addAll(arguments);
        Ended ended = machine.darien(LIMIT, all.toArray(String[]::new));
        Optional<Map<String, Object>> found = Machine.json(ended);
        if (found.isEmpty()) {
            notes.add(name + ": " + ended.lastWords());
            return Map.of();
        }
        Map<String, Object> figures = new LinkedHashMap<>();
        figures.put("name", name);
        if (found.get().get("sizes") instanceof List<?> sizes && sizes.getFirst() instanceof Map<?, ?> one) {
            one.forEach((key, value) -> figures.put(String.valueOf(key), value));
        }
        if (found.get().get("machine") instanceof Map<?, ?> peaks) {
            peaks.forEach((key, value) -> figures.put("machine_" + key, value));
        }
        return figures;
    }

    private Map<String, Object> pytorch(String name, List<String> arguments) {
        Optional<Path> python = Machine.find("python3");
        if (python.isEmpty() || !Files.exists(peer)) {
            note("PyTorch: there is no python3");
            return Map.of();
        }
        List<String> command = new ArrayList<>(List.of(python.get().toString(), peer.toString()));
        command.addAll(arguments);
        Ended ended = machine.run("pytorch", LIMIT, command);
        Optional<Map<String, Object>> found = Machine.json(ended);
        if (found.isEmpty()) {
            note(ended.status() == 3 ? "PyTorch: " + ended.lastWords() : name + ", PyTorch: " + ended.lastWords());
            return Map.of();
        }
        if (found.get().get("failures") instanceof Map<?, ?> failures) {
            failures.forEach((variant, reason) -> note(name + ", PyTorch " + variant + ": " + reason));
        }
        return found.get();
    }

    private void note(String text) {
        if (!notes.contains(text)) {
            notes.add(text);
        }
    }

    /** Tokens a second of the fastest of the peer's steps whose names begin so; NaN without any. */
    private static double fastest(Map<String, Object> peer, String prefix) {
        double fastest = Double.NaN;
        if (peer.get("steps") instanceof Map<?, ?> all) {
            for (Map.Entry<?, ?> one : all.entrySet()) {
                if (String.valueOf(one.getKey()).startsWith(prefix)
                        && one.getValue() instanceof Map<?, ?> step
                        && step.get("tokens_per_second") instanceof Number rate
                        && !(rate.doubleValue() <= fastest)) {
                    fastest = rate.doubleValue();
                }
            }
        }
        return fastest;
    }

    private String kernelTable() {
        StringBuilder table = new StringBuilder("| kernel |");
        measured.forEach(one -> table.append(' ').append(one.get("name")).append(" |"));
        table.append("\n| --- |").append(" ---: |".repeat(measured.size())).append('\n');
        Map<String, String> rows = new LinkedHashMap<>();
        rows.put("machine_fma_gflops", "peak arithmetic, GFLOP/s");
        rows.put("machine_copy_gb_per_s", "copying, GB/s");
        rows.putAll(KERNELS);
        rows.forEach((key, what) -> {
            table.append("| ").append(what).append(" |");
            measured.forEach(
                    one -> table.append(' ').append(number(one.get(key))).append(" |"));
            table.append('\n');
        });
        return table.toString();
    }

    private static String number(@Nullable Object figure) {
        double value = figure instanceof Number number ? number.doubleValue() : Double.NaN;
        if (!Double.isFinite(value)) {
            return "-";
        }
        int decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
        return String.format(Locale.ROOT, "%,." + decimals + "f", value);
    }
}
