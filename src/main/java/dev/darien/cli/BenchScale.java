// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.device.Device;
import dev.darien.memory.DType;
import dev.darien.train.Auxiliary;
import dev.darien.train.Recipe;
import dev.darien.train.StepBenchmark;
import dev.darien.train.TrainingOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;

/** How time and memory of a TopK step grow with F, B and k, of which one is doubled at a time. */
final class BenchScale {
    private static final Path MEMORY = Path.of("/proc/meminfo");

    /** One of the numbers that grow, and what it grows through. */
    record Axis(String name, List<BenchSize> sizes, ToDoubleFunction<BenchSize> value) {}

    private final Device device;
    private final BenchEffort effort;
    private final BenchClock clock;

    BenchScale(Device device, BenchEffort effort, BenchClock clock) {
        this.device = device;
        this.effort = effort;
        this.clock = clock;
    }

    /** From 2^12 to 2^18 latents, 128 to 4,096 rows, and 8 to 256 codes for each row, around {@code d}; or shorter. */
    static List<Axis> axes(int d, boolean quick) {
        List<BenchSize> latents = new ArrayList<>();
        List<BenchSize> batches = new ArrayList<>();
        List<BenchSize> codes = new ArrayList<>();
        for (int bits = quick ? 10 : 12; bits <= (quick ? 12 : 18); bits++) {
            latents.add(new BenchSize(d, 1 << bits, quick ? 256 : 1024, 32));
        }
        for (int batch = 128; batch <= (quick ? 512 : 4096); batch *= 2) {
            batches.add(new BenchSize(d, quick ? 1024 : 8192, batch, 32));
        }
        for (int k = 8; k <= (quick ? 32 : 256); k *= 2) {
            codes.add(new BenchSize(d, quick ? 1024 : 8192, quick ? 256 : 1024, k));
        }
        return List.of(
                new Axis("F", latents, BenchSize::latents),
                new Axis("B", batches, BenchSize::batch),
                new Axis("k", codes, BenchSize::k));
    }

    /** Points and exponents of each axis; sizes that don't fit the memory that is free are left out, and said. */
    List<Map<String, Object>> measure(List<Axis> axes, Consumer<String> notice) {
        List<Map<String, Object>> all = new ArrayList<>();
        for (Axis axis : axes) {
            List<Map<String, Object>> points = new ArrayList<>();
            for (BenchSize size : axis.sizes()) {
                if (1.25 * size.leastBytes() > availableBytes()) {
                    notice.accept("leaving out " + size + ", which may not fit the memory that is free");
                    continue;
                }
                notice.accept("measuring " + size);
                points.add(point(axis, size));
            }
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("axis", axis.name());
            map.put("points", points);
            if (points.size() > 1) {
                map.put("time_exponent", exponent(points, "step_ms"));
                map.put("memory_exponent", exponent(points, "memory_mb"));
                map.put("steepest_doubling", steepest(points));
            }
            all.add(map);
        }
        return all;
    }

    private Map<String, Object> point(Axis axis, BenchSize size) {
        TrainingOptions options = Recipe.of("topk")
                .latents(size.latents())
                .k(size.k())
                .batch(size.batch())
                .tokens(1L << 40)
                .auxiliary(new Auxiliary.None())
                .clip(0)
                .build(size.width());
        try (BenchData data = new BenchData(size, DType.F32)) {
            device.memory().resetPeak();
            long before = device.memory().allocatedBytes();
            try (StepBenchmark steps = new StepBenchmark(device, data.source, data.summary, options)) {
                int count = BenchStep.warmUp(steps, effort);
                double[] seconds = new double[effort.rounds()];
                for (int round = 0; round < effort.rounds(); round++) {
                    seconds[round] = clock.seconds(device, () -> steps.fed(count)) / count;
                }
                Map<String, Object> map = size.asMap();
                map.put("value", axis.value().applyAsDouble(size));
                BenchRounds.of(effort.rounds(), round -> seconds[round] * 1e3).addTo(map, "step_ms");
                map.put("memory_mb", (device.memory().peakBytes() - before) / 1e6);
                return map;
            }
        }
    }

    /** The slope of the logarithms, by least squares. */
    private static double exponent(List<Map<String, Object>> points, String figure) {
        double meanX = 0;
        double meanY = 0;
        for (Map<String, Object> point : points) {
            meanX += Math.log(number(point, "value")) / points.size();
            meanY += Math.log(number(point, figure)) / points.size();
        }
        double products = 0;
        double squares = 0;
        for (Map<String, Object> point : points) {
            double x = Math.log(number(point, "value")) - meanX;
            products += x * (Math.log(number(point, figure)) - meanY);
            squares += x * x;
        }
        return products / squares;
    }

    /** The largest factor by which time grew from one point to the next, each twice as large. */
    private static double steepest(List<Map<String, Object>> points) {
        double most = 0;
        for (int at = 1; at < points.size(); at++) {
            most = Math.max(most, number(points.get(at), "step_ms") / number(points.get(at - 1), "step_ms"));
        }
        return most;
    }

    /** What Linux says could be used without swapping; elsewhere unknown, which is all. */
    private static double availableBytes() {
        try {
            for (String line : Files.readAllLines(MEMORY)) {
                if (line.startsWith("MemAvailable:")) {
                    return 1024 * Double.parseDouble(line.replaceAll("[^0-9]", ""));
                }
            }
        } catch (IOException | NumberFormatException unknown) {
            // Not Linux.
        }
        return Double.POSITIVE_INFINITY;
    }

    private static double number(Map<String, Object> map, String name) {
        return map.get(name) instanceof Number number ? number.doubleValue() : Double.NaN;
    }

    static String text(List<?> axes) {
        StringBuilder text = new StringBuilder();
        for (Object one : axes) {
            Map<String, Object> axis = RunRecord.object(one);
            String name = String.valueOf(axis.get("axis"));
            List<List<String>> rows = new ArrayList<>();
            Map<String, Object> first = Map.of();
            if (axis.get("points") instanceof List<?> points) {
                for (Object point : points) {
                    Map<String, Object> figures = RunRecord.object(point);
                    first = first.isEmpty() ? figures : first;
                    rows.add(List.of(
                            Texts.fixed(figures.get("value"), 0),
                            Texts.fixed(figures.get("step_ms"), 2),
                            "±" + Math.round(50 * number(figures, "step_ms_spread")) + " %",
                            Texts.fixed(1e3 * number(figures, "step_ms") / number(figures, "value"), 2),
                            Texts.fixed(figures.get("memory_mb"), 1)));
                }
            }
            text.append(others(name, first))
                    .append('\n')
                    .append(Texts.grid(List.of(name, "step, ms", "", "µs for each " + name, "memory, MB"), rows))
                    .append(String.format(
                            Locale.ROOT,
                            "time ~ %s^%.2f, memory ~ %s^%.2f; twice the %s at most %.2f times the time%n%n",
                            name,
                            number(axis, "time_exponent"),
                            name,
                            number(axis, "memory_exponent"),
                            name,
                            number(axis, "steepest_doubling")));
        }
        return text.toString();
    }

    private static String others(String name, Map<String, Object> point) {
        StringBuilder text = new StringBuilder("d=" + point.get("d"));
        Map.of("F", "latents", "B", "batch", "k", "k").entrySet().stream()
                .filter(entry -> !entry.getKey().equals(name))
                .sorted(Map.Entry.comparingByKey())
                .forEach(entry ->
                        text.append(' ').append(entry.getKey()).append('=').append(point.get(entry.getValue())));
        return text.toString();
    }
}
