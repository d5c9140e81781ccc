// SPDX-License-Identifier: Apache-2.0
package dev.darien.testfiles;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.darien.memory.DType;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Inference;
import dev.darien.sae.Sae;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.function.UnaryOperator;

/**
 * What an SAE of another project computes, in double precision and in the words of that project: the oracle of the
 * readers' tests. {@code encode} and {@code decode} are what it calls so; {@code before} and {@code after} what it does
 * to a row around them.
 */
public final class Expected {
    private final UnaryOperator<double[]> encode;
    private final UnaryOperator<double[]> decode;

    public Expected(UnaryOperator<double[]> encode, UnaryOperator<double[]> decode) {
        this.encode = encode;
        this.decode = decode;
    }

    /** {@code x · W + b} with W [d, F]. */
    public static double[] affine(double[] x, Values weights, double[] bias) {
        double[] out = bias.clone();
        for (int r = 0; r < x.length; r++) {
            for (int c = 0; c < out.length; c++) {
                out[c] += x[r] * weights.at(r, c);
            }
        }
        return out;
    }

    public static double[] minus(double[] a, double[] b) {
        double[] out = a.clone();
        for (int i = 0; i < out.length; i++) {
            out[i] -= b[i];
        }
        return out;
    }

    public static double[] times(double[] a, double factor) {
        return Arrays.stream(a).map(value -> value * factor).toArray();
    }

    public static double[] times(double[] a, double[] b) {
        double[] out = a.clone();
        for (int i = 0; i < out.length; i++) {
            out[i] *= b[i];
        }
        return out;
    }

    public static double[] relu(double[] values) {
        return Arrays.stream(values).map(value -> Math.max(0, value)).toArray();
    }

    public static double[] jumpRelu(double[] values, double... thresholds) {
        double[] out = relu(values);
        for (int i = 0; i < out.length; i++) {
            if (!(values[i] > thresholds[thresholds.length == 1 ? 0 : i])) {
                out[i] = 0;
            }
        }
        return out;
    }

    public static double[] topK(double[] values, int k) {
        double[] out = new double[values.length];
        Integer[] order = new Integer[values.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparingDouble((Integer i) -> -values[i]));
        for (int i = 0; i < k; i++) {
            out[order[i]] = Math.max(0, values[order[i]]);
        }
        return out;
    }

    /** Length of each row. */
    public static double[] norms(Values rows) {
        double[] norms = new double[rows.shape()[0]];
        for (int r = 0; r < norms.length; r++) {
            double sum = 0;
            for (int c = 0; c < rows.shape()[1]; c++) {
                sum += rows.at(r, c) * rows.at(r, c);
            }
            norms[r] = Math.sqrt(sum);
        }
        return norms;
    }

    public static double mean(double[] x) {
        return Arrays.stream(x).average().orElseThrow();
    }

    /** As torch's: with d - 1 degrees of freedom. */
    public static double std(double[] x) {
        double mean = mean(x);
        return Math.sqrt(
                Arrays.stream(x).map(value -> (value - mean) * (value - mean)).sum() / (x.length - 1));
    }

    /** The same, standardised row by row and put back as OpenAI's, BatchTopK's and SAELens's code do. */
    public Expected withLayerNorm() {
        double[] state = new double[2];
        return new Expected(
                x -> {
                    state[0] = mean(x);
                    state[1] = std(x);
                    return encode.apply(times(
                            Arrays.stream(x).map(value -> value - state[0]).toArray(), 1 / (state[1] + 1e-5)));
                },
                codes -> Arrays.stream(decode.apply(codes))
                        .map(value -> value * state[1] + state[0])
                        .toArray());
    }

    /** The same, on rows of length √d, as SAELens's {@code constant_norm_rescale}. */
    public Expected withConstantNorm() {
        double[] state = new double[1];
        return new Expected(
                x -> {
                    state[0] = Math.sqrt(x.length
                            / Arrays.stream(x).map(value -> value * value).sum());
                    return encode.apply(times(x, state[0]));
                },
                codes -> times(decode.apply(codes), 1 / state[0]));
    }

    /** Activations that no rounding puts on the other side of a threshold. */
    public static double[][] activations(int rows, int width, long seed) {
        Random random = new Random(seed);
        double[][] x = new double[rows][width];
        for (double[] row : x) {
            for (int c = 0; c < width; c++) {
                row[c] = (float) (random.nextGaussian() + 0.2);
            }
        }
        return x;
    }

    /** Fails unless {@code sae} gives the same codes and reconstructions, to 1e-5 of the largest value. */
    public void assertSame(Sae sae) {
        double[][] x = activations(24, sae.width(), 99);
        int active = 0;
        try (Inference inference = sae.inference(7);
                Matrix input = sae.device().staging("x", DType.F32, 7, sae.width());
                Matrix output = sae.device().staging("output", DType.F32, 7, sae.width())) {
            for (int first = 0; first < x.length; first += inference.maxRows()) {
                int count = Math.min(inference.maxRows(), x.length - first);
                for (int r = 0; r < count; r++) {
                    for (int c = 0; c < sae.width(); c++) {
                        input.set(r, c, (float) x[first + r][c]);
                    }
                }
                SparseCodes there = inference.encode(input.slice(0, count));
                sae.device().download(inference.decode(there), output.slice(0, count));
                try (SparseCodes codes = inference.toHost(there)) {
                    for (int r = 0; r < count; r++) {
                        double[] expected = encode.apply(x[first + r]);
                        double[] found = dense(codes, r);
                        assertClose("codes of row " + (first + r), found, expected);
                        assertClose("reconstruction of row " + (first + r), doubles(output, r), decode.apply(expected));
                        active += codes.start(r + 1) - codes.start(r);
                    }
                }
            }
        }
        assertThat(active).as("active latents").isBetween(x.length, x.length * sae.latents() - 1);
    }

    private static double[] dense(SparseCodes codes, int row) {
        double[] dense = new double[codes.latents()];
        for (int entry = codes.start(row); entry < codes.start(row + 1); entry++) {
            dense[codes.latent(entry)] = codes.value(entry);
        }
        return dense;
    }

    private static double[] doubles(Matrix matrix, int row) {
        double[] values = new double[matrix.columns()];
        for (int c = 0; c < values.length; c++) {
            values[c] = matrix.get(row, c);
        }
        return values;
    }

    private static void assertClose(String what, double[] found, double[] expected) {
        double largest =
                Math.max(1, Arrays.stream(expected).map(Math::abs).max().orElse(0));
        assertThat(found).as(what).hasSameSizeAs(expected);
        for (int i = 0; i < found.length; i++) {
            assertThat(found[i]).as("%s, %d", what, i).isCloseTo(expected[i], within(1e-5 * largest));
        }
    }
}
