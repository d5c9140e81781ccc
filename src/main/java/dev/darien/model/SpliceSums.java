// SPDX-License-Identifier: Apache-2.0
package dev.darien.model;

import java.nio.FloatBuffer;

/** Sums over batches of what one splice does to a model. */
final class SpliceSums {
    private final SuffixModel.Kind kind;
    private double loss;
    private double divergence;
    private double logitChange;
    private double largestLogitChange;
    private double distance;
    private long tokens;
    private long texts;

    SpliceSums(SuffixModel.Kind kind) {
        this.kind = kind;
    }

    /**
     * Adds a batch.
     *
     * @param clean the model's output as it is
     * @param spliced its output with the splice
     */
    void add(HookedBatch batch, SuffixModel.Output clean, SuffixModel.Output spliced) {
        if (kind == SuffixModel.Kind.EMBEDDING) {
            embeddings(batch, spliced.dimensions() == 3, clean.values(), spliced.values());
        } else {
            losses(batch, clean.values(), spliced.values());
        }
    }

    private void losses(HookedBatch batch, FloatBuffer clean, FloatBuffer spliced) {
        int length = batch.length();
        int width = spliced.limit() / (batch.sequences().size() * length);
        for (int i = 0; i < batch.sequences().size(); i++) {
            TokenSequence sequence = batch.sequences().get(i);
            for (int position = 0; position < sequence.length(); position++) {
                if (!sequence.isKept(position) || sequence.target(position) < 0) {
                    continue;
                }
                int at = (i * length + position) * width;
                tokens++;
                if (kind == SuffixModel.Kind.LOSS) {
                    loss += spliced.get(at);
                } else {
                    double norm = logSum(spliced, at, width);
                    loss += norm - spliced.get(at + sequence.target(position));
                    divergence += divergence(clean, spliced, at, width, norm);
                    addLogitChange(clean, spliced, at, width);
                }
            }
        }
    }

    /** log Σ exp of the logits. */
    private static double logSum(FloatBuffer logits, int at, int width) {
        float largest = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < width; i++) {
            largest = Math.max(largest, logits.get(at + i));
        }
        double sum = 0;
        for (int i = 0; i < width; i++) {
            sum += Math.exp(logits.get(at + i) - largest);
        }
        return largest + Math.log(sum);
    }

    private static double divergence(FloatBuffer clean, FloatBuffer spliced, int at, int width, double norm) {
        double cleanNorm = logSum(clean, at, width);
        double sum = 0;
        for (int i = 0; i < width; i++) {
            double logP = clean.get(at + i) - cleanNorm;
            sum += Math.exp(logP) * (logP - (spliced.get(at + i) - norm));
        }
        return sum;
    }

    private void addLogitChange(FloatBuffer clean, FloatBuffer spliced, int at, int width) {
        double squares = 0;
        double largest = 0;
        for (int i = 0; i < width; i++) {
            double change = (double) spliced.get(at + i) - clean.get(at + i);
            squares += change * change;
            largest = Math.max(largest, Math.abs(change));
        }
        logitChange += Math.sqrt(squares);
        largestLogitChange += largest;
    }

    private void embeddings(HookedBatch batch, boolean tokenwise, FloatBuffer clean, FloatBuffer spliced) {
        int count = batch.sequences().size();
        int length = batch.length();
        int width = spliced.limit() / (tokenwise ? count * length : count);
        for (int i = 0; i < count; i++) {
            int positions = tokenwise ? batch.sequences().get(i).length() : 1;
            int at = i * (tokenwise ? length : 1) * width;
            distance += distance(mean(clean, at, positions, width), mean(spliced, at, positions, width));
            texts++;
        }
    }

    private static double[] mean(FloatBuffer values, int at, int positions, int width) {
        double[] mean = new double[width];
        for (int position = 0; position < positions; position++) {
            for (int i = 0; i < width; i++) {
                mean[i] += values.get(at + position * width + i) / (double) positions;
            }
        }
        return mean;
    }

    /** 1 - cos; from a vector without direction it is 1. */
    private static double distance(double[] a, double[] b) {
        double product = 0;
        double squareA = 0;
        double squareB = 0;
        for (int i = 0; i < a.length; i++) {
            product += a[i] * b[i];
            squareA += a[i] * a[i];
            squareB += b[i] * b[i];
        }
        double norms = Math.sqrt(squareA * squareB);
        return norms == 0 ? 1 : 1 - product / norms;
    }

    long tokens() {
        return tokens;
    }

    long texts() {
        return texts;
    }

    double meanLoss() {
        return loss / tokens;
    }

    /** NaN where the model keeps its predictions to itself. */
    double meanDivergence() {
        return kind == SuffixModel.Kind.LOGITS ? divergence / tokens : Double.NaN;
    }

    /** Mean over tokens of the length of the logits' change; NaN as {@link #meanDivergence}. */
    double meanLogitChange() {
        return kind == SuffixModel.Kind.LOGITS ? logitChange / tokens : Double.NaN;
    }

    /** Mean over tokens of the largest change of a logit; NaN as {@link #meanDivergence}. */
    double meanLargestLogitChange() {
        return kind == SuffixModel.Kind.LOGITS ? largestLogitChange / tokens : Double.NaN;
    }

    double meanDistance() {
        return distance / texts;
    }
}
