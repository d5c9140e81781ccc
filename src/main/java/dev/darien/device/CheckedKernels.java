// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

import dev.darien.memory.Matrix;
import dev.darien.memory.SparseCodes;
import dev.darien.memory.Turn;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of a device behind the checks that all devices share: no other thread uses the device, each call's shapes,
 * types and reach are checked once, then the device's own kernels are called, which need not check them again. What only
 * the device can know stays with it: whether an encoder is its own and has been packed, and what matrices hold.
 */
@SuppressWarnings("try") // A turn is taken, not looked at.
public final class CheckedKernels implements Kernels {
    private final Turn turn;
    private final Kernels kernels;
    private final Shapes shapes;
    private final MethodShapes methods;

    /**
     * Checked {@code kernels}.
     *
     * @param turn the device's, which each call takes
     * @param reach which memory they can work on; beyond it only {@link #convert}'s source may lie, in the host's memory
     */
    public CheckedKernels(Turn turn, Kernels kernels, Reach reach) {
        this.turn = turn;
        this.kernels = kernels;
        this.shapes = new Shapes(reach);
        this.methods = new MethodShapes(shapes);
    }

    @Override
    public void convert(Matrix source, float scale, @Nullable Matrix offset, Matrix out) {
        try (Turn held = turn.take()) {
            shapes.convert(source, offset, out);
            kernels.convert(source, scale, offset, out);
        }
    }

    @Override
    public void multiply(Product product, Matrix a, Matrix b, Matrix out, boolean accumulate) {
        try (Turn held = turn.take()) {
            shapes.multiply(product, a, b, out);
            kernels.multiply(product, a, b, out, accumulate);
        }
    }

    @Override
    public void fill(Matrix x, float value) {
        try (Turn held = turn.take()) {
            shapes.fill(x);
            kernels.fill(x, value);
        }
    }

    @Override
    public void scale(Matrix x, float factor) {
        try (Turn held = turn.take()) {
            shapes.anyShape(x);
            kernels.scale(x, factor);
        }
    }

    @Override
    public void clampBelow(Matrix x, float minimum) {
        try (Turn held = turn.take()) {
            shapes.anyShape(x);
            kernels.clampBelow(x, minimum);
        }
    }

    @Override
    public void exponentialAverage(Matrix value, float rate, Matrix average) {
        try (Turn held = turn.take()) {
            shapes.exponentialAverage(value, average);
            kernels.exponentialAverage(value, rate, average);
        }
    }

    @Override
    public void rowNorms(Matrix x, Matrix norms) {
        try (Turn held = turn.take()) {
            shapes.rowNorms(x, norms);
            kernels.rowNorms(x, norms);
        }
    }

    @Override
    public void weightedRowSum(@Nullable Matrix weights, Matrix rows, float factor, boolean accumulate, Matrix out) {
        try (Turn held = turn.take()) {
            shapes.weightedRowSum(weights, rows, out);
            kernels.weightedRowSum(weights, rows, factor, accumulate, out);
        }
    }

    @Override
    public void geometricMedian(Matrix x, int iterations, float tolerance, Matrix median) {
        try (Turn held = turn.take()) {
            shapes.geometricMedian(x, iterations, median);
            kernels.geometricMedian(x, iterations, tolerance, median);
        }
    }

    @Override
    public void pack(Matrix wEnc, Matrix bEnc, PackedEncoder encoder) {
        try (Turn held = turn.take()) {
            shapes.pack(wEnc, bEnc, encoder);
            kernels.pack(wEnc, bEnc, encoder);
        }
    }

    @Override
    public void encodeTopK(Matrix x, PackedEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        try (Turn held = turn.take()) {
            shapes.encodeTopK(x, encoder, k, dead, codes);
            kernels.encodeTopK(x, encoder, k, dead, codes);
        }
    }

    @Override
    public void encodeBatchTopK(
            Matrix x,
            PackedEncoder encoder,
            long budget,
            @Nullable DeadSelection dead,
            SparseCodes codes,
            Matrix smallestKept) {
        try (Turn held = turn.take()) {
            shapes.encodeBatchTopK(x, encoder, budget, dead, codes, smallestKept);
            kernels.encodeBatchTopK(x, encoder, budget, dead, codes, smallestKept);
        }
    }

    @Override
    public void encodeThreshold(
            Matrix x, PackedEncoder encoder, @Nullable Matrix thresholds, float bandwidth, SparseCodes codes) {
        try (Turn held = turn.take()) {
            shapes.encodeThreshold(x, encoder, thresholds, bandwidth, codes);
            kernels.encodeThreshold(x, encoder, thresholds, bandwidth, codes);
        }
    }

    @Override
    public void encodeGroupMax(
            Matrix x, PackedEncoder encoder, int groups, @Nullable DeadSelection dead, SparseCodes codes) {
        try (Turn held = turn.take()) {
            methods.encodeGroupMax(x, encoder, groups, dead, codes);
            kernels.encodeGroupMax(x, encoder, groups, dead, codes);
        }
    }

    @Override
    public void encodeDead(Matrix x, PackedEncoder encoder, DeadSelection dead) {
        try (Turn held = turn.take()) {
            methods.encodeDead(x, encoder, dead);
            kernels.encodeDead(x, encoder, dead);
        }
    }

    @Override
    public void encodeFeatureChoice(
            Matrix x,
            PackedEncoder encoder,
            Matrix budgets,
            boolean keepNonPositive,
            SparseCodes codes,
            Matrix smallestKept) {
        try (Turn held = turn.take()) {
            methods.encodeFeatureChoice(x, encoder, budgets, codes, smallestKept);
            kernels.encodeFeatureChoice(x, encoder, budgets, keepNonPositive, codes, smallestKept);
        }
    }

    @Override
    public void encodeAbsTopK(Matrix x, PackedEncoder encoder, int k, @Nullable DeadSelection dead, SparseCodes codes) {
        try (Turn held = turn.take()) {
            shapes.encodeTopK(x, encoder, k, dead, codes);
            kernels.encodeAbsTopK(x, encoder, k, dead, codes);
        }
    }

    @Override
    public void encodeMatchingPursuit(
            Matrix x, PackedEncoder dictionary, Pursuit limits, @Nullable PursuitSteps steps, SparseCodes codes) {
        try (Turn held = turn.take()) {
            methods.encodeMatchingPursuit(x, dictionary, limits, steps, codes);
            kernels.encodeMatchingPursuit(x, dictionary, limits, steps, codes);
        }
    }

    @Override
    public void attributionStrength(Matrix gradients, PackedEncoder directions, float beta, Matrix strength) {
        try (Turn held = turn.take()) {
            methods.attributionStrength(gradients, directions, beta, strength);
            kernels.attributionStrength(gradients, directions, beta, strength);
        }
    }

    @Override
    public void encodeGradientTopK(
            Matrix x,
            PackedEncoder encoder,
            Matrix gradients,
            PackedEncoder directions,
            Matrix strength,
            int k,
            @Nullable DeadSelection dead,
            SparseCodes codes) {
        try (Turn held = turn.take()) {
            methods.encodeGradientTopK(x, encoder, gradients, directions, strength, k, dead, codes);
            kernels.encodeGradientTopK(x, encoder, gradients, directions, strength, k, dead, codes);
        }
    }

    @Override
    public void decode(SparseCodes codes, Matrix wDec, @Nullable Matrix bias, Matrix out) {
        try (Turn held = turn.take()) {
            shapes.decode(codes, wDec, bias, out);
            kernels.decode(codes, wDec, bias, out);
        }
    }

    @Override
    public void reconstruct(
            SparseCodes codes,
            Matrix wDec,
            @Nullable Matrix bias,
            Matrix target,
            float targetSign,
            Matrix residual,
            Matrix rowErrors,
            Matrix codeGradients) {
        try (Turn held = turn.take()) {
            shapes.reconstruct(codes, wDec, bias, target, residual, rowErrors, codeGradients);
            kernels.reconstruct(codes, wDec, bias, target, targetSign, residual, rowErrors, codeGradients);
        }
    }

    @Override
    public void addL1(
            SparseCodes codes, @Nullable Matrix norms, float coefficient, Matrix codeGradients, Matrix penalty) {
        try (Turn held = turn.take()) {
            shapes.addL1(codes, norms, codeGradients, penalty);
            kernels.addL1(codes, norms, coefficient, codeGradients, penalty);
        }
    }

    @Override
    public void auxiliaryScale(Matrix residual, Matrix auxErrors, float coefficient, Matrix scale, Matrix loss) {
        try (Turn held = turn.take()) {
            shapes.auxiliaryScale(residual, auxErrors, scale, loss);
            kernels.auxiliaryScale(residual, auxErrors, coefficient, scale, loss);
        }
    }

    @Override
    public void groupByLatent(SparseCodes codes, LatentGroups groups) {
        try (Turn held = turn.take()) {
            shapes.groupByLatent(codes, groups);
            kernels.groupByLatent(codes, groups);
        }
    }

    @Override
    public void encoderBiasGradient(LatentTerms terms, boolean accumulate, Matrix gradient) {
        try (Turn held = turn.take()) {
            shapes.encoderBiasGradient(terms, gradient);
            kernels.encoderBiasGradient(terms, accumulate, gradient);
        }
    }

    @Override
    public void thresholdGradient(
            LatentTerms terms,
            Matrix thresholds,
            float bandwidth,
            float l0Coefficient,
            boolean accumulate,
            Matrix gradient) {
        try (Turn held = turn.take()) {
            shapes.thresholdGradient(terms, thresholds, bandwidth, gradient);
            kernels.thresholdGradient(terms, thresholds, bandwidth, l0Coefficient, accumulate, gradient);
        }
    }

    @Override
    public void latentGradients(
            LatentTerms terms, float normPenalty, @Nullable Matrix wDec, LatentRows gradients, Matrix touched) {
        try (Turn held = turn.take()) {
            shapes.latentGradients(terms, normPenalty, wDec, gradients, touched);
            kernels.latentGradients(terms, normPenalty, wDec, gradients, touched);
        }
    }

    @Override
    public void gatedMagnitudes(
            SparseCodes gates, Matrix gateBias, Matrix logScale, Matrix magnitudeBias, Matrix magnitudes) {
        try (Turn held = turn.take()) {
            methods.gatedMagnitudes(gates, gateBias, logScale, magnitudeBias, magnitudes);
            kernels.gatedMagnitudes(gates, gateBias, logScale, magnitudeBias, magnitudes);
        }
    }

    @Override
    public void gatedGradient(
            LatentTerms terms,
            Matrix logScale,
            Matrix magnitudeBias,
            boolean accumulate,
            Matrix scaleGradient,
            Matrix biasGradient) {
        try (Turn held = turn.take()) {
            methods.gatedGradient(terms, logScale, magnitudeBias, scaleGradient, biasGradient);
            kernels.gatedGradient(terms, logScale, magnitudeBias, accumulate, scaleGradient, biasGradient);
        }
    }

    @Override
    public void addDecoded(SparseCodes codes, Matrix factors, float scale, Matrix wDec, Matrix rows) {
        try (Turn held = turn.take()) {
            methods.addDecoded(codes, factors, wDec, rows);
            kernels.addDecoded(codes, factors, scale, wDec, rows);
        }
    }

    @Override
    public void keepLatents(SparseCodes codes, int first, int last, Matrix values) {
        try (Turn held = turn.take()) {
            methods.keepLatents(codes, first, last, values);
            kernels.keepLatents(codes, first, last, values);
        }
    }

    @Override
    public void addPenalty(
            SparseCodes codes,
            @Nullable Matrix norms,
            PenaltyCurve curve,
            float coefficient,
            Matrix codeGradients,
            Matrix penalty) {
        try (Turn held = turn.take()) {
            shapes.addL1(codes, norms, codeGradients, penalty);
            kernels.addPenalty(codes, norms, curve, coefficient, codeGradients, penalty);
        }
    }

    @Override
    public void squaredNorm(
            Matrix x, @Nullable Matrix touched, @Nullable Matrix orthogonalTo, boolean accumulate, Matrix sum) {
        try (Turn held = turn.take()) {
            shapes.squaredNorm(x, touched, orthogonalTo, sum);
            kernels.squaredNorm(x, touched, orthogonalTo, accumulate, sum);
        }
    }

    @Override
    public void clipScale(Matrix squaredNorm, float maximum, Matrix scale) {
        try (Turn held = turn.take()) {
            shapes.clipScale(squaredNorm, scale);
            kernels.clipScale(squaredNorm, maximum, scale);
        }
    }

    @Override
    public void adam(
            AdamStep step,
            Matrix weights,
            Matrix gradient,
            Matrix firstMoment,
            Matrix secondMoment,
            @Nullable Matrix touched,
            @Nullable Matrix gradientScale,
            boolean unitRows) {
        try (Turn held = turn.take()) {
            shapes.adam(weights, gradient, firstMoment, secondMoment, touched, gradientScale);
            kernels.adam(step, weights, gradient, firstMoment, secondMoment, touched, gradientScale, unitRows);
        }
    }

    @Override
    public void latentStep(
            AdamStep step,
            LatentTerms terms,
            @Nullable LatentTerms more,
            float normPenalty,
            LatentRows weights,
            LatentRows firstMoments,
            LatentRows secondMoments,
            boolean unitDecoder) {
        try (Turn held = turn.take()) {
            shapes.latentStep(terms, more, weights, firstMoments, secondMoments);
            kernels.latentStep(step, terms, more, normPenalty, weights, firstMoments, secondMoments, unitDecoder);
        }
    }

    @Override
    public void markFired(SparseCodes codes, int step, Matrix lastFired) {
        try (Turn held = turn.take()) {
            shapes.markFired(codes, lastFired);
            kernels.markFired(codes, step, lastFired);
        }
    }

    @Override
    public void listDead(Matrix lastFired, int horizon, Matrix latents, Matrix count) {
        try (Turn held = turn.take()) {
            shapes.listDead(lastFired, latents, count);
            kernels.listDead(lastFired, horizon, latents, count);
        }
    }

    @Override
    public void listUnderused(
            Matrix lastFired, int horizon, Matrix rates, Matrix limits, Matrix latents, Matrix count) {
        try (Turn held = turn.take()) {
            methods.listUnderused(lastFired, rates, limits, latents, count);
            kernels.listUnderused(lastFired, horizon, rates, limits, latents, count);
        }
    }

    @Override
    public void addStatistics(Matrix rowErrors, SparseCodes codes, Matrix statistics) {
        try (Turn held = turn.take()) {
            shapes.addStatistics(rowErrors, codes, statistics);
            kernels.addStatistics(rowErrors, codes, statistics);
        }
    }
}
