// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.SeededRandom;
import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.device.PackedEncoder;
import dev.darien.device.Product;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Owned;
import dev.darien.memory.SparseCodes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What each selection takes beyond the encoder's product. The product alone is measured twice: by the encoding that a
 * threshold above all values selects nothing from, which looks at each value once and writes none, and by the plain product
 * that writes all of them to memory.
 */
final class BenchSelection implements AutoCloseable {
    private final Device device;
    private final Kernels kernels;
    private final BenchSize size;
    private final Allocator memory;
    private final Owned held = new Owned();
    private final Matrix input;
    private final Matrix weights;
    private final Matrix bias;
    private final Matrix product;
    private final Matrix unreachable;
    private final Matrix thresholds;
    private final Matrix budgets;
    private final Matrix smallest;
    private final Matrix smallestByLatent;
    private final PackedEncoder encoder;
    private final SparseCodes codes;
    private final SparseCodes roomy;

    BenchSelection(Device device, BenchSize size) {
        this.device = device;
        this.kernels = device.kernels();
        this.size = size;
        this.memory = held.add(device.memory().child("benchmark of selections"));
        input = matrix(DType.F32, size.batch(), size.width());
        weights = matrix(DType.F32, size.latents(), size.width());
        bias = matrix(DType.F32, 1, size.latents());
        product = matrix(DType.F32, size.batch(), size.latents());
        unreachable = matrix(DType.F32, 1, size.latents());
        thresholds = matrix(DType.F32, 1, size.latents());
        budgets = matrix(DType.I32, 1, size.latents());
        smallest = matrix(DType.F32, 1, 1);
        smallestByLatent = matrix(DType.F32, 1, size.latents());
        encoder = held.add(device.packedEncoder(size.latents(), size.width()));
        codes = codes((long) size.batch() * size.k());
        roomy = codes(8L * size.batch() * size.k());
        SeededRandom random = new SeededRandom(2);
        normal(input, 1 / Math.sqrt(size.width()), random);
        normal(weights, 1 / Math.sqrt(size.width()), random);
        kernels.pack(weights, bias, encoder);
        kernels.fill(unreachable, Float.POSITIVE_INFINITY);
        kernels.fill(budgets, Math.max(1f, Math.round((float) size.k() * size.batch() / size.latents())));
        kernels.encodeBatchTopK(input, encoder, (long) size.k() * size.batch(), null, codes, smallest);
        try (Matrix host = device.staging("threshold", DType.F32, 1, 1)) {
            device.download(smallest, host);
            kernels.fill(thresholds, host.get(0, 0));
        }
    }

    private Matrix matrix(DType dtype, int rows, int columns) {
        return held.add(memory.matrix("selection", dtype, rows, columns));
    }

    private SparseCodes codes(long entries) {
        long most = Math.min(entries, (long) size.batch() * size.latents());
        return held.add(SparseCodes.allocate(memory, size.batch(), size.latents(), most));
    }

    private void normal(Matrix target, double deviation, SeededRandom random) {
        try (Matrix host = device.staging("random", DType.F32, target.rows(), target.columns())) {
            for (long row = 0; row < host.rows(); row++) {
                for (int column = 0; column < host.columns(); column++) {
                    host.set(row, column, (float) (deviation * random.nextGaussian()));
                }
            }
            device.upload(host, target);
        }
    }

    private Map<String, Runnable> work() {
        Map<String, Runnable> work = new LinkedHashMap<>();
        work.put("nothing", () -> kernels.encodeThreshold(input, encoder, unreachable, 0, roomy));
        work.put("stored", () -> kernels.multiply(Product.NT, input, weights, product, false));
        work.put("topk", () -> kernels.encodeTopK(input, encoder, size.k(), null, codes));
        work.put(
                "batchtopk",
                () -> kernels.encodeBatchTopK(input, encoder, (long) size.k() * size.batch(), null, codes, smallest));
        work.put(
                "feature-choice",
                () -> kernels.encodeFeatureChoice(input, encoder, budgets, false, codes, smallestByLatent));
        work.put("groupmax", () -> kernels.encodeGroupMax(input, encoder, size.k(), null, codes));
        work.put("threshold", () -> kernels.encodeThreshold(input, encoder, thresholds, 0, roomy));
        return work;
    }

    /** Each selection's name, and its share of the product's time beyond it, by both measures. */
    List<Map<String, Object>> measure(BenchEffort effort, BenchClock clock) {
        Map<String, Runnable> work = work();
        Map<String, Integer> calls = new LinkedHashMap<>();
        Map<String, double[]> seconds = new LinkedHashMap<>();
        work.forEach((name, one) -> {
            calls.put(name, warmUp(one, effort));
            seconds.put(name, new double[effort.rounds()]);
        });
        for (int round = 0; round < effort.rounds(); round++) {
            for (Map.Entry<String, Runnable> one : work.entrySet()) {
                int times = calls.getOrDefault(one.getKey(), 1);
                double spent = clock.seconds(device, () -> repeat(one.getValue(), times));
                seconds.getOrDefault(one.getKey(), new double[0])[round] = spent / times;
            }
        }
        double[] nothing = seconds.getOrDefault("nothing", new double[0]);
        double[] stored = seconds.getOrDefault("stored", new double[0]);
        List<Map<String, Object>> all = new ArrayList<>();
        seconds.forEach((name, of) -> {
            if (!name.equals("nothing") && !name.equals("stored")) {
                Map<String, Object> map = new LinkedHashMap<>();
                map.put("selection", name);
                BenchRounds.of(effort.rounds(), round -> of[round] * 1e3).addTo(map, "encode_ms");
                map.put("share_of_product", share(of, nothing));
                map.put("share_of_stored_product", share(of, stored));
                all.add(map);
            }
        });
        return all;
    }

    private static double share(double[] seconds, double[] product) {
        return BenchRounds.of(seconds.length, round -> seconds[round] / product[round] - 1)
                .median();
    }

    private int warmUp(Runnable one, BenchEffort effort) {
        double shortest = Double.POSITIVE_INFINITY;
        double spent = 0;
        while (spent < effort.warmUpSeconds()) {
            double now = BenchClock.WALL.seconds(device, one);
            spent += now;
            shortest = Math.min(shortest, now);
        }
        return Math.clamp((long) (effort.stepSeconds() / 4 / shortest), 1, 1000);
    }

    private static void repeat(Runnable work, int times) {
        for (int time = 0; time < times; time++) {
            work.run();
        }
    }

    static String text(Map<String, Object> size) {
        List<List<String>> rows = new ArrayList<>();
        if (size.get("selections") instanceof List<?> selections) {
            for (Object one : selections) {
                Map<String, Object> selection = RunRecord.object(one);
                rows.add(List.of(
                        String.valueOf(selection.get("selection")),
                        Texts.fixed(selection.get("encode_ms"), 2),
                        Texts.percent(selection.get("share_of_product")),
                        Texts.percent(selection.get("share_of_stored_product"))));
            }
        }
        return Texts.grid(List.of("selection", "encode, ms", "beyond the product", "… that is stored"), rows);
    }

    @Override
    public void close() {
        held.close();
    }
}
