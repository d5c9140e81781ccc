// SPDX-License-Identifier: Apache-2.0
package dev.darien.cli;

import dev.darien.data.SeededRandom;
import dev.darien.device.AdamStep;
import dev.darien.device.Device;
import dev.darien.device.Kernels;
import dev.darien.device.LatentGroups;
import dev.darien.device.LatentRows;
import dev.darien.device.LatentTerms;
import dev.darien.device.PackedEncoder;
import dev.darien.device.Peaks;
import dev.darien.device.Product;
import dev.darien.memory.Allocator;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.Owned;
import dev.darien.memory.SparseCodes;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Measures the kernels of a training step at one size. In each round the machine's peaks and every kernel are measured
 * one after the other, so that a share of the peak compares what ran under the same conditions. Kernels write to memory
 * outside the heap, which the compiler can't know to be unused, so none of the work can be left out.
 */
final class BenchKernels implements AutoCloseable {
    /** Where calls never come to take the same time, as on a busy machine: this many times the shortest warm-up. */
    private static final int LONGEST_WARM_UP = 6;

    /** The product is written out, which a step never does; more rows would only cost memory. */
    private static final int MOST_PRODUCT_ROWS = 1024;

    private enum Work {
        PACK,
        PRODUCT,
        ENCODE,
        DECODE,
        RECONSTRUCT,
        GROUP,
        LATENT_GRADIENTS,
        ADAM,
        LATENT_STEP
    }

    private final Device device;
    private final Kernels kernels;
    private final BenchSize size;
    private final int productRows;
    private final Allocator memory;
    private final Owned held = new Owned();
    private final Matrix input;
    private final Matrix bias;
    private final Matrix product;
    private final Matrix output;
    private final Matrix rowErrors;
    private final Matrix codeGradients;
    private final Matrix touched;
    private final SparseCodes codes;
    private final PackedEncoder encoder;
    private final LatentRows weights;
    private final LatentRows gradients;
    private final LatentRows firstMoments;
    private final LatentRows secondMoments;
    private final LatentTerms terms;
    private final AdamStep step = AdamStep.at(1000, 1e-7, 0.9, 0.999, 1e-8);

    BenchKernels(Device device, BenchSize size) {
        this.device = device;
        this.kernels = device.kernels();
        this.size = size;
        this.productRows = Math.min(MOST_PRODUCT_ROWS, size.batch());
        this.memory = held.add(device.memory().child("benchmark " + size));
        SeededRandom random = new SeededRandom(1);
        input = random("input", size.batch(), size.width(), 1, random);
        output = matrix("output", size.batch(), size.width());
        product = matrix("product", productRows, size.latents());
        bias = matrix("encoder bias", 1, size.latents());
        rowErrors = matrix("row errors", 1, size.batch());
        int entries = size.batch() * Math.min(size.k(), size.latents());
        codes = held.add(SparseCodes.allocate(memory, size.batch(), size.latents(), entries));
        codeGradients = matrix("code gradients", 1, entries);
        weights = rows("weights");
        gradients = rows("gradients");
        firstMoments = rows("first moments");
        secondMoments = rows("second moments");
        fill(weights.encoder(), 1 / Math.sqrt(size.width()), random);
        kernels.convert(weights.encoder(), 1, null, weights.decoder());
        touched = held.add(memory.matrix("touched", DType.I32, 1, size.latents()));
        LatentGroups groups = held.add(LatentGroups.allocate(memory, size.latents(), entries));
        Matrix scale = matrix("scale", 1, 1);
        kernels.fill(scale, 2f / size.batch());
        encoder = held.add(device.packedEncoder(size.latents(), size.width()));
        terms = new LatentTerms(codes, groups, codeGradients, input, output, scale);
    }

    private Matrix matrix(String label, int rows, int columns) {
        return held.add(memory.matrix(label, rows, columns));
    }

    private LatentRows rows(String label) {
        return new LatentRows(matrix(label, size.latents(), size.width()), matrix(label, size.latents(), size.width()));
    }

    private Matrix random(String label, int rows, int columns, double deviation, SeededRandom random) {
        Matrix target = matrix(label, rows, columns);
        fill(target, deviation, random);
        return target;
    }

    private void fill(Matrix target, double deviation, SeededRandom random) {
        try (Matrix host = device.staging("random", DType.F32, target.rows(), target.columns())) {
            for (long row = 0; row < host.rows(); row++) {
                for (int column = 0; column < host.columns(); column++) {
                    host.set(row, column, (float) (deviation * random.nextGaussian()));
                }
            }
            device.upload(host, target);
        }
    }

    private void run(Work work) {
        switch (work) {
            case PACK -> kernels.pack(weights.encoder(), bias, encoder);
            case PRODUCT ->
                kernels.multiply(Product.NT, input.slice(0, productRows), weights.encoder(), product, false);
            case ENCODE -> kernels.encodeTopK(input, encoder, size.k(), null, codes);
            case DECODE -> kernels.decode(codes, weights.decoder(), null, output);
            case RECONSTRUCT ->
                kernels.reconstruct(codes, weights.decoder(), null, input, 1, output, rowErrors, codeGradients);
            case GROUP -> kernels.groupByLatent(codes, terms.groups());
            case LATENT_GRADIENTS -> {
                kernels.fill(touched, 0);
                kernels.latentGradients(terms, 0, null, gradients, touched);
            }
            case ADAM ->
                kernels.adam(
                        step,
                        weights.encoder(),
                        gradients.encoder(),
                        firstMoments.encoder(),
                        secondMoments.encoder(),
                        null,
                        null,
                        false);
            case LATENT_STEP -> kernels.latentStep(step, terms, null, 0, weights, firstMoments, secondMoments, true);
        }
    }

    /** Seconds of one call, the mean of {@code calls}. */
    private double seconds(Work work, int calls) {
        long started = System.nanoTime();
        for (int call = 0; call < calls; call++) {
            run(work);
        }
        device.synchronize();
        return (System.nanoTime() - started) / 1e9 / calls;
    }

    /** Runs until two calls in a row take about the same time, and returns it. */
    private double warmUp(Work work, double least) {
        double before = seconds(work, 1);
        double spent = before;
        while (true) {
            double now = seconds(work, 1);
            spent += now;
            boolean steady = Math.abs(now - before) < 0.1 * now;
            if (spent > LONGEST_WARM_UP * least || (spent > least && steady)) {
                return Math.min(now, before);
            }
            before = now;
        }
    }

    /** The figures of the kernels by name. */
    Map<String, Object> measure(BenchEffort effort) {
        int rounds = effort.rounds();
        Map<Work, Integer> calls = new EnumMap<>(Work.class);
        // In the order of a step: each kernel works on what those before it made.
        for (Work work : Work.values()) {
            calls.put(
                    work, Math.clamp((long) (effort.kernelSeconds() / warmUp(work, effort.warmUpSeconds())), 1, 1000));
        }
        Peaks[] peaks = new Peaks[rounds];
        Map<Work, double[]> seconds = new EnumMap<>(Work.class);
        for (Work work : Work.values()) {
            seconds.put(work, new double[rounds]);
        }
        for (int round = 0; round < rounds; round++) {
            peaks[round] = BenchPeaks.of(device);
            for (Map.Entry<Work, Integer> entry : calls.entrySet()) {
                of(seconds, entry.getKey())[round] = seconds(entry.getKey(), entry.getValue());
            }
        }
        return figures(rounds, peaks, seconds);
    }

    private Map<String, Object> figures(int rounds, Peaks[] peaks, Map<Work, double[]> seconds) {
        Map<String, Object> map = new LinkedHashMap<>();
        double product = size.productFlops(productRows);
        rate(map, "gemm_gflops", "gemm_share", product, of(seconds, Work.PRODUCT), fma(peaks));
        rate(
                map,
                "encode_gflops",
                "encode_share",
                size.productFlops(size.batch()),
                of(seconds, Work.ENCODE),
                fma(peaks));
        map.put("selection_us_per_row", selection(seconds));
        double[] pack = of(seconds, Work.PACK);
        map.put("pack_ms", BenchRounds.of(rounds, round -> pack[round] * 1e3).median());
        // What the step spends on its one product, had it the batch's size.
        map.put(
                "gemm_ms",
                BenchRounds.of(rounds, round -> of(seconds, Work.PRODUCT)[round] * 1e3 * size.batch() / productRows)
                        .median());
        rate(map, "decode_gflops", null, size.sparseFlops(), of(seconds, Work.DECODE), fma(peaks));
        rate(map, "reconstruct_gflops", null, 2 * size.sparseFlops(), of(seconds, Work.RECONSTRUCT), fma(peaks));
        rate(map, "decode_gb_per_s", null, size.gatheredBytes(), of(seconds, Work.DECODE), copy(peaks));
        rate(map, "reconstruct_gb_per_s", null, size.gatheredBytes(), of(seconds, Work.RECONSTRUCT), copy(peaks));
        double[] group = of(seconds, Work.GROUP);
        map.put(
                "group_ns_per_entry",
                BenchRounds.of(rounds, round -> group[round] * 1e9 / codes.capacity())
                        .median());
        rate(
                map,
                "latent_gradients_gflops",
                null,
                2 * size.sparseFlops(),
                of(seconds, Work.LATENT_GRADIENTS),
                fma(peaks));
        // Weights and two moments read and written, the gradient read; the encoder alone is half of the parameters.
        rate(map, "adam_gb_per_s", "adam_share", 14 * size.parameters(), of(seconds, Work.ADAM), copy(peaks));
        rate(
                map,
                "latent_step_gb_per_s",
                "latent_step_share",
                24 * size.parameters(),
                of(seconds, Work.LATENT_STEP),
                copy(peaks));
        return map;
    }

    /**
     * What encoding takes beyond a plain product of the same size, in µs for each row. From the shortest times, as a
     * difference suffers most from disturbance. Both sides pack the weights once; the product also writes its result to
     * memory, which encoding saves, so this can be negative.
     */
    private double selection(Map<Work, double[]> seconds) {
        double pack = shortest(seconds, Work.PACK);
        double plain = (shortest(seconds, Work.PRODUCT) - pack) * size.batch() / productRows;
        return (shortest(seconds, Work.ENCODE) - plain) * 1e6 / size.batch();
    }

    private static double shortest(Map<Work, double[]> seconds, Work work) {
        return Arrays.stream(of(seconds, work)).min().orElseThrow();
    }

    private static double[] of(Map<Work, double[]> seconds, Work work) {
        return Objects.requireNonNull(seconds.get(work));
    }

    /** Adds {@code amount}·10⁻⁹ a second under {@code name}, and its share of the same round's peak. */
    private static void rate(
            Map<String, Object> map,
            String name,
            @Nullable String share,
            double amount,
            double[] seconds,
            double[] peaks) {
        BenchRounds.of(seconds.length, round -> amount / seconds[round] / 1e9).addTo(map, name);
        if (share != null) {
            map.put(
                    share,
                    BenchRounds.of(seconds.length, round -> amount / seconds[round] / 1e9 / peaks[round])
                            .median());
        }
    }

    private static double[] fma(Peaks... peaks) {
        return Arrays.stream(peaks).mapToDouble(Peaks::fmaGflops).toArray();
    }

    private static double[] copy(Peaks... peaks) {
        return Arrays.stream(peaks).mapToDouble(Peaks::copyGigabytesPerSecond).toArray();
    }

    @Override
    public void close() {
        held.close();
    }
}
