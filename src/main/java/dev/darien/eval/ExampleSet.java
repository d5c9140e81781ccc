// SPDX-License-Identifier: Apache-2.0
package dev.darien.eval;

import dev.darien.data.ActivationSource;
import dev.darien.data.DataException;
import dev.darien.data.Examples;
import dev.darien.data.SeededRandom;
import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.sae.Autoencoder;
import dev.darien.sae.Inference;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Labelled examples with their activations and the codes of an SAE, both averaged over the tokens of an example
 * (SAEBench, Karvonen et al. 2025, sparse probing).
 */
public final class ExampleSet {
    private static final int BATCH = 1024;
    /** Random directions beyond this many would only cost memory. */
    private static final int MOST_RANDOM = 4096;

    private final Examples examples;
    private final float[][] activations;
    private final Features.Sparse latents;
    private final int width;

    private ExampleSet(Examples examples, float[][] activations, Features.Sparse latents, int width) {
        this.examples = examples;
        this.activations = activations;
        this.latents = latents;
        this.width = width;
    }

    /**
     * Encodes {@code source} with {@code sae} and averages over each example's tokens.
     *
     * @throws DataException if the widths or the numbers of tokens differ, or an example has no token
     */
    public static ExampleSet of(Autoencoder sae, ActivationSource source, Examples examples) {
        if (source.width() != sae.width()) {
            throw new DataException(source.describe() + " has activations of width " + source.width()
                    + ", but the SAE was trained on width " + sae.width());
        }
        if (source.rows() != examples.tokens()) {
            throw new DataException(source.describe() + " has " + source.rows() + " tokens, but the labels are of "
                    + examples.tokens());
        }
        int[] tokens = new int[examples.count()];
        for (int token = 0; token < examples.tokens(); token++) {
            if (examples.exampleOf(token) >= 0) {
                tokens[examples.exampleOf(token)]++;
            }
        }
        float[][] activations = new float[examples.count()][];
        int[][] indices = new int[examples.count()][0];
        float[][] values = new float[examples.count()][0];
        float[] row = new float[sae.width()];
        try (Inference inference = sae.inference((int) Math.min(BATCH, source.rows()));
                Matrix batch = sae.device().staging("batch", source.dtype(), inference.maxRows(), source.width())) {
            for (long first = 0; first < source.rows(); first += inference.maxRows()) {
                int count = (int) Math.min(inference.maxRows(), source.rows() - first);
                source.read(first, count, batch);
                try (SparseCodes codes = inference.toHost(inference.encode(batch.slice(0, count)))) {
                    for (int token = 0; token < count; token++) {
                        int example = examples.exampleOf((int) first + token);
                        if (example >= 0) {
                            double weight = 1.0 / tokens[example];
                            for (int t = 0; t < row.length; t++) {
                                row[t] = batch.get(token, t);
                                if (!Float.isFinite(row[t])) {
                                    throw new DataException(source.locate(first + token)
                                            + " holds NaN or an infinity; remove such rows");
                                }
                            }
                            activations[example] = added(activations[example], row, weight);
                            merge(codes, token, weight, example, indices, values);
                        }
                    }
                }
            }
        }
        // Sequences without tokens, as of empty lines, are no examples: they keep a label that nobody asks for.
        return new ExampleSet(
                examples,
                activations,
                new Features.Sparse(
                        indices,
                        values,
                        sae.decoderRows(IntStream.range(0, sae.latents()).toArray())),
                source.width());
    }

    private static float[] added(float[] sum, float[] row, double weight) {
        float[] result = sum == null ? new float[row.length] : sum;
        for (int t = 0; t < row.length; t++) {
            result[t] += (float) (weight * row[t]);
        }
        return result;
    }

    /** Adds a token's codes to those of its example; both ascend by latent. */
    private static void merge(
            SparseCodes codes, int token, double weight, int example, int[][] indices, float[][] values) {
        int from = codes.start(token);
        int to = codes.start(token + 1);
        int[] oldIndices = indices[example];
        float[] oldValues = values[example];
        int[] newIndices = new int[oldIndices.length + to - from];
        float[] newValues = new float[newIndices.length];
        int old = 0;
        int end = 0;
        for (int entry = from; entry < to || old < oldIndices.length; ) {
            int here = entry < to ? codes.latent(entry) : Integer.MAX_VALUE;
            int there = old < oldIndices.length ? oldIndices[old] : Integer.MAX_VALUE;
            newIndices[end] = Math.min(here, there);
            if (here <= there) {
                newValues[end] += (float) (weight * codes.value(entry++));
            }
            if (there <= here) {
                newValues[end] += oldValues[old++];
            }
            end++;
        }
        indices[example] = Arrays.copyOf(newIndices, end);
        values[example] = Arrays.copyOf(newValues, end);
    }

    /** The examples and their labels. */
    public Examples examples() {
        return examples;
    }

    /** Width of the activations, d. */
    public int width() {
        return width;
    }

    /** Whether an example has any token. */
    boolean isThere(int example) {
        return activations[example] != null;
    }

    /** Averaged activations, [examples][d]. */
    float[][] activations() {
        return activations;
    }

    /** Averaged codes with decoder rows. */
    Features.Sparse latents() {
        return latents;
    }

    /** A baseline: the channels of the activations themselves. */
    Features channels() {
        float[][] axes = new float[width][width];
        for (int t = 0; t < width; t++) {
            axes[t][t] = 1;
        }
        return new Features.Dense(activations, axes);
    }

    /** A baseline: the principal components of the examples {@code fitted}, at most {@code most}, largest first. */
    Features principalComponents(int[] fitted, int most) {
        PrincipalComponents components = PrincipalComponents.of(activations, fitted, Math.min(most, width));
        return projections(components.mean(), components.directions());
    }

    /** A baseline: random directions, as many as there are latents up to {@value #MOST_RANDOM}. */
    Features randomDirections(long seed) {
        SeededRandom random = new SeededRandom(seed);
        float[][] directions = new float[Math.min(MOST_RANDOM, latents.count())][width];
        for (float[] direction : directions) {
            double squares = 0;
            for (int t = 0; t < width; t++) {
                direction[t] = (float) random.nextGaussian();
                squares += direction[t] * direction[t];
            }
            for (int t = 0; t < width; t++) {
                direction[t] /= (float) Math.sqrt(squares);
            }
        }
        return projections(new float[width], directions);
    }

    /**
     * A baseline for taking features away: random directions at right angles, as many as the activations are wide, so that
     * nothing is taken away twice.
     */
    Features randomBasis(long seed) {
        SeededRandom random = new SeededRandom(seed);
        double[][] basis = new double[width][width];
        for (double[] direction : basis) {
            for (int t = 0; t < width; t++) {
                direction[t] = random.nextGaussian();
            }
        }
        PrincipalComponents.orthonormalise(basis);
        float[][] directions = new float[width][width];
        for (int at = 0; at < width; at++) {
            for (int t = 0; t < width; t++) {
                directions[at][t] = (float) basis[at][t];
            }
        }
        return projections(new float[width], directions);
    }

    /** Features {@code (x - offset)·direction}. */
    private Features projections(float[] offset, float[]... directions) {
        float[][] values = new float[activations.length][];
        for (int example = 0; example < values.length; example++) {
            if (isThere(example)) {
                float[] centred = activations[example].clone();
                for (int t = 0; t < width; t++) {
                    centred[t] -= offset[t];
                }
                values[example] = new float[directions.length];
                for (int feature = 0; feature < directions.length; feature++) {
                    values[example][feature] = dot(centred, directions[feature]);
                }
            }
        }
        return new Features.Dense(values, directions);
    }

    static float dot(float[] a, float[] b) {
        float sum = 0;
        for (int t = 0; t < a.length; t++) {
            sum += a[t] * b[t];
        }
        return sum;
    }
}
