// SPDX-License-Identifier: Apache-2.0
package dev.darien.prune;

import dev.darien.data.SeededRandom;
import java.util.Arrays;

/** A pruning method that Activating-while-Pruning adds to: it scores weights, and the lowest scores are pruned. */
public enum BaseMethod {
    /** |w|, compared over all layers. */
    MAGNITUDE,
    /** |w · ∂loss/∂w|, over all layers: by how much the loss changes, to first order, without the weight. */
    GRADIENT,
    /** A random number. */
    RANDOM,
    /**
     * Layer-adaptive magnitude (Lee et al. 2021, arXiv 2010.07611): w² over the sum of squares of those of
     * its layer that are as large or larger, compared over all layers. The largest weight of a layer scores 1, so no
     * layer is ever emptied.
     */
    LAMP,
    /**
     * Lookahead (Park et al. 2020, arXiv 2002.04809): |w| times the norm of the weights into the neuron that
     * it comes from, times the norm of those out of the neuron that it goes to. Compared within a layer, as there, so that
     * each layer loses the same share.
     */
    LOOKAHEAD;

    /**
     * The score of each weight; those of pruned weights mean nothing.
     *
     * @param weights trained weights, pruned ones 0
     * @param gradients of the loss by each weight; only {@link #GRADIENT} reads them
     * @param seed only {@link #RANDOM} uses it
     */
    float[] scores(NetworkShape shape, PruningMask mask, float[] weights, float[] gradients, long seed) {
        int count = weights.length;
        return switch (this) {
            case MAGNITUDE -> Floats.of(count, i -> Math.abs(weights[i]));
            case GRADIENT -> Floats.of(count, i -> Math.abs(weights[i] * gradients[i]));
            case RANDOM -> {
                SeededRandom random = new SeededRandom(seed);
                yield Floats.of(count, i -> random.nextFloat());
            }
            case LAMP -> {
                float[] scores = new float[count];
                forEachLayer(shape, (layer, first, end) -> lamp(mask, weights, first, end, scores));
                yield scores;
            }
            case LOOKAHEAD -> {
                float[] scores = new float[count];
                forEachLayer(shape, (layer, first, end) -> {
                    lookahead(shape, layer, weights, scores);
                    rank(mask, scores, first, end);
                });
                yield scores;
            }
        };
    }

    private interface LayerTask {
        void run(int layer, int first, int end);
    }

    private static void forEachLayer(NetworkShape shape, LayerTask task) {
        for (int layer = 0; layer < shape.layers().size(); layer++) {
            int first = shape.weightOffset(layer);
            task.run(layer, first, first + shape.layers().get(layer).weights());
        }
    }

    private static void lamp(PruningMask mask, float[] weights, int first, int end, float[] scores) {
        float[] magnitudes = Floats.of(end - first, i -> Math.abs(weights[first + i]));
        int[] order = ascending(mask, magnitudes, first);
        double sum = 0;
        for (int last = order.length - 1; last >= 0; ) {
            float size = magnitudes[order[last]];
            int next = last;
            for (; next >= 0 && magnitudes[order[next]] == size; next--) {
                sum += (double) size * size;
            }
            for (; last > next; last--) {
                scores[first + order[last]] = sum == 0 ? 0 : (float) ((double) size * size / sum);
            }
        }
    }

    private static void lookahead(NetworkShape shape, int index, float[] weights, float[] scores) {
        LayerShape layer = shape.layers().get(index);
        double[] into = index == 0 ? null : rowNorms(shape, index - 1, weights);
        double[] outOf = index == shape.layers().size() - 1 ? null : channelNorms(shape, index + 1, weights);
        int at = shape.weightOffset(index);
        for (int output = 0; output < layer.outputs(); output++) {
            for (int i = 0; i < layer.fanIn(); i++, at++) {
                double score = Math.abs(weights[at]);
                score *= into == null ? 1 : into[i % into.length];
                score *= outOf == null ? 1 : outOf[output];
                scores[at] = (float) score;
            }
        }
    }

    /** For each output channel of a layer, the norm of the weights into it. */
    private static double[] rowNorms(NetworkShape shape, int index, float[] weights) {
        LayerShape layer = shape.layers().get(index);
        double[] squares = new double[layer.outputs()];
        for (int i = 0; i < layer.weights(); i++) {
            double weight = weights[shape.weightOffset(index) + i];
            squares[i / layer.fanIn()] += weight * weight;
        }
        return Arrays.stream(squares).map(Math::sqrt).toArray();
    }

    /** For each output channel of the layer before, the norm of this layer's weights that it feeds: channels lie closest. */
    private static double[] channelNorms(NetworkShape shape, int index, float[] weights) {
        int channels = shape.layers().get(index - 1).outputs();
        double[] squares = new double[channels];
        for (int i = 0; i < shape.layers().get(index).weights(); i++) {
            double weight = weights[shape.weightOffset(index) + i];
            squares[i % channels] += weight * weight;
        }
        return Arrays.stream(squares).map(Math::sqrt).toArray();
    }

    /** Replaces the scores of a layer's surviving weights by the share of them that score lower. */
    private static void rank(PruningMask mask, float[] scores, int first, int end) {
        int[] order = ascending(mask, Arrays.copyOfRange(scores, first, end), first);
        for (int i = 0; i < order.length; i++) {
            scores[first + order[i]] = i / (float) order.length;
        }
    }

    /** Positions in {@code scores} of the weights that are left, lowest score first, then lowest position. */
    private static int[] ascending(PruningMask mask, float[] scores, int first) {
        long[] ranked = new long[scores.length];
        int count = 0;
        for (int i = 0; i < scores.length; i++) {
            if (mask.keeps(first + i)) {
                // Scores aren't negative, so their bits have their order.
                ranked[count++] = (long) Float.floatToIntBits(scores[i]) << 32 | i;
            }
        }
        Arrays.sort(ranked, 0, count);
        return Arrays.stream(ranked, 0, count).mapToInt(key -> (int) key).toArray();
    }
}
