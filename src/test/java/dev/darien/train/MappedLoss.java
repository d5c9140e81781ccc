// SPDX-License-Identifier: Apache-2.0
package dev.darien.train;

import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * The loss of a transcoder or crosscoder by its formula, in double precision and without a thought for speed, so that its
 * derivatives can be had by differences.
 */
final class MappedLoss {
    static final int IN = 5;
    static final int OUT = 7;
    static final int LATENTS = 16;
    static final int BATCH = 11;
    /** What the first and the other columns are multiplied by. */
    static final double FIRST_SCALE = 0.7;

    static final double OTHER_SCALE = 1.3;
    static final int K = 3;
    static final double L1 = 0.3;
    static final float THRESHOLD = 0.4f;

    final String architecture;
    /** encoder, encoder_bias, decoder, decoder_bias and, with a skip connection, skip. */
    final Map<String, double[][]> parameters = new LinkedHashMap<>();
    /** [BATCH][IN + OUT], unscaled. */
    final float[][] data = new float[BATCH][IN + OUT];

    private final boolean crosscoder;

    MappedLoss(String architecture, boolean crosscoder, boolean skip, long seed) {
        this.architecture = architecture;
        this.crosscoder = crosscoder;
        Random random = new Random(seed);
        int inputs = crosscoder ? IN + OUT : IN;
        int outputs = crosscoder ? IN + OUT : OUT;
        put(random, "encoder", LATENTS, inputs, 0.6);
        put(random, "encoder_bias", 1, LATENTS, 0.2);
        put(random, "decoder", LATENTS, outputs, 0.5);
        put(random, "decoder_bias", 1, outputs, 0.3);
        if (skip) {
            put(random, "skip", OUT, IN, 0.4);
        }
        for (float[] row : data) {
            for (int at = 0; at < row.length; at++) {
                row[at] = (float) random.nextGaussian();
            }
        }
    }

    private void put(Random random, String name, int rows, int columns, double spread) {
        double[][] values = new double[rows][columns];
        for (double[] row : values) {
            for (int at = 0; at < columns; at++) {
                // As singles, so that the learner starts from the very same.
                row[at] = (float) (spread * random.nextGaussian());
            }
        }
        parameters.put(name, values);
    }

    /** By differences, of every element of a parameter. */
    float[][] gradient(String name) {
        double[][] values = parameters.get(name);
        float[][] gradient = new float[values.length][values[0].length];
        double step = 1e-6;
        for (int row = 0; row < values.length; row++) {
            for (int at = 0; at < values[row].length; at++) {
                double before = values[row][at];
                values[row][at] = before + step;
                double above = loss();
                values[row][at] = before - step;
                double below = loss();
                values[row][at] = before;
                gradient[row][at] = (float) ((above - below) / (2 * step));
            }
        }
        return gradient;
    }

    double loss() {
        double[][] inputs = new double[BATCH][];
        double[][] pre = new double[BATCH][LATENTS];
        for (int row = 0; row < BATCH; row++) {
            inputs[row] = input(row);
            for (int j = 0; j < LATENTS; j++) {
                pre[row][j] =
                        parameters.get("encoder_bias")[0][j] + dot(parameters.get("encoder")[j], inputs[row]);
            }
        }
        return switch (architecture) {
            case "matryoshka" -> (squaredError(codes(pre, K), 4) + squaredError(codes(pre, K), LATENTS)) / 2;
            case "multi-topk" -> squaredError(codes(pre, K), LATENTS) + squaredError(codes(pre, 4 * K), LATENTS) / 8;
            default -> squaredError(codes(pre, K), LATENTS) + penalty(codes(pre, K));
        };
    }

    private double[] input(int row) {
        double[] bias = parameters.get("decoder_bias")[0];
        return IntStream.range(0, crosscoder ? IN + OUT : IN)
                .mapToDouble(at -> scaled(row, at) - (crosscoder ? bias[at] : 0))
                .toArray();
    }

    private double scaled(int row, int column) {
        return data[row][column] * (column < IN ? (float) FIRST_SCALE : (float) OTHER_SCALE);
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int at = 0; at < a.length; at++) {
            sum += a[at] * b[at];
        }
        return sum;
    }

    private double[][] codes(double[][] pre, int k) {
        double threshold =
                switch (architecture) {
                    case "relu" -> 0;
                    case "jumprelu" -> THRESHOLD;
                    case "batchtopk", "matryoshka" ->
                        last(Arrays.stream(pre).flatMapToDouble(Arrays::stream).toArray(), k * BATCH);
                    default -> Double.NaN;
                };
        double[][] codes = new double[BATCH][LATENTS];
        for (int row = 0; row < BATCH; row++) {
            double above = Double.isNaN(threshold) ? last(pre[row], k) : threshold;
            for (int j = 0; j < LATENTS; j++) {
                codes[row][j] = pre[row][j] > above ? pre[row][j] : 0;
            }
        }
        return codes;
    }

    /** What the {@code count} largest values that are positive lie strictly above. */
    private static double last(double[] values, int count) {
        double[] sorted = Arrays.stream(values)
                .boxed()
                .sorted(Comparator.reverseOrder())
                .mapToDouble(Double::doubleValue)
                .toArray();
        return Math.max(0, count < sorted.length ? sorted[count] : 0);
    }

    /** Mean over rows, of the reconstruction from latents below {@code end}. */
    private double squaredError(double[][] codes, int end) {
        double sum = 0;
        for (int row = 0; row < BATCH; row++) {
            double[] bias = parameters.get("decoder_bias")[0];
            for (int column = 0; column < bias.length; column++) {
                double error = bias[column] - scaled(row, crosscoder ? column : IN + column);
                for (int j = 0; j < end; j++) {
                    error += codes[row][j] * parameters.get("decoder")[j][column];
                }
                if (parameters.containsKey("skip")) {
                    error += dot(parameters.get("skip")[column], input(row));
                }
                sum += error * error;
            }
        }
        return sum / BATCH;
    }

    private double penalty(double[][] codes) {
        if (!architecture.equals("relu")) {
            return 0;
        }
        double sum = 0;
        for (double[] row : codes) {
            for (int j = 0; j < LATENTS; j++) {
                double[] decoder = parameters.get("decoder")[j];
                double weight = crosscoder
                        ? norm(Arrays.copyOf(decoder, IN)) + norm(Arrays.copyOfRange(decoder, IN, IN + OUT))
                        : 1;
                sum += L1 * row[j] * weight;
            }
        }
        return sum / BATCH;
    }

    private static double norm(double[] values) {
        return Math.sqrt(dot(values, values));
    }
}
