// SPDX-License-Identifier: Apache-2.0
package dev.darien.jmh;

import dev.darien.data.SeededRandom;
import dev.darien.device.Device;
import dev.darien.device.Product;
import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.sae.Sae;
import dev.darien.sae.SaeEncoder;
import dev.darien.sae.SaeWeights;
import dev.darien.sae.TopK;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * How fast {@link SaeEncoder} is against what bounds it: for one vector, one core reading as many bytes as the encoder's
 * weights have; for a batch, the plain matrix product with as many threads. Both sides are measured in turn, round by
 * round, and the medians over the rounds printed. No JMH, because it couldn't take turns.
 */
public final class EncoderSpeed {
    private static final int ROUNDS = 21;
    private static final long ROUND_NANOS = 60_000_000;
    private static final int BATCH = 1024;
    private static final int K = 32;
    private static final int[][] SIZES = {{128, 4096}, {384, 8192}, {768, 24576}, {2304, 16384}};

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final int ARRAY_FLOATS = 1 << 19;

    private static float sink;

    private EncoderSpeed() {}

    /** Prints the table. */
    public static void main(String[] args) {
        System.out.printf(
                "%6s %6s %8s | %9s %9s %6s | %9s %9s %6s%n",
                "d", "F", "weights", "one vec.", "reading", "share", "batch", "product", "share");
        System.out.printf(
                "%6s %6s %8s | %9s %9s %6s | %9s %9s %6s%n",
                "", "", "MB", "GB/s", "GB/s", "", "GFLOP/s", "GFLOP/s", "");
        for (int[] size : SIZES) {
            measure(size[0], size[1]);
        }
        if (Float.isNaN(sink)) {
            System.out.println("a sum was NaN");
        }
    }

    private static void measure(int width, int latents) {
        SeededRandom random = new SeededRandom(1);
        double bytes = 4.0 * width * latents;
        double flops = 2.0 * BATCH * width * latents;
        float[][] x = new float[BATCH][width];
        for (float[] row : x) {
            for (int column = 0; column < width; column++) {
                row[column] = (float) random.nextGaussian();
            }
        }
        try (Device device = Device.open("cpu");
                Sae sae = sae(device, latents, width, random);
                SaeEncoder encoder = SaeEncoder.of(sae);
                Matrix input = device.memory().matrix("input", BATCH, width);
                Matrix output = device.memory().matrix("product", BATCH, latents)) {
            for (int row = 0; row < BATCH; row++) {
                input.setRow(row, x[row]);
            }
            float[][] weights = new float[(int) Math.ceil(bytes / 4 / ARRAY_FLOATS)][ARRAY_FLOATS];
            double read = bytes / ((double) weights.length * ARRAY_FLOATS * 4);
            Runnable[] work = {
                () -> sink += encoder.encode(x[0]).size(),
                () -> read(weights, 1),
                () -> read(weights, 4),
                () -> sink += encoder.encode(x).size(),
                () -> device.kernels().multiply(Product.NT, input, sae.weights().encoder(), output, false),
            };
            double[][] seconds = new double[work.length][ROUNDS];
            for (int round = -3; round < ROUNDS; round++) {
                for (int at = 0; at < work.length; at++) {
                    double each = seconds(work[at]);
                    if (round >= 0) {
                        seconds[at][round] = each;
                    }
                }
            }
            for (int round = 0; round < ROUNDS; round++) {
                seconds[1][round] = Math.min(seconds[1][round], seconds[2][round]) * read;
            }
            System.out.printf(
                    Locale.ROOT,
                    "%6d %6d %8.1f | %9.1f %9.1f %5.0f%% | %9.1f %9.1f %5.0f%%%n",
                    width,
                    latents,
                    bytes / 1e6,
                    bytes / median(seconds[0]) / 1e9,
                    bytes / median(seconds[1]) / 1e9,
                    100 * share(seconds[1], seconds[0]),
                    flops / median(seconds[3]) / 1e9,
                    flops / median(seconds[4]) / 1e9,
                    100 * share(seconds[4], seconds[3]));
        }
    }

    private static Sae sae(Device device, int latents, int width, SeededRandom random) {
        SaeWeights weights = SaeWeights.allocate(device.memory(), latents, width, false);
        try (Matrix host = device.staging("random", DType.F32, latents, width)) {
            for (int row = 0; row < latents; row++) {
                for (int column = 0; column < width; column++) {
                    host.set(row, column, (float) (random.nextGaussian() / Math.sqrt(width)));
                }
            }
            device.upload(host, weights.encoder());
        }
        return new Sae(device, weights, new TopK(K), true, Map.of());
    }

    /** Seconds of a call, the mean of as many as take a round's time. */
    private static double seconds(Runnable work) {
        long started = System.nanoTime();
        long now;
        int calls = 0;
        do {
            work.run();
            calls++;
            now = System.nanoTime();
        } while (now - started < ROUND_NANOS);
        return (now - started) / 1e9 / calls;
    }

    /** Reads all of them in so many streams at a time, of which memory likes one best or several. */
    private static void read(float[][] arrays, int streams) {
        int part = ARRAY_FLOATS / streams;
        for (float[] array : arrays) {
            sink += streams == 1 ? sum(array) : sum(array, part);
        }
    }

    /** Eight chains: additions never hold up the reading. */
    private static float sum(float[] array) {
        int lanes = SPECIES.length();
        FloatVector s0 = FloatVector.zero(SPECIES);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        FloatVector s4 = s0;
        FloatVector s5 = s0;
        FloatVector s6 = s0;
        FloatVector s7 = s0;
        for (int at = 0; at < array.length; at += 8 * lanes) {
            s0 = s0.add(FloatVector.fromArray(SPECIES, array, at));
            s1 = s1.add(FloatVector.fromArray(SPECIES, array, at + lanes));
            s2 = s2.add(FloatVector.fromArray(SPECIES, array, at + 2 * lanes));
            s3 = s3.add(FloatVector.fromArray(SPECIES, array, at + 3 * lanes));
            s4 = s4.add(FloatVector.fromArray(SPECIES, array, at + 4 * lanes));
            s5 = s5.add(FloatVector.fromArray(SPECIES, array, at + 5 * lanes));
            s6 = s6.add(FloatVector.fromArray(SPECIES, array, at + 6 * lanes));
            s7 = s7.add(FloatVector.fromArray(SPECIES, array, at + 7 * lanes));
        }
        return s0.add(s1)
                .add(s2)
                .add(s3)
                .add(s4.add(s5).add(s6).add(s7))
                .reduceLanes(VectorOperators.ADD);
    }

    /** The same in four streams, a quarter of the array each. */
    private static float sum(float[] array, int part) {
        int lanes = SPECIES.length();
        FloatVector s0 = FloatVector.zero(SPECIES);
        FloatVector s1 = s0;
        FloatVector s2 = s0;
        FloatVector s3 = s0;
        FloatVector s4 = s0;
        FloatVector s5 = s0;
        FloatVector s6 = s0;
        FloatVector s7 = s0;
        for (int at = 0; at < part; at += 2 * lanes) {
            s0 = s0.add(FloatVector.fromArray(SPECIES, array, at));
            s1 = s1.add(FloatVector.fromArray(SPECIES, array, at + lanes));
            s2 = s2.add(FloatVector.fromArray(SPECIES, array, part + at));
            s3 = s3.add(FloatVector.fromArray(SPECIES, array, part + at + lanes));
            s4 = s4.add(FloatVector.fromArray(SPECIES, array, 2 * part + at));
            s5 = s5.add(FloatVector.fromArray(SPECIES, array, 2 * part + at + lanes));
            s6 = s6.add(FloatVector.fromArray(SPECIES, array, 3 * part + at));
            s7 = s7.add(FloatVector.fromArray(SPECIES, array, 3 * part + at + lanes));
        }
        return s0.add(s1)
                .add(s2)
                .add(s3)
                .add(s4.add(s5).add(s6).add(s7))
                .reduceLanes(VectorOperators.ADD);
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    /** The median of the ratios of the rounds. */
    private static double share(double[] bound, double[] seconds) {
        double[] ratios = new double[bound.length];
        Arrays.setAll(ratios, round -> bound[round] / seconds[round]);
        return median(ratios);
    }
}
